//! Which order: the numbers that a call names, at an app and a merchant. A shop's number is unique within these at QFPay.

use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::row::Number;
use super::text::Text;
use crate::credentials::App;
use crate::sign::Params;

/// An order as a call names it.
#[derive(Clone)]
pub struct Order {
    app: Arc<App>,
    /// `mchid`, `out_trade_no` and `syssn`, one behind the other.
    text: Text,
    /// Where each ends; nothing for one that is not named.
    mchid: Option<usize>,
    out_trade_no: Option<usize>,
    syssn: Option<usize>,
}

impl Order {
    /// The order that the parameters of a call name, as they are signed; nothing if they name none.
    pub fn of(app: &Arc<App>, params: &Params) -> Option<Self> {
        let named = |name| params.get(name).filter(|value| !value.is_empty());
        Self::named(app, named("mchid"), named("out_trade_no"), named("syssn"))
    }

    /// The order of these numbers; nothing if both are missing.
    pub fn named(
        app: &Arc<App>,
        mchid: Option<&str>,
        out_trade_no: Option<&str>,
        syssn: Option<&str>,
    ) -> Option<Self> {
        if out_trade_no.is_none() && syssn.is_none() {
            return None;
        }
        let text = Text::of(&[mchid, out_trade_no, syssn].map(Option::unwrap_or_default));
        let mut length = 0;
        let mut end = |part: Option<&str>| {
            part.map(|part| {
                length += part.len();
                length
            })
        };
        let (mchid, out_trade_no, syssn) = (end(mchid), end(out_trade_no), end(syssn));
        Some(Self { app: app.clone(), text, mchid, out_trade_no, syssn })
    }

    /// Who signs. QFPay counts by its `app_code`.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The merchant that is signed, if any.
    pub fn mchid(&self) -> Option<&str> {
        self.mchid.map(|end| &self.text.as_str()[..end])
    }

    /// The shop's number.
    pub fn out_trade_no(&self) -> Option<&str> {
        self.out_trade_no.map(|end| &self.text.as_str()[self.mchid.unwrap_or(0)..end])
    }

    /// QFPay's number.
    pub fn syssn(&self) -> Option<&str> {
        self.syssn.map(|end| &self.text.as_str()[self.out_trade_no.or(self.mchid).unwrap_or(0)..end])
    }

    /// Whether it has a number of the shop's.
    pub fn has_shops_number(&self) -> bool {
        self.out_trade_no.is_some()
    }

    /// The same with the number that QFPay's answer gives it, unless it names one.
    #[must_use]
    pub fn answered_by(&self, syssn: &str) -> Self {
        match self.syssn {
            Some(_) => self.clone(),
            None => {
                let named = &self.text.as_str()[..self.out_trade_no.or(self.mchid).unwrap_or(0)];
                let text = Text::of(&[named, syssn]);
                Self { text, syssn: Some(named.len() + syssn.len()), app: self.app.clone(), ..*self }
            }
        }
    }

    /// The same by the shop's number alone, if it is named: a refund names the `syssn` of its payment beside its own number.
    #[must_use]
    pub fn by_shops_number(&self) -> Self {
        match self.out_trade_no {
            Some(_) => Self { syssn: None, ..self.clone() },
            None => self.clone(),
        }
    }

    /// The same by each of its numbers alone, those in QFPay's row of it included.
    pub fn by_each_number(&self, row: Option<&str>) -> Vec<Self> {
        let seen = row.and_then(Number::in_row).unwrap_or_default();
        let shops = [self.out_trade_no(), seen.out_trade_no.as_deref()];
        let qfpays = [self.syssn(), seen.syssn.as_deref()];
        let named = |shops, qfpays| Self::named(&self.app, self.mchid(), shops, qfpays);
        let shops = shops.into_iter().flatten().filter_map(|number| named(Some(number), None));
        shops.chain(qfpays.into_iter().flatten().filter_map(|number| named(None, Some(number)))).collect()
    }

    /// The numbers alone.
    pub fn number(&self) -> Number {
        Number {
            out_trade_no: self.out_trade_no().map(str::to_owned),
            syssn: self.syssn().map(str::to_owned),
        }
    }

    /// Whether it is of that app and merchant.
    pub fn is_of(&self, app: &App, mchid: Option<&str>) -> bool {
        self.app.app_code.as_str() == app.app_code.as_str() && self.mchid() == mchid
    }

    fn parts(&self) -> [Option<&str>; 4] {
        [Some(self.app.app_code.as_str()), self.mchid(), self.out_trade_no(), self.syssn()]
    }

    /// The same for every sidecar, for a store that they share. A digest, since numbers are the shop's own business.
    pub fn shared_name(&self) -> String {
        let mut digest = Sha256::new();
        for part in self.parts() {
            digest.update((part.map_or(u64::MAX, |part| part.len() as u64)).to_be_bytes());
            digest.update(part.unwrap_or_default());
        }
        let mut name = hex::encode(digest.finalize());
        name.truncate(32);
        name
    }
}

impl PartialEq for Order {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Order {}

impl Hash for Order {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl fmt::Debug for Order {
    /// Without the numbers: they are the shop's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").field("app", &self.app.name).finish_non_exhaustive()
    }
}

/// An order in 16 bytes, keyed by this process: remembering one costs no text, and nobody can make two alike.
pub(super) type Tag = u128;

/// For maps by [`Tag`], which is a digest itself.
pub(super) type TagState = BuildHasherDefault<TagHasher>;

/// Takes half of a tag for its hash.
#[derive(Debug, Default)]
pub(super) struct TagHasher(u64);

impl Hasher for TagHasher {
    fn write(&mut self, bytes: &[u8]) {
        // No tag comes here; anything else would still be told apart.
        bytes.iter().for_each(|&byte| self.0 = self.0.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u128(&mut self, tag: u128) {
        self.0 = (tag >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Makes tags.
#[derive(Debug, Default)]
pub(super) struct Tagger(RandomState, RandomState);

impl Tagger {
    /// The tag of a shop's number, whatever `syssn` stands beside it: a refund names the payment's.
    pub fn of(&self, order: &Order) -> Option<Tag> {
        // One text, with where its parts end behind it: no two orders have the same.
        let (code, mchid, end) = (order.app.app_code.as_str(), order.mchid, order.out_trade_no?);
        let numbers = &order.text.as_bytes()[..end];
        let hash = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(code.as_bytes());
            hasher.write(numbers);
            hasher.write_usize(numbers.len());
            hasher.write_usize(mchid.map_or(usize::MAX, |end| end));
            hasher.finish()
        };
        Some(u128::from(hash(&self.0)) << 64 | u128::from(hash(&self.1)))
    }
}
