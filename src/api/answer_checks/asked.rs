//! What a call asked for, and whether an answer is one to it: bytes in, verdict out.
//!
//! HTTP/1.1 has no mark that ties an answer to its request. After one answer too many on a kept connection, each call would
//! get the answer of the call before it; and a web server on the way may answer in QFPay's place. Only the bytes tell.

use std::borrow::Cow;

use hyper::StatusCode;

use super::reading::{self, Field, Name};
use crate::endpoint::{Effect, Endpoint};
use crate::sign::Params;

/// A call, as far as its answer must fit it.
#[derive(Debug)]
pub struct Asked {
    /// What was called.
    pub endpoint: &'static Endpoint,
    out_trade_no: Option<String>,
    /// Its `syssn` and `orig_syssn`.
    syssns: Vec<String>,
    /// A query that lists several numbers: any of them, or none, may come back.
    lists: bool,
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// QFPay's, and this call's as far as it says so.
    Clear,
    /// The same, but no number in it can be compared with one of the call's.
    Unnamed,
    /// It names orders, and the call's is not among them.
    OrderMismatch,
    /// An intermediary may have made it, so it says nothing about the call.
    Unclear(Doubt),
}

/// Why an answer is not clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Its status sends callers elsewhere, and libraries repeat a POST there.
    Redirect,
    /// Neither its status nor a `respcd` says what became of the money.
    NoRespcd,
    /// There is nothing in it, from a path of which no more is known.
    Empty,
    /// It is a page, from a path that answers in JSON like all others.
    Page,
}

impl Doubt {
    /// What the answer has, in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redirect => "redirects, which is neither followed nor passed on",
            Self::NoRespcd => "no respcd that can be read",
            Self::Empty => "no body",
            Self::Page => "a page for a body",
        }
    }
}

/// An answer, read once.
#[derive(Debug)]
pub struct Judged<'a> {
    /// Its `respcd`, if it has one that can be read: digits, at the top of an object.
    pub respcd: Option<Cow<'a, str>>,
    /// QFPay's number for what the call asked for, at the top of an object.
    pub syssn: Option<Cow<'a, str>>,
    /// What it is worth.
    pub verdict: Verdict,
}

impl Asked {
    /// A call with its parameters as they are signed.
    pub fn of(endpoint: &'static Endpoint, params: &Params) -> Self {
        let named = |name| params.get(name).map(str::trim).filter(|value| !value.is_empty());
        let lists = |value: &&str| endpoint.effect == Effect::Reads && value.contains(',');
        let numbers = ["out_trade_no", "syssn", "orig_syssn"].map(named);
        let lists = numbers.iter().flatten().any(lists);
        let [out_trade_no, syssns @ ..] = numbers;
        let syssns = syssns.into_iter().flatten().map(str::to_owned).collect();
        Self { endpoint, out_trade_no: out_trade_no.map(str::to_owned), syssns, lists }
    }

    /// The shop's number, with which it can query.
    pub fn out_trade_no(&self) -> Option<&str> {
        self.out_trade_no.as_deref()
    }

    /// Judges an answer by its status and its whole body, whatever bytes these are.
    pub fn judge<'a>(&self, status: StatusCode, body: &'a [u8]) -> Judged<'a> {
        let (mut respcd, mut syssn, mut comparable, mut own) = (None, None, false, false);
        reading::read(body, |field| match field.name {
            // Readers of JSON keep the last of a repeated name.
            Name::Respcd if field.at_top && is_code(&field.value) => respcd = Some(field.value),
            Name::OutTradeNo | Name::Syssn | Name::OrigSyssn => {
                comparable |= self.may_name(field.name);
                own |= self.named(&field);
                if field.name == Name::Syssn && field.at_top {
                    syssn = Some(field.value);
                }
            }
            Name::Respcd | Name::Data => {}
        });
        let verdict = match self.doubt(status, respcd.is_some(), body) {
            Some(doubt) => Verdict::Unclear(doubt),
            None if !self.endpoint.names_order || own => Verdict::Clear,
            None if comparable && !self.lists => Verdict::OrderMismatch,
            None => Verdict::Unnamed,
        };
        Judged { respcd, syssn, verdict }
    }

    /// Why an answer does not tell what became of the call, if it does not.
    fn doubt(&self, status: StatusCode, has_respcd: bool, body: &[u8]) -> Option<Doubt> {
        if status.is_redirection() {
            return Some(Doubt::Redirect);
        }
        // A refusal is one without a word about it too. After 408 the request may have been read.
        let refuses = status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT;
        if has_respcd || refuses || self.endpoint.effect != Effect::MovesMoney {
            return None;
        }
        if self.endpoint.is_documented() || !status.is_success() {
            return Some(Doubt::NoRespcd);
        }
        // What else answers at a path that is not documented is not known.
        match reading::beginning(body).first() {
            None => Some(Doubt::Empty),
            Some(b'<') => Some(Doubt::Page),
            Some(_) => None,
        }
    }

    /// Whether the call named a number of that kind. QFPay makes its own numbers up: those of a payment that named none tell nothing.
    fn may_name(&self, name: Name) -> bool {
        match name {
            Name::OutTradeNo => self.out_trade_no.is_some(),
            Name::Syssn | Name::OrigSyssn => !self.syssns.is_empty(),
            Name::Respcd | Name::Data => false,
        }
    }

    /// Whether the number is one that the call named.
    fn named(&self, field: &Field<'_>) -> bool {
        let same = |named: &String| {
            *named == field.value
                || (field.is_number && named.trim_start_matches('0') == field.value.trim_start_matches('0'))
        };
        self.out_trade_no.iter().chain(&self.syssns).any(same)
    }
}

/// QFPay's outcomes are digits. A word in their place would be read as a failure by shops.
fn is_code(respcd: &str) -> bool {
    respcd.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint;

    fn asked(path: &str, pairs: &[(&str, &str)]) -> Asked {
        let mut params = Params::new();
        for (name, value) in pairs {
            params.push(name.as_bytes(), value.as_bytes()).unwrap();
        }
        Asked::of(endpoint::find(path).unwrap(), &params)
    }

    fn verdict(asked: &Asked, status: u16, body: &str) -> Verdict {
        asked.judge(StatusCode::from_u16(status).unwrap(), body.as_bytes()).verdict
    }

    #[test]
    fn an_answer_that_names_none_of_the_calls_numbers_is_foreign() {
        let payment = asked("/trade/v1/payment", &[("out_trade_no", "A-1")]);
        for own in [
            r#"{"respcd": "0000", "out_trade_no": "A-1", "syssn": "9"}"#,
            r#"{"respcd": "0000", "out_trade_no": " A-1 "}"#,
            r#"{"respcd": "0000", "data": {"out_trade_no": "A-1"}}"#,
            r#"{"respcd": "0000", "out_trade_no": "A-2", "out_trade_no": "A-1"}"#,
            r#"{"respcd": "0000", "out_trade_no": ["A-1"]}"#,
            r#"{"respcd": "0000", "out_trade_no": "A-1", "pay_params": {"out_trade_no": "B"}}"#,
        ] {
            assert_eq!(verdict(&payment, 200, own), Verdict::Clear, "{own}");
        }
        for silent in [
            r#"{"respcd": "0000"}"#,
            r#"{"respcd": "0000", "out_trade_no": ""}"#,
            r#"{"respcd": "0000", "out_trade_no": null, "data": []}"#,
            r#"{"respcd": "0000", "syssn": "9"}"#,
            r#"{"respcd": "0000", "pay_params": {"out_trade_no": "B"}}"#,
        ] {
            assert_eq!(verdict(&payment, 200, silent), Verdict::Unnamed, "{silent}");
        }
        for other in [
            r#"{"respcd": "0000", "out_trade_no": "A-2"}"#,
            r#"{"respcd": "0000", "out_trade_no": "a-1"}"#,
            r#"{"respcd": "0000", "data": {"out_trade_no": "a-1", "txamt": 1}}"#,
            r#"{"respcd": "0000", "data": [{"out_trade_no": "A-2"}]}"#,
            r#"{"respcd": "0000", "out_trade_no": ["A-2"]}"#,
            r#"{"respcd": "0000", "out_trade_no": 12}"#,
            "\u{feff}{\"respcd\": \"0000\", \"out_trade_no\": \"A-2\"} trailing",
        ] {
            assert_eq!(verdict(&payment, 200, other), Verdict::OrderMismatch, "{other}");
        }
        let digits = asked("/trade/v1/payment", &[("out_trade_no", "0012")]);
        assert_eq!(verdict(&digits, 200, r#"{"respcd": "0000", "out_trade_no": 12}"#), Verdict::Clear);
    }

    #[test]
    fn qfpays_own_numbers_are_compared_with_those_of_the_call() {
        let answer = r#"{"respcd": "0000", "orig_syssn": "7", "syssn": "8"}"#;
        for path in ["refund", "reversal", "close", "authtrade", "unfreeze"] {
            let path = format!("/trade/v1/{path}");
            let by = |syssn| asked(&path, &[("out_trade_no", "R"), ("syssn", syssn)]);
            assert_eq!(verdict(&by("7"), 200, answer), Verdict::Clear, "{path}");
            assert_eq!(verdict(&by("9"), 200, answer), Verdict::OrderMismatch, "{path}");
        }
        // QFPay's sample of a reversal has no out_trade_no, and the call may have named nothing else.
        let by_number = asked("/trade/v1/reversal", &[("out_trade_no", "A-1")]);
        assert_eq!(verdict(&by_number, 200, answer), Verdict::Unnamed);
    }

    #[test]
    fn a_query_is_foreign_when_no_row_is_its_own() {
        let rows = r#"{"respcd": "0000", "data": [{"out_trade_no": "A", "syssn": "1"}, {"out_trade_no": "B", "syssn": "2"}]}"#;
        let query = |pairs: &[_]| verdict(&asked("/trade/v1/query", pairs), 200, rows);
        assert_eq!(query(&[("out_trade_no", "B")]), Verdict::Clear);
        assert_eq!(query(&[("syssn", "2")]), Verdict::Clear);
        assert_eq!(query(&[("syssn", "3")]), Verdict::OrderMismatch);
        assert_eq!(
            query(&[("out_trade_no", "C"), ("start_time", "2026-01-01 00:00:00")]),
            Verdict::OrderMismatch
        );
        // By list, by time, by nothing.
        for pairs in [&[("out_trade_no", "C,D")][..], &[("start_time", "2026-01-01 00:00:00")], &[]] {
            assert_eq!(query(pairs), Verdict::Unnamed, "{pairs:?}");
        }
        let empty =
            verdict(&asked("/trade/v1/query", &[("syssn", "1")]), 200, r#"{"respcd": "0000", "data": []}"#);
        assert_eq!(empty, Verdict::Unnamed);
    }

    #[test]
    fn what_says_nothing_about_the_money_is_unclear() {
        let unclear = |doubt| Verdict::Unclear(doubt);
        let own = r#"{"respcd": "0000", "out_trade_no": "1"}"#;
        let payment = asked("/trade/v1/payment", &[("out_trade_no", "1")]);
        let subscription = asked("/subscription/v1/charge", &[]);
        let unknown = asked("/trade/v1/brand_new", &[]);
        let query = asked("/trade/v1/query", &[]);
        let page = "<html>502 Bad Gateway</html>";
        for status in [200, 204, 408, 500, 502, 503, 504, 599, 600] {
            for body in ["", page, "{}", r#"{"respcd": null}"#, r#"{"respcd": "00"#, "[]", "0000"] {
                assert_eq!(verdict(&payment, status, body), unclear(Doubt::NoRespcd), "{status} {body}");
                assert_eq!(verdict(&subscription, status, body), unclear(Doubt::NoRespcd), "{status} {body}");
                assert_eq!(verdict(&query, status, body), Verdict::Unnamed, "{status} {body}");
            }
            assert_eq!(verdict(&payment, status, own), Verdict::Clear, "{status}");
            assert_eq!(verdict(&unknown, status, own), Verdict::Clear, "{status}");
        }
        for status in [300, 301, 302, 303, 304, 307, 308] {
            for call in [&payment, &subscription, &unknown, &query] {
                assert_eq!(verdict(call, status, own), unclear(Doubt::Redirect), "{status}");
            }
        }
        for status in [400, 401, 403, 404, 429] {
            for body in ["", page] {
                assert_eq!(verdict(&payment, status, body), Verdict::Unnamed, "{status}");
                assert_eq!(verdict(&unknown, status, body), Verdict::Clear, "{status}");
            }
        }
        assert_eq!(verdict(&unknown, 408, "{}"), unclear(Doubt::NoRespcd));
        assert_eq!(verdict(&unknown, 500, "{}"), unclear(Doubt::NoRespcd));
        assert_eq!(verdict(&unknown, 200, "\u{feff} \n"), unclear(Doubt::Empty));
        assert_eq!(verdict(&unknown, 200, " <!doctype html>"), unclear(Doubt::Page));
        assert_eq!(verdict(&unknown, 200, "{}"), Verdict::Clear);
    }

    #[test]
    fn qfpays_own_examples_have_a_respcd() {
        let example = "{\n  \"resperr\": \"\",\n  \"respcd\": 0000,\n  \"respmsg\": \"\",\n}";
        let judged = asked("/trade/v1/payment", &[]).judge(StatusCode::OK, example.as_bytes());
        assert_eq!((judged.respcd.as_deref(), judged.verdict), (Some("0000"), Verdict::Unnamed));
    }
}
