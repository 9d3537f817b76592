//! A verified call: its app, its parameters, and the checks that several endpoints share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer::{Fields, Refusal, refusal};
use super::clock;
use super::magic;
use super::orders::{Order, Orders};
use super::request::{Pair, value};
use crate::credentials::App;

/// The currencies of QFPay's table.
const CURRENCIES: [&str; 13] =
    ["AED", "AUD", "CAD", "CNY", "EUR", "HKD", "IDR", "JPY", "MMK", "MYR", "SGD", "THB", "USD"];

/// A call whose signature is right.
pub(super) struct Call<'a> {
    pub app: &'a Arc<App>,
    pub params: &'a [Pair],
    pub path: &'a str,
    /// The public base URL of the sandbox, for the pages that answers point to.
    pub base: &'a str,
    /// UTC+8, as QFPay prints it.
    pub now: String,
    pub instant: Instant,
}

/// What an endpoint did.
#[derive(Debug)]
pub(super) struct Done {
    pub fields: Fields,
    /// A magic amount was at work.
    pub magic: Option<magic::Answer>,
    /// Numbers of the orders to send a notification about.
    pub notify: Vec<u64>,
    /// The number of an order that changes by itself, and after which time.
    pub later: Option<(u64, Duration)>,
}

impl Done {
    /// Nothing but an answer.
    pub(super) fn plain(fields: Fields) -> Self {
        Self { fields, magic: None, notify: Vec::new(), later: None }
    }
}

impl<'a> Call<'a> {
    /// A parameter that must not be empty.
    pub(super) fn need(&self, name: &str) -> Result<&'a str, Refusal> {
        self.maybe(name).ok_or_else(|| refusal("1104", format!("the parameter {name} is missing or empty")))
    }

    /// A parameter that may be left out or empty.
    pub(super) fn maybe(&self, name: &str) -> Option<&'a str> {
        value(self.params, name).filter(|value| !value.is_empty())
    }

    /// The same, owned.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.maybe(name).map(str::to_owned)
    }

    /// `txamt`: a positive whole number of minor units.
    pub(super) fn txamt(&self) -> Result<u64, Refusal> {
        let text = self.need("txamt")?;
        let digits = text.len() <= 11 && text.bytes().all(|b| b.is_ascii_digit());
        match text.parse() {
            Ok(amount) if digits && amount > 0 => Ok(amount),
            _ => Err(refusal(
                "1104",
                "txamt is not a positive whole number of minor units with at most 11 digits",
            )),
        }
    }

    /// `txcurrcd`: one of QFPay's currencies.
    pub(super) fn txcurrcd(&self) -> Result<&'a str, Refusal> {
        let code = self.need("txcurrcd")?;
        if CURRENCIES.contains(&code) {
            return Ok(code);
        }
        Err(refusal("1104", format!("txcurrcd is none of {}", CURRENCIES.join(" "))))
    }

    /// `pay_type`: six digits. Unknown ones are taken, because new ones appear often.
    pub(super) fn pay_type(&self) -> Result<&'a str, Refusal> {
        let code = self.need("pay_type")?;
        if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(code);
        }
        Err(refusal("1104", "pay_type is not six digits"))
    }

    /// `txdtm`: `YYYY-MM-DD hh:mm:ss`.
    pub(super) fn txdtm(&self) -> Result<&'a str, Refusal> {
        let date = self.need("txdtm")?;
        if clock::is_date(date) {
            return Ok(date);
        }
        Err(refusal("1104", "txdtm is not a date of the form YYYY-MM-DD hh:mm:ss"))
    }

    /// `out_trade_no`: new, over payments and refunds of the app. A repeated one is `1251`, as seen in production.
    pub(super) fn fresh_out_trade_no(&self, orders: &mut Orders) -> Result<&'a str, Refusal> {
        let number = self.need("out_trade_no")?;
        if number.chars().count() > 128 {
            return Err(refusal("1104", "out_trade_no is longer than 128 characters"));
        }
        match orders.by_out_trade_no(self.app, number) {
            None => Ok(number),
            Some(_) => {
                let said = "this out_trade_no was used before; it is unique over payments and refunds of the account";
                Err(refusal("1251", said))
            }
        }
    }

    /// Whether the call finds an order: it is the merchant's that the call names (an app may have several, and none sees
    /// another's orders), and not hidden by magic.
    pub(super) fn finds(&self, order: &Order) -> bool {
        order.request.mchid.as_deref() == self.maybe("mchid")
            && order.appears.is_none_or(|at| at <= self.instant)
    }

    /// QFPay's rule: an app that was issued an `mchid` always sends one.
    ///
    /// Another value than the configured one is taken: an agent has many.
    pub(super) fn mchid_rule(&self) -> Result<(), Refusal> {
        match &self.app.mchid {
            Some(_) if self.maybe("mchid").is_none() => Err(refusal(
                "1104",
                "this app has an mchid, and then QFPay wants the parameter mchid in every call",
            )),
            _ => Ok(()),
        }
    }
}
