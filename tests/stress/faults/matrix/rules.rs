//! What must come of each fault, by rules that know HTTP and TLS and nothing of the sidecar's code.
//!
//! A small request leaves in one write. So whatever breaks after it went out leaves the payment in doubt, even if the
//! upstream read not a byte of it; and whatever breaks before can be said to be not sent.

use super::case::{Act, Call, Case, Fault, Framing, Over};
use super::reply::Reply;

/// What the caller gets, and what of the payment arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expected {
    pub status: u16,
    /// `X-Sidecar-Error`; empty where QFPay's answer is passed on.
    pub code: &'static str,
    pub delivery: &'static str,
    /// How many requests for the payment begin to arrive.
    pub arrived: usize,
}

pub const fn answered(status: u16) -> Expected {
    Expected { status, code: "", delivery: "answered", arrived: 1 }
}

const fn in_doubt(status: u16, code: &'static str) -> Expected {
    Expected { status, code, delivery: "unknown", arrived: 1 }
}

const fn not_sent(status: u16, code: &'static str) -> Expected {
    Expected { status, code, delivery: "not_sent", arrived: 0 }
}

pub const ANSWERED: Expected = answered(200);
pub const NO_ANSWER: Expected = in_doubt(502, "upstream_no_answer");
pub const UNCLEAR: Expected = in_doubt(502, "answer_unclear");
pub const TRUNCATED: Expected = in_doubt(502, "upstream_truncated");
pub const FOREIGN: Expected = in_doubt(502, "order_mismatch");
pub const TIMED_OUT: Expected = in_doubt(504, "upstream_timeout");
pub const UNREACHABLE: Expected = not_sent(502, "upstream_unreachable");
pub const CONNECT_TIMED_OUT: Expected = not_sent(504, "upstream_connect_timeout");

/// The rules. More than one outcome only where two machines race and every one of them is honest.
pub fn expected(case: &Case, answer: &Reply) -> Vec<Expected> {
    let mut expected = of_one_attempt(case, answer);
    if case.call == Call::Query {
        // What only reads is asked again, once, and then without a fault.
        for outcome in &mut expected {
            if matches!(*outcome, NO_ANSWER | TRUNCATED | UNCLEAR) {
                *outcome = Expected { arrived: 2, ..ANSWERED };
            }
        }
    }
    expected
}

fn of_one_attempt(case: &Case, answer: &Reply) -> Vec<Expected> {
    let one = match case.fault {
        Fault::Port | Fault::Certificate => UNREACHABLE,
        // Nobody reads, but the system took the request's bytes already.
        Fault::Accepted(Act::Hang) if case.over == Over::Http => TIMED_OUT,
        Fault::Accepted(Act::Hang) | Fault::Handshake(Act::Hang, _) => CONNECT_TIMED_OUT,
        Fault::Accepted(_) if case.over != Over::Http => UNREACHABLE,
        // The sidecar may hear of the end before it writes, or after. The 503 says nothing about the payment.
        Fault::Accepted(Act::Answer) => return vec![UNCLEAR, NO_ANSWER, UNREACHABLE, ANSWERED],
        Fault::Accepted(_) => return vec![NO_ANSWER, UNREACHABLE, ANSWERED],
        // Without TLS there is nobody to send a payment to.
        Fault::Handshake(..) => UNREACHABLE,
        // Found before the payment went out, which then takes another connection.
        Fault::Idle(_) => ANSWERED,
        Fault::Request(act, _) => match act {
            Act::Pause | Act::Answer => ANSWERED,
            Act::Hang => TIMED_OUT,
            _ => NO_ANSWER,
        },
        // TLS may give up a record before it has handed over the one before.
        Fault::Answer(Act::Alert, framing, offset)
            if at_answer(Act::Alert, framing, offset, answer) == TRUNCATED =>
        {
            return vec![TRUNCATED, NO_ANSWER];
        }
        Fault::Answer(act, framing, offset) => at_answer(act, framing, offset, answer),
        // A record cannot be read before it is whole.
        Fault::Record(Act::Hang, _) => TIMED_OUT,
        Fault::Record(..) => NO_ANSWER,
        Fault::Length(announced) if announced > answer.body.len() => TRUNCATED,
        Fault::Length(_) => as_it_says(answer),
        Fault::ChunkSize(announced) if announced == answer.body.len() => ANSWERED,
        Fault::ChunkSize(_) => TRUNCATED,
        Fault::Odd(odd) => odd.expected,
    };
    vec![one]
}

/// A body of the announced length, whatever is in it: without its `respcd`, the first of its fields, it says nothing.
fn as_it_says(answer: &Reply) -> Expected {
    match answer.body.starts_with(br#"{"respcd":"0000""#) {
        true => ANSWERED,
        false => UNCLEAR,
    }
}

/// A fault in the answer: is the head whole, is the body whole, and can one know?
fn at_answer(act: Act, framing: Framing, offset: usize, answer: &Reply) -> Expected {
    let in_head = offset < answer.head;
    let until_close = framing == Framing::UntilClose;
    let whole = offset == answer.wire.len();
    match act {
        Act::Pause | Act::Answer => ANSWERED,
        _ if whole && !until_close => ANSWERED,
        Act::Hang => TIMED_OUT,
        _ if in_head => NO_ANSWER,
        // Without a length an orderly end of the connection is the end of the answer, unless a bracket is missing.
        Act::Close if until_close && whole => ANSWERED,
        // Other bytes of the right number are a body like any other.
        Act::Garbage if framing != Framing::Chunked => as_it_says(answer),
        Act::Reset | Act::Close | Act::Cut | Act::Alert | Act::Garbage => TRUNCATED,
    }
}
