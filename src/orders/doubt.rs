//! A call about an order that ended in doubt.

use time::OffsetDateTime;
use tokio::time::Instant;

use super::State;
use super::booked::is_of_earlier_call;
use super::journal::Ticket;
use super::known::Known;
use crate::caller::RequestId;

/// What a call that ended in doubt was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To make the order: a payment, or a refund with a number of its own.
    Make,
    /// To end it: a reversal, a close.
    End,
}

/// A call that ended in doubt, and since when.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// The request that ended so.
    pub request_id: RequestId,
    /// What was called, as in logs.
    pub endpoint: &'static str,
    /// What for.
    pub purpose: Purpose,
    /// When it ended so, by the clock.
    pub called: OffsetDateTime,
    /// Since when.
    pub since: Instant,
    /// How long it is followed.
    pub until: Instant,
    /// The row of the call in the journal, if it stands there.
    pub ticket: Option<Ticket>,
}

impl Doubt {
    /// Whether what is known of its order says what became of the call. An order that is paid was not ended yet, and may be
    /// any moment; a row of an earlier call with the same number that failed says nothing of this one.
    pub fn is_settled_by(&self, known: &Known) -> bool {
        let state = known.state;
        match self.purpose {
            Purpose::Make => state.is_final() && !is_of_earlier_call(known, self.called),
            Purpose::End => state.is_final() && !matches!(state, State::Paid | State::PartlyRefunded),
        }
    }
}
