//! What arrived, and its parameters.
//!
//! They are read by `explain`, which shares nothing with the proxy's decoders or canonicaliser: a sandbox that agreed
//! with their bugs would prove nothing.

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

use super::answer::{Refusal, refusal};
use super::clock;
use crate::explain;
pub(super) use crate::explain::Pair;

/// A request with its body read.
#[derive(Debug)]
pub(super) struct Arrived {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Its place among all that happened.
    pub place: u64,
}

impl Arrived {
    pub(super) fn new(head: Parts, body: Bytes) -> Self {
        Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
            place: clock::place(),
        }
    }

    /// Path and query as received.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The only value of a header, or why there is none.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next();
        if values.next().is_some() {
            return Err(refusal("1108", format!("the header {name} came more than once")));
        }
        match first.map(|value| value.to_str()) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(refusal("1108", format!("the header {name} is not ASCII"))),
        }
    }

    /// The parameters of an API call: all in the query, or all in a form body.
    ///
    /// A body without a Content-Type is read as a form: one of QFPay's own samples sends it so.
    pub(super) fn parameters(&self) -> Result<Vec<Pair>, Refusal> {
        if self.body.is_empty() {
            return pairs(self.query.as_bytes());
        }
        if self.method == Method::GET {
            return Err(refusal(
                "1103",
                "a GET with a body: put the parameters in the query, or POST a form",
            ));
        }
        let media_type = match self.headers.get(CONTENT_TYPE) {
            None => "application/x-www-form-urlencoded".to_owned(),
            Some(value) => {
                let whole = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
                whole.split(';').next().unwrap_or_default().trim().to_owned()
            }
        };
        if media_type != "application/x-www-form-urlencoded" {
            let said =
                format!("the body is {media_type}, but QFPay takes forms: application/x-www-form-urlencoded");
            return Err(refusal("1103", said));
        }
        if !self.query.is_empty() {
            let both =
                "parameters in the query and in the body: QFPay documents one place or the other, not both";
            return Err(refusal("1103", both));
        }
        pairs(&self.body)
    }
}

/// Reads parameters; what is none is `1103`.
pub(super) fn pairs(raw: &[u8]) -> Result<Vec<Pair>, Refusal> {
    explain::pairs(raw).map_err(|bad| refusal("1103", bad.to_string()))
}

/// The value of a parameter, if it came.
pub(super) fn value<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a str> {
    pairs.iter().find(|pair| pair.name == name).map(|pair| pair.value.as_str())
}
