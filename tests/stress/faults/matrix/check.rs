//! What must be true of every case, whatever its fault.

use std::time::Duration;

use super::caller::Called;
use super::case::{Act, Call, Case, Connection, Fault, Framing};
use super::reply::{Reply, body};
use super::rules::{CONNECT_TIMED_OUT, Expected, TIMED_OUT, expected};
use super::run::{BEHIND, OUT_TRADE_NO};
use super::sidecar::{CALL_TIMEOUT, TLS_TIMEOUT};
use super::upstream::{Arrival, Phase, State};

/// How much later than its deadline an answer may come, on a machine that is busy.
const LATE: Duration = Duration::from_secs(15);

/// The payment's caller was told the truth in time, and the payment behind it noticed nothing.
pub fn all(
    case: &Case,
    called: &Called,
    behind: Result<Called, String>,
    state: &State,
) -> Result<(), String> {
    let outcome = outcome(called, case, state)?;
    own_answer(behind, BEHIND).map_err(|what| format!("the payment behind it: {what}"))?;
    let is_other = |arrival: &&Arrival| arrival.phase == Phase::After && !arrival.is_inquiry();
    let others = state.arrivals.iter().filter(is_other).count();
    if others != 1 {
        return Err(format!("{others} requests arrived behind it: {}", shown(&state.arrivals)));
    }
    let mut payments = state.arrivals.iter().filter(|arrival| arrival.phase == Phase::Payment);
    let first = payments.next().map(|arrival| arrival.connection);
    let elsewhere = matches!(case.fault, Fault::Idle(_) | Fault::Port);
    if case.connection == Connection::Reused && first.is_some_and(|first| (first == 1) == elsewhere) {
        return Err(format!("the wrong connection was used: {}", shown(&state.arrivals)));
    }
    in_time(called, outcome)
}

/// What came of the payment, if it is one of what must come of it.
fn outcome(called: &Called, case: &Case, state: &State) -> Result<Expected, String> {
    let answer = &called.answer;
    let expected = expected(case, &reply(case));
    let code = answer.header("X-Sidecar-Error").unwrap_or_default();
    let arrived =
        state.arrivals.iter().filter(|arrival| !arrival.is_inquiry()).filter(|arrival| {
            arrival.phase == Phase::Payment || arrival.out_trade_no() == Some(OUT_TRADE_NO)
        });
    let (status, arrived) = (answer.status, arrived.count());
    let delivery = answer.header("X-Sidecar-Delivery").unwrap_or("answered");
    let same = |one: &&Expected| {
        // Who resets without reading cannot count.
        let blind = matches!(case.fault, Fault::Accepted(Act::Reset));
        (one.status, one.code, one.delivery) == (status, code, delivery)
            && (one.arrived == arrived || (blind && arrived <= one.arrived))
    };
    let Some(outcome) = expected.iter().find(same) else {
        return Err(format!(
            "{expected:?} was expected, but it was {status} {code:?} {delivery} with {arrived} arrived: {}\n{}",
            shown(&state.arrivals),
            answer.body.iter().take(500).copied().collect::<Vec<_>>().escape_ascii()
        ));
    };
    if answer.header("Location").is_some() {
        return Err("the caller is sent elsewhere".to_owned());
    }
    if outcome.code.is_empty() {
        passed_on(&answer.body, case)?;
    } else {
        told(called, case.call, outcome)?;
    }
    Ok(*outcome)
}

/// QFPay's answer is passed on byte for byte.
fn passed_on(seen: &[u8], case: &Case) -> Result<(), String> {
    let sent = match case.fault {
        Fault::Odd(odd) => (odd.passed_on)(OUT_TRADE_NO),
        Fault::Accepted(_) => return Ok(()), // either its own answer, or the one that came too early
        _ => reply(case).body,
    };
    match sent == seen {
        true => Ok(()),
        false => Err(format!("{} was passed on as {}", sent.escape_ascii(), seen.escape_ascii())),
    }
}

/// A failure tells old code and new code what may have happened, and how to find out.
fn told(called: &Called, call: Call, outcome: &Expected) -> Result<(), String> {
    let json = called.answer.json();
    let unknown = outcome.delivery == "unknown";
    let respcd = if unknown { "1298".to_owned() } else { format!("9{}", outcome.status) };
    let number = unknown.then_some(OUT_TRADE_NO);
    let hint = json["error"]["hint"].as_str().unwrap_or_default();
    // A certificate that is wrong is as wrong the next time: no repeat is advised then.
    let advice = match call {
        _ if !unknown => ["safe to try again", "Nothing was sent, and a repeat does not help"],
        Call::Payment => ["/trade/v1/query"; 2],
        Call::Query => ["send it again"; 2],
    };
    let right = json["respcd"] == respcd
        && json["out_trade_no"].as_str() == number
        && json["error"]["code"] == outcome.code
        && json["error"]["delivery"] == outcome.delivery
        && advice.iter().any(|advice| hint.contains(advice));
    if right { Ok(()) } else { Err(format!("the caller is told {json}")) }
}

/// What the upstream answers, as far as it is an answer of whole bytes.
pub fn reply(case: &Case) -> Reply {
    match case.fault {
        Fault::Answer(Act::Garbage, framing, offset) => Reply::new(framing, OUT_TRADE_NO).spoilt_from(offset),
        Fault::Answer(Act::Close, framing @ Framing::UntilClose, offset) => {
            let mut reply = Reply::new(framing, OUT_TRADE_NO);
            reply.body.truncate(offset.saturating_sub(reply.head));
            reply
        }
        Fault::Answer(_, framing, _) => Reply::new(framing, OUT_TRADE_NO),
        Fault::Length(announced) => Reply::announcing(announced, OUT_TRADE_NO),
        _ => Reply::new(Framing::Length, OUT_TRADE_NO),
    }
}

/// The answer that belongs to an order number, and no other.
pub fn own_answer(called: Result<Called, String>, out_trade_no: &str) -> Result<(), String> {
    let answer = called?.answer;
    match answer.status == 200 && answer.body == body(out_trade_no).into_bytes() {
        true => Ok(()),
        false => Err(format!("{} {}", answer.status, answer.body.escape_ascii())),
    }
}

/// Deadlines end what only they can end, and nothing else waits for them.
fn in_time(called: &Called, outcome: Expected) -> Result<(), String> {
    let least = match outcome {
        TIMED_OUT => CALL_TIMEOUT,
        CONNECT_TIMED_OUT => TLS_TIMEOUT,
        _ => Duration::ZERO,
    };
    match (least..least + LATE).contains(&called.took) {
        true => Ok(()),
        false => Err(format!("it took {:?}", called.took)),
    }
}

fn shown(arrivals: &[Arrival]) -> String {
    let shown = arrivals.iter().map(|arrival| {
        format!("{:?} on {}: {} bytes", arrival.phase, arrival.connection, arrival.bytes.len())
    });
    shown.collect::<Vec<_>>().join("; ")
}
