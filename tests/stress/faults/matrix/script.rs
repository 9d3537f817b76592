//! What the upstream does, step by step: every fault but those of the handshake is such a script.

use std::time::Duration;

use super::case::{Act, Fault, Framing, Idle};
use super::reply::Reply;

/// A step of the upstream on one connection.
#[derive(Debug)]
pub enum Step {
    Bytes(Vec<u8>),
    /// This again and again, with a pause behind each, until nobody listens.
    Endless(Vec<u8>, Duration),
    /// From here on only so many raw bytes are written.
    Limit(usize),
    CloseNotify,
    /// The raw bytes of an end; no step comes after it.
    End(Act),
    Pause,
}

/// As soon as a connection is accepted.
pub fn accepted(act: Act) -> Vec<Step> {
    let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    match act {
        Act::Answer => vec![Step::Bytes(busy.into()), Step::End(Act::Close)],
        act => vec![Step::End(act)],
    }
}

/// On a kept connection on which nothing is under way.
pub fn idle(idle: Idle) -> Vec<Step> {
    let unasked = Reply::new(Framing::Length, "UNASKED").wire;
    match idle {
        Idle::Reset => vec![Step::End(Act::Reset)],
        Idle::Close => vec![Step::End(Act::Close)],
        Idle::Cut => vec![Step::End(Act::Cut)],
        Idle::Garbage => vec![Step::End(Act::Garbage)],
        Idle::CloseNotify => vec![Step::CloseNotify],
        Idle::Answer => vec![Step::Bytes(unasked)],
        Idle::OneByte => vec![Step::Bytes(unasked[..1].to_vec())],
        Idle::Continue => vec![Step::Bytes(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec())],
        Idle::Timeout => {
            let timeout = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            vec![Step::Bytes(timeout.to_vec()), Step::End(Act::Close)]
        }
    }
}

/// Once a part of the request was read.
pub fn request(act: Act, out_trade_no: &str) -> Vec<Step> {
    match act {
        Act::Answer => vec![Step::Bytes(Reply::new(Framing::Length, out_trade_no).wire)],
        Act::Pause => vec![Step::Pause],
        act => vec![Step::End(act)],
    }
}

/// To a query for an order: its row, if it is booked.
pub fn row(out_trade_no: &str, is_booked: bool) -> Vec<Step> {
    let row = format!(r#"{{"out_trade_no":"{out_trade_no}","respcd":"0000","cancel":"0"}}"#);
    let body = format!(r#"{{"respcd":"0000","data":[{}]}}"#, if is_booked { &row } else { "" });
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![Step::Bytes((head + &body).into_bytes())]
}

/// Once the whole request was read. Without a fault: the answer that names its number.
pub fn answer(fault: Option<Fault>, out_trade_no: &str) -> Vec<Step> {
    let ordinary = || Reply::new(Framing::Length, out_trade_no).wire;
    match fault {
        Some(Fault::Answer(Act::Garbage, framing, offset)) => {
            let spoilt = Reply::new(framing, out_trade_no).spoilt_from(offset);
            vec![Step::Bytes(spoilt.wire), Step::End(Act::Close)]
        }
        Some(Fault::Answer(act, framing, offset)) => {
            let wire = Reply::new(framing, out_trade_no).wire;
            let mut steps = vec![Step::Bytes(wire[..offset].to_vec())];
            if act == Act::Pause {
                steps.extend([Step::Pause, Step::Bytes(wire[offset..].to_vec())]);
                steps.extend((framing == Framing::UntilClose).then_some(Step::End(Act::Close)));
            } else {
                steps.push(Step::End(act));
            }
            steps
        }
        Some(Fault::Record(act, offset)) => {
            vec![Step::Limit(offset), Step::Bytes(ordinary()), Step::End(act)]
        }
        Some(Fault::Length(announced)) => {
            vec![Step::Bytes(Reply::announcing(announced, out_trade_no).wire), Step::End(Act::Close)]
        }
        Some(Fault::ChunkSize(announced)) => {
            vec![Step::Bytes(Reply::in_a_chunk_of(announced, out_trade_no).wire), Step::End(Act::Close)]
        }
        Some(Fault::Odd(odd)) => (odd.steps)(out_trade_no),
        _ => vec![Step::Bytes(ordinary())],
    }
}
