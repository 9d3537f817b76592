//! What becomes of a payment whose end is unknown: its outcome is what the upstream has booked, and the journal says the same.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use qfpay_sidecar::orders::journal::Reader;
use serde_json::Value;

use super::caller::{Called, call};
use super::case::{Call, Case};
use super::run::OUT_TRADE_NO;
use super::upstream::State;

/// Of so many payments one is lost by the upstream although it arrived.
const LOST: usize = 4;

/// How the doubts of all cases ended.
#[derive(Default)]
pub struct Doubts {
    cases: AtomicUsize,
    paid: AtomicUsize,
    unknown: AtomicUsize,
}

impl Doubts {
    /// Whether the upstream of the next case books what arrives.
    pub fn books_next(&self) -> bool {
        !self.cases.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOST)
    }
}

impl fmt::Display for Doubts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [paid, unknown] = [&self.paid, &self.unknown].map(|count| count.load(Ordering::Relaxed));
        write!(f, "{paid} payments that ended unknown were booked, and each was told as paid; ")?;
        write!(f, "{unknown} were not, and none was told as paid or as not paid")
    }
}

/// Whether the caller of a payment was told that nothing is known.
pub fn is_left(case: &Case, called: &Called) -> bool {
    case.call == Call::Payment && called.answer.header("X-Sidecar-Delivery") == Some("unknown")
}

/// What the sidecar says of it in the end.
pub async fn outcome(api: SocketAddr, is_booked: bool) -> Result<Value, String> {
    // The first query goes after 3 seconds. What is not there is only waited for a moment longer.
    let wait_ms = if is_booked { 45_000 } else { 4_500 };
    let form = format!("out_trade_no={OUT_TRADE_NO}&wait_ms={wait_ms}");
    Ok(call(api, "/sidecar/v1/outcome", &form).await?.answer.json())
}

/// The outcome is the upstream's truth, and the journal is whole and has the same doubt.
pub fn check(doubts: &Doubts, outcome: Option<&Value>, state: &State, journal: &Path) -> Result<(), String> {
    let in_doubt = match outcome {
        None => false,
        Some(outcome) => {
            let told = (outcome["state"].as_str().unwrap_or_default(), outcome["final"] == true);
            let (expected, count) = match state.has_booked() {
                true => (("paid", true), &doubts.paid),
                false => (("unknown", false), &doubts.unknown),
            };
            if told != expected {
                return Err(format!("{expected:?} was expected of its outcome, but it was {outcome}"));
            }
            count.fetch_add(1, Ordering::Relaxed);
            !state.has_booked()
        }
    };
    let reader = Reader::open(journal).map_err(|error| error.to_string())?;
    let left = reader.doubts().map_err(|error| error.to_string())?;
    let left: Vec<_> = left.iter().map(|doubt| doubt.begin.out_trade_no.as_deref()).collect();
    let expected = if in_doubt { vec![Some(OUT_TRADE_NO)] } else { Vec::new() };
    if left != expected {
        return Err(format!("{expected:?} is in doubt, and the journal says {left:?}"));
    }
    let verified = reader.verify(None).map_err(|error| error.to_string())?;
    if !verified.breaks.is_empty() {
        return Err(format!("the journal is broken: {:?}", verified.breaks));
    }
    // Thousands of them would fill a disk.
    fs::remove_file(journal).map_err(|error| error.to_string())
}
