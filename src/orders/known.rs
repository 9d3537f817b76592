//! What QFPay has said of an order so far.

use tokio::time::Instant;

use super::State;

/// What is known of an order.
#[derive(Clone, Debug)]
pub struct Known {
    /// By QFPay's row; [`State::Unknown`] while there is none.
    pub state: State,
    /// QFPay's row, byte for byte.
    pub row: Option<String>,
    /// Its `respcd`.
    pub respcd: Option<String>,
    /// How many queries were made.
    pub asked: u32,
    /// When the last of them was over, whether it brought an answer or none.
    pub asked_at: Option<Instant>,
    /// When QFPay last showed the row.
    pub seen_at: Option<Instant>,
    /// Why no more is known.
    pub note: Option<String>,
}

impl Known {
    /// Nothing, and why.
    pub fn nothing(note: &str) -> Self {
        Self {
            state: State::Unknown,
            row: None,
            respcd: None,
            asked: 0,
            asked_at: None,
            seen_at: None,
            note: Some(note.to_owned()),
        }
    }
}
