//! What a row can tell: only what is said to stand in the journal is a field here.

use std::borrow::Cow;

/// The longest text of a column, in bytes. QFPay's numbers have 128 at most; what is longer is cut and ends in `…`.
const LONGEST: usize = 256;
/// Room for the texts of a call, in bytes.
const USUAL: usize = 192;

/// What is known of a call, a notification or an order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// By which it is found in the log.
    pub request_id: Option<&'a str>,
    /// Who called, by the name of a configuration.
    pub caller: Option<&'a str>,
    /// The app, by its name.
    pub app: Option<&'a str>,
    /// The merchant.
    pub mchid: Option<&'a str>,
    /// The path that was called.
    pub endpoint: Option<&'a str>,
    /// The shop's number of the order.
    pub out_trade_no: Option<&'a str>,
    /// QFPay's number of the order.
    pub syssn: Option<&'a str>,
    /// `txamt` as it was sent.
    pub amount: Option<&'a str>,
    /// `txcurrcd` as it was sent.
    pub currency: Option<&'a str>,
    /// Whether it arrived: `not_sent`, `unknown` or `answered`.
    pub delivery: Option<&'a str>,
    /// QFPay's code.
    pub respcd: Option<&'a str>,
    /// The code of the sidecar's own failure.
    pub failure: Option<&'a str>,
    /// What an order has become.
    pub state: Option<&'a str>,
    /// The path of a notification, or the route that it took.
    pub route: Option<&'a str>,
}

impl<'a> Facts<'a> {
    /// As they stand in the file: what comes in a JSON array behind its first values, without what is not known at its end.
    pub(super) fn text(&self) -> String {
        let facts = self.facts();
        let known = facts.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let mut text = String::with_capacity(USUAL);
        for fact in &facts[..known] {
            text.push(',');
            match fact.map(kept) {
                None => text.push_str("null"),
                Some(fact) => quote(&fact, &mut text),
            }
        }
        text
    }

    /// In the order of the file: ends of calls have the first ones, beginnings those behind, so that few in between are NULL.
    fn facts(&self) -> [Option<&'a str>; 14] {
        [
            self.request_id,
            self.out_trade_no,
            self.syssn,
            self.delivery,
            self.respcd,
            self.failure,
            self.app,
            self.endpoint,
            self.amount,
            self.currency,
            self.mchid,
            self.caller,
            self.state,
            self.route,
        ]
    }
}

/// As JSON. Hardly any has something to escape, and each call has a dozen.
fn quote(text: &str, json: &mut String) {
    let is_plain =
        text.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'));
    match is_plain {
        true => {
            json.push('"');
            json.push_str(text);
            json.push('"');
        }
        false => json.push_str(&serde_json::Value::from(text).to_string()),
    }
}

/// Whether a value stands in the file as it is. One that looks as if it had been cut does not count.
pub fn is_kept_whole(value: &str) -> bool {
    value.len() <= LONGEST && !(value.ends_with('…') && value.len() > LONGEST - 2 * '…'.len_utf8())
}

/// A value as it stands in the file: what is longer than any number of QFPay's is cut.
fn kept(value: &str) -> Cow<'_, str> {
    match value.len() <= LONGEST {
        true => value.into(),
        false => {
            let room = LONGEST - '…'.len_utf8();
            let end = (0..=room).rev().find(|&end| value.is_char_boundary(end)).unwrap_or(0);
            format!("{}…", &value[..end]).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_the_rest_of_an_array_that_json_reads() {
        let facts = Facts { request_id: Some("r1"), app: Some("a\"\n\0é"), ..Facts::default() };
        assert_eq!(facts.text(), r#","r1",null,null,null,null,null,"a\"\n\u0000é""#);
        for character in (0..=0x2FF).filter_map(char::from_u32) {
            let value = format!("a{character}b");
            let text = Facts { request_id: Some(&value), ..Facts::default() }.text();
            assert_eq!(serde_json::from_str::<(u8, String)>(&format!("[1{text}]")).unwrap().1, value);
        }
        assert_eq!(Facts { route: Some(""), ..facts }.text().matches(',').count(), 14);
        assert_eq!(Facts::default().text(), "");
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let fits = "7".repeat(LONGEST);
        assert_eq!(kept(&fits), fits);
        let long = "é".repeat(LONGEST);
        let cut = kept(&long);
        assert!(cut.len() <= LONGEST && cut.ends_with("é…"), "{cut}");
        assert!(is_kept_whole(&fits) && !is_kept_whole(&long) && is_kept_whole("order…"));
        for odd in ["a", "é", "試", "😀"] {
            for before in 0..4 {
                let long = "a".repeat(before) + &odd.repeat(LONGEST + 1);
                assert!(!is_kept_whole(&kept(&long)), "{before} {odd}");
            }
        }
    }
}
