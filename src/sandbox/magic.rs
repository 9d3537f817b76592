//! Magic amounts: values of `txamt` that make the sandbox fail on purpose.
//!
//! Easy to remember, and amounts that no test uses by accident: `420` + respcd, or `4200` + HTTP status, or a
//! fault of the network below `4200100`. They work on payments and on refunds.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};

use super::wire::{Dropped, Truncated};

/// How long the sandbox leaves a call hanging before it closes the connection.
pub(super) const HANG: Duration = Duration::from_secs(600);

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
    /// Recorded as failed with this `respcd`.
    Failed(&'static str),
}

const fn row(txamt: u64, answer: Answer, order: OrderEffect, meaning: &'static str) -> Magic {
    Magic { txamt, answer, order, meaning }
}

/// All magic amounts; `docs/sandbox.md` prints this table.
pub const TABLE: &[Magic] = &[
    row(
        4_201_143,
        Answer::Respcd("1143"),
        OrderEffect::DoneWhenQueried("1143"),
        "not paid yet; the first query finds it paid",
    ),
    row(
        4_201_145,
        Answer::Respcd("1145"),
        OrderEffect::DoneWhenQueried("1145"),
        "processing; the first query finds it paid",
    ),
    row(
        4_201_298,
        Answer::Respcd("1298"),
        OrderEffect::Done,
        "slow network, result unknown; in fact it is paid",
    ),
    row(
        4_201_296,
        Answer::Respcd("1296"),
        OrderEffect::Nothing,
        "slow network, result unknown; in fact nothing happened",
    ),
    row(4_201_100, Answer::Respcd("1100"), OrderEffect::Nothing, "maintenance; nothing happened"),
    row(4_201_104, Answer::Respcd("1104"), OrderEffect::Nothing, "parameter error; nothing happened"),
    row(4_201_201, Answer::Respcd("1201"), OrderEffect::Failed("1201"), "not enough money; the order failed"),
    row(
        4_201_205,
        Answer::Respcd("1205"),
        OrderEffect::Failed("1205"),
        "the payment failed; the order failed",
    ),
    row(4_201_297, Answer::Respcd("1297"), OrderEffect::Nothing, "busy; nothing happened"),
    row(
        4_202_005,
        Answer::Respcd("2005"),
        OrderEffect::Failed("2005"),
        "payment code wrong or expired; the order failed",
    ),
    row(
        4_200_000,
        Answer::Drop,
        OrderEffect::Nothing,
        "connection closed without an answer; nothing happened",
    ),
    row(
        4_200_001,
        Answer::Drop,
        OrderEffect::Done,
        "connection closed without an answer; in fact it is paid",
    ),
    row(4_200_003, Answer::Late(3), OrderEffect::Usual, "the usual answer after 3 seconds"),
    row(
        4_200_050,
        Answer::Truncated,
        OrderEffect::Done,
        "half of the answer, then the connection is closed; it is paid",
    ),
    row(
        4_200_099,
        Answer::Hang,
        OrderEffect::Done,
        "no answer for 10 minutes, then the connection is closed; it is paid",
    ),
    row(
        4_200_200,
        Answer::NotJson,
        OrderEffect::Done,
        "HTTP 200 with `\"respcd\": 0000`, which is not valid JSON; it is paid",
    ),
    row(
        4_200_302,
        Answer::Redirect(302),
        OrderEffect::Nothing,
        "HTTP 302 to another place; nothing happened",
    ),
    row(
        4_200_429,
        Answer::Html(429),
        OrderEffect::Nothing,
        "HTTP 429; nothing happened. The sidecar then pauses the app, as after a real one",
    ),
    row(4_200_500, Answer::Html(500), OrderEffect::Nothing, "HTTP 500 with an HTML page; nothing happened"),
    row(4_200_502, Answer::Html(502), OrderEffect::Done, "HTTP 502 with an HTML page; in fact it is paid"),
];

/// The row of an amount, if it is a magic one.
pub(super) fn of(txamt: u64) -> Option<&'static Magic> {
    TABLE.iter().find(|row| row.txamt == txamt)
}

impl Answer {
    /// What reaches the caller in place of the usual response. Takes its time where the table says so.
    pub(super) async fn apply(self, usual: Response<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Dropped> {
        match self {
            Self::Drop => Err(Dropped),
            Self::Hang => {
                tokio::time::sleep(HANG).await;
                Err(Dropped)
            }
            Self::Late(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(usual)
            }
            Self::Truncated => {
                let (mut head, body) = usual.into_parts();
                let whole = bytes_of(body).await;
                head.extensions.insert(Truncated { declared: whole.len() as u64 });
                Ok(Response::from_parts(head, Full::new(whole.slice(..whole.len() / 2))))
            }
            Self::Respcd(_) | Self::NotJson | Self::Html(_) | Self::Redirect(_) => Ok(usual),
        }
    }

    /// The HTTP status that the caller sees; none if there is no answer.
    pub(super) fn status(self, usual: u16) -> Option<u16> {
        match self {
            Self::Drop | Self::Hang => None,
            Self::Html(status) | Self::Redirect(status) => Some(status),
            _ => Some(usual),
        }
    }

    /// Whether the caller gets to read a `respcd`.
    pub(super) fn tells_respcd(self) -> bool {
        matches!(self, Self::Respcd(_) | Self::Late(_))
    }

    /// A response that is not QFPay's JSON, or nothing if the usual one stands.
    pub(super) fn instead(self) -> Option<Response<Full<Bytes>>> {
        let (status, location) = match self {
            Self::Html(status) => (status, None),
            Self::Redirect(status) => (status, Some(HeaderValue::from_static("/elsewhere"))),
            _ => return None,
        };
        let page = format!(
            "<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>nginx</body></html>\n"
        );
        let mut response = Response::new(Full::new(Bytes::from(page)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        if let Some(location) = location {
            response.headers_mut().insert(LOCATION, location);
        }
        Some(response)
    }
}

async fn bytes_of(body: Full<Bytes>) -> Bytes {
    // A full body cannot fail: its error type has no values.
    #[expect(clippy::disallowed_methods, reason = "all of it is in memory already")]
    match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(never) => match never {},
    }
}
