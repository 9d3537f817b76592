//! What a row can tell: only what is said to stand in the journal is a field here.

use std::borrow::Cow;

use super::chain::Columns;

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
    /// The columns, in the order of the file, as they are hashed.
    pub(super) fn columns(&self) -> Vec<u8> {
        let mut columns = Columns::with_capacity(USUAL);
        for text in self.texts() {
            columns.bytes(text.map(kept).as_deref().map(str::as_bytes));
        }
        columns.0
    }

    fn texts(&self) -> [Option<&'a str>; 14] {
        [
            self.request_id,
            self.caller,
            self.app,
            self.mchid,
            self.endpoint,
            self.out_trade_no,
            self.syssn,
            self.amount,
            self.currency,
            self.delivery,
            self.respcd,
            self.failure,
            self.state,
            self.route,
        ]
    }
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
    fn long_values_are_cut_between_characters() {
        let fits = "7".repeat(LONGEST);
        assert_eq!(kept(&fits), fits);
        let long = "é".repeat(LONGEST);
        let cut = kept(&long);
        assert!(cut.len() <= LONGEST && cut.ends_with("é…"), "{cut}");
    }
}
