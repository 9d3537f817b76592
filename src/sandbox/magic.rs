//! Magic amounts: values of `txamt` that make the sandbox fail on purpose.
//!
//! Easy to remember, and amounts that no test uses by accident: `420` + respcd, or `4200` + HTTP status, or a
//! fault of the network below `4200100`, where `420001` + `cancel` ends the order. They work on payments and on refunds.

mod answer;
mod effect;
mod table;

pub use table::TABLE;

/// One row of the table.
#[derive(Debug)]
pub struct Magic {
    /// The amount in minor units.
    pub txamt: u64,
    /// What the caller sees.
    pub answer: Answer,
    /// What happened to the order.
    pub order: OrderEffect,
    /// Both in words.
    pub meaning: &'static str,
}

/// What the caller of a magic amount sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// As without magic.
    Usual,
    /// HTTP 200 with this `respcd`.
    Respcd(&'static str),
    /// The usual answer after this many seconds.
    Late(u64),
    /// No answer for ten minutes, then the connection is closed.
    Hang,
    /// The connection is closed without an answer.
    Drop,
    /// The first half of the usual answer, then the connection is closed.
    Truncated,
    /// The usual answer with `"respcd": 0000`, which is not valid JSON.
    NotJson,
    /// This HTTP status with an HTML page, as a gateway in front of QFPay would answer.
    Html(u16),
    /// This HTTP status, to another place.
    Redirect(u16),
}

/// What a magic amount does to the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEffect {
    /// No order is made.
    Nothing,
    /// As without magic.
    Usual,
    /// Paid (refunded) at once, whatever the answer says.
    Done,
    /// Not paid yet, with this `respcd`; the first query finds it paid.
    DoneWhenQueried(&'static str),
    /// Not paid yet, with this `respcd`, for this many seconds; then paid.
    DoneAfter(&'static str, u64),
    /// Paid at once, but no query finds the order for this many seconds.
    Hidden(u64),
    /// Paid at once, but the connections of this many queries that name the order are closed without an answer.
    QueriesDropped(u8),
    /// Paid, and ended in this way at once. A refund ends in no other way than done.
    Ends(End),
    /// Recorded as failed with this `respcd`.
    Failed(&'static str),
}

/// How an order ends besides being paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Cancelled, and given back: `cancel` 1.
    Reversed,
    /// Closed before it was paid: `cancel` 2.
    Closed,
    /// Given back in full: `cancel` 3.
    Refunded,
    /// Given back by half: `cancel` 5.
    PartlyRefunded,
}

/// The row of an amount, if it is a magic one.
pub(super) fn of(txamt: u64) -> Option<&'static Magic> {
    TABLE.iter().find(|row| row.txamt == txamt)
}
