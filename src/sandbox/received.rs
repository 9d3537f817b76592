//! The last requests, as they arrived and as they were judged.

use std::collections::VecDeque;

use bytes::Bytes;

use super::request::{Pair, value};
use crate::credentials::SignType;

/// How many requests are remembered.
const REMEMBERED: usize = 200;

/// How many bytes of a body, a target, a canonical string or a reason are remembered.
const BYTES: usize = 65_536;

/// What the sandbox found out about a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The signature is right.
    Verified {
        /// The hash that it was made with.
        sign_type: SignType,
    },
    /// There is a signature, and it is wrong or cannot be judged.
    Failed {
        /// For people: the mistake, where it is a known one.
        reason: String,
    },
    /// There is no signature.
    Unsigned,
}

impl Verdict {
    /// One word, as in the header `X-Sandbox-Signature`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Verified { .. } => "verified",
            Self::Failed { .. } => "failed",
            Self::Unsigned => "absent",
        }
    }
}

/// Which order a request names; commas part several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// `mchid`, or the checkout's `mchntid`.
    pub mchid: Option<String>,
    /// `out_trade_no`.
    pub out_trade_no: Option<String>,
    /// `syssn`.
    pub syssn: Option<String>,
}

impl Named {
    /// Reads it from parameters.
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let named = |name| value(pairs, name).filter(|text| !text.is_empty()).map(str::to_owned);
        let mchid = named("mchid").or_else(|| named("mchntid"));
        Self { mchid, out_trade_no: named("out_trade_no"), syssn: named("syssn") }
    }

    /// Whether this order is among those it names.
    pub(super) fn names(&self, out_trade_no: &str, syssn: &str) -> bool {
        let among = |list: &Option<String>, one| {
            list.as_deref().is_some_and(|list| list.split(',').any(|item| item == one))
        };
        among(&self.out_trade_no, out_trade_no) || among(&self.syssn, syssn)
    }
}

/// One request that arrived. Holds sandbox data only: real keys cannot enter a sandbox.
#[derive(Clone, Debug)]
pub struct Received {
    /// Counts all requests from 1.
    pub sequence: u64,
    /// When it arrived: UTC+8, `YYYY-MM-DD hh:mm:ss`.
    pub at: String,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query as received, at most 64 KiB of it.
    pub target: String,
    /// All headers as received, names in lower case; bytes outside UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, at most 64 KiB of it.
    pub body: Bytes,
    /// The app whose `app_code` it names, if it is a known one.
    pub app: Option<String>,
    /// The canonical string as the sandbox computed it, at most 64 KiB of it; none if the parameters cannot be read.
    pub canonical: Option<String>,
    /// Whether the signature is right.
    pub verdict: Verdict,
    /// The `respcd` answered; none for pages, files and answers that are not QFPay's JSON.
    pub respcd: Option<String>,
    /// Which order it names.
    pub named: Named,
    /// QFPay's JSON that was answered, at most 64 KiB of it; none where something else was, or nothing.
    pub answer: Option<String>,
    /// Its place among all that happened.
    pub(super) place: u64,
    /// The HTTP status answered; none when the connection is closed or left hanging.
    pub status: Option<u16>,
}

impl Received {
    /// The value of a header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The last 200 requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct Log {
    last: VecDeque<Received>,
    count: u64,
}

impl Log {
    /// None, with numbers that go on.
    pub(super) fn emptied(&self) -> Self {
        Self { count: self.count, ..Self::default() }
    }

    /// Remembers a request and gives it its number.
    pub(super) fn push(&mut self, mut received: Received) {
        self.count += 1;
        received.sequence = self.count;
        if received.body.len() > BYTES {
            received.body = Bytes::copy_from_slice(&received.body[..BYTES]);
        }
        cut(&mut received.target);
        received.canonical.iter_mut().for_each(cut);
        received.answer.iter_mut().for_each(cut);
        let Named { mchid, out_trade_no, syssn } = &mut received.named;
        [mchid, out_trade_no, syssn].into_iter().flatten().for_each(cut);
        if let Verdict::Failed { reason } = &mut received.verdict {
            cut(reason);
        }
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(received);
    }

    /// The request with this number, unless it is forgotten.
    pub(super) fn by_sequence(&self, sequence: u64) -> Option<&Received> {
        self.last.iter().find(|received| received.sequence == sequence)
    }

    /// The newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Received> {
        self.last.iter().rev()
    }

    pub(super) fn all(&self) -> Vec<Received> {
        self.last.iter().cloned().collect()
    }
}

fn cut(text: &mut String) {
    if text.len() > BYTES {
        let end = (0..=BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let mut text = format!("x{}", "茶".repeat(30_000));
        cut(&mut text);
        assert_eq!(text.len(), 65_536);
        let mut text = "茶".repeat(30_000);
        cut(&mut text);
        assert_eq!(text.len(), 65_535);
    }
}
