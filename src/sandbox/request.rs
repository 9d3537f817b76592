//! What arrived, and the sandbox's own reader of queries and forms.
//!
//! Nothing here is shared with the proxy's decoders or canonicaliser: a sandbox that agreed with their bugs would
//! prove nothing.

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};

use super::answer::{Refusal, refusal};

/// A request with its body read.
#[derive(Debug)]
pub(super) struct Arrived {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Arrived {
    pub(super) fn new(head: Parts, body: Bytes) -> Self {
        Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
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

/// One parameter: decoded, and its value as it stood on the wire (to recognise values that were hashed encoded).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub name: String,
    pub value: String,
    pub wire: String,
}

/// More parameters than any call of QFPay's has; a bound because names are compared with each other.
const MOST_PARAMETERS: usize = 256;

/// Reads `name=value&...` in the order of arrival.
///
/// Raw spaces and raw UTF-8 are taken, as PHP's samples send them unencoded. A name without `=` has an empty value.
pub(super) fn pairs(raw: &[u8]) -> Result<Vec<Pair>, Refusal> {
    let mut found: Vec<Pair> = Vec::new();
    for piece in raw.split(|b| *b == b'&').filter(|piece| !piece.is_empty()) {
        let at = piece.iter().position(|b| *b == b'=');
        let (name, value) = match at {
            Some(at) => (&piece[..at], &piece[at + 1..]),
            None => (piece, &piece[piece.len()..]),
        };
        let name = decoded(name, "a parameter name")?;
        let value_of = format!("the value of {name}");
        let pair =
            Pair { value: decoded(value, &value_of)?, wire: String::from_utf8_lossy(value).into(), name };
        if found.iter().any(|earlier| earlier.name == pair.name) {
            return Err(refusal("1103", format!("the parameter {} came twice", pair.name)));
        }
        if found.len() == MOST_PARAMETERS {
            return Err(refusal("1103", format!("more than {MOST_PARAMETERS} parameters")));
        }
        found.push(pair);
    }
    Ok(found)
}

fn decoded(raw: &[u8], what: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => match tail {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    bytes.push(nibble(*high) << 4 | nibble(*low));
                    rest = after;
                }
                _ => return Err(refusal("1103", format!("{what} has a % without two hex digits after it"))),
            },
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| refusal("1103", format!("{what} is not UTF-8")))
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        letter => (letter | 0x20) - b'a' + 10,
    }
}

/// The value of a parameter, if it came.
pub(super) fn value<'a>(pairs: &'a [Pair], name: &str) -> Option<&'a str> {
    pairs.iter().find(|pair| pair.name == name).map(|pair| pair.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = pairs(&bytes);
        }

        #[test]
        fn what_is_percent_encoded_comes_back(value: String) {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let read = pairs(format!("n={encoded}").as_bytes()).unwrap();
            proptest::prop_assert_eq!(&read[0].value, &value);
        }
    }

    #[test]
    fn there_is_a_most_of_parameters() {
        let form = |n: usize| (0..n).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
        assert_eq!(pairs(form(256).as_bytes()).unwrap().len(), 256);
        assert!(pairs(form(257).as_bytes()).unwrap_err().respmsg.contains("256"));
    }

    #[test]
    fn decodes_strictly() {
        let read = pairs("a=1+2%20%E4%b8%AD&b&&c==x 中".as_bytes()).unwrap();
        let seen: Vec<_> = read.iter().map(|p| (p.name.as_str(), p.value.as_str())).collect();
        assert_eq!(seen, [("a", "1 2 中"), ("b", ""), ("c", "=x 中")]);
        assert_eq!(read[0].wire, "1+2%20%E4%b8%AD");
        for (bad, says) in
            [("a=%4", "two hex"), ("a=%zz", "two hex"), ("a=%ff", "UTF-8"), ("a=1&a=1", "twice")]
        {
            let refused = pairs(bad.as_bytes()).unwrap_err();
            assert_eq!(refused.respcd, "1103");
            assert!(refused.respmsg.contains(says), "{bad}: {}", refused.respmsg);
        }
    }
}
