//! Which route a notification takes: its verified bytes and the routes of its path go in, one route or none comes out.
//!
//! QFPay sends every notification of an `app_code` to one URL, and an agency's shops are told apart by what stands in it.
//! The bytes are read for this only, once it is known whose they are; the receiver gets them unchanged.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// QFPay's values of `notify_type` (CAM; `close` in Japan).
pub const TYPES: [&str; 7] =
    ["payment", "refund", "unfreeze", "close", "payment_token", "subscription", "subscription_payment"];

/// Which notifications a route takes. What is not named, or an empty list, takes any; all that is named must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The name of the app whose key signed.
    pub app: Option<String>,
    /// Values of `mchid`: the merchant.
    pub mchids: Vec<String>,
    /// Values of `userid`: the store that a token belongs to.
    pub userids: Vec<String>,
    /// Values of `notify_type`.
    pub types: Vec<String>,
}

impl Selection {
    /// How many of app, mchids, userids and types it names: of several that take a notification, the one with most wins.
    pub fn particularity(&self) -> usize {
        let lists = [&self.mchids, &self.userids, &self.types];
        usize::from(self.app.is_some()) + lists.iter().filter(|list| !list.is_empty()).count()
    }

    /// Whether some notification could fit both, and neither is more particular: then chance would choose the shop.
    pub fn ties_with(&self, other: &Self) -> bool {
        let apps = self.app.is_none() || other.app.is_none() || self.app == other.app;
        let meet = |one: &[String], other: &[String]| {
            one.is_empty() || other.is_empty() || one.iter().any(|value| other.contains(value))
        };
        self.particularity() == other.particularity()
            && apps
            && meet(&self.mchids, &other.mchids)
            && meet(&self.userids, &other.userids)
            && meet(&self.types, &other.types)
    }

    fn takes(&self, app: &str, fields: &Fields) -> bool {
        self.app.as_deref().is_none_or(|named| named == app)
            && fields.mchid.is_in(&self.mchids)
            && fields.userid.is_in(&self.userids)
            && fields.notify_type.is_in(&self.types)
    }
}

/// The one of these routes that takes a notification of this app's, the most particular of several; `None` if none does.
///
/// Of routes of which no two tie ([`Selection::ties_with`]), one is the most particular, in whatever order they stand.
pub fn select<'r, R>(
    routes: &'r [R],
    selection: impl Fn(&R) -> &Selection,
    app: &str,
    fields: &Fields,
) -> Option<&'r R> {
    let taking = routes.iter().filter(|route| selection(route).takes(app, fields));
    taking.max_by_key(|route| selection(route).particularity())
}

/// What a notification says of whom it is for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields {
    mchid: Field,
    userid: Field,
    notify_type: Field,
}

/// One field: its value to the letter, as text or as a number is written.
#[derive(Debug, Default, PartialEq, Eq)]
enum Field {
    #[default]
    Absent,
    Value(String),
    /// It stands twice, or is no text and no number. Two readers may take it for different things, so it selects nothing.
    Unclear,
}

impl Field {
    fn is_in(&self, list: &[String]) -> bool {
        list.is_empty() || matches!(self, Self::Value(value) if list.contains(value))
    }

    fn put(&mut self, raw: &RawValue) {
        let value = match raw.get() {
            text if text.starts_with('"') => serde_json::from_str(text).ok(),
            number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Some(number.to_owned()),
            _ => None,
        };
        *self = match (&self, value) {
            (Self::Absent, Some(value)) => Self::Value(value),
            _ => Self::Unclear,
        };
    }
}

impl Fields {
    /// Reads the members of the object itself, not of objects in it. What is not wholly JSON and UTF-8 says nothing.
    pub fn read(body: &[u8]) -> Self {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let Ok(text) = std::str::from_utf8(body) else { return Self::default() };
        let mut json = serde_json::Deserializer::from_str(text);
        let fields = json.deserialize_map(Members).and_then(|fields| json.end().map(|()| fields));
        fields.unwrap_or_default()
    }

    fn named(&mut self, name: &str) -> Option<&mut Field> {
        match name {
            "mchid" => Some(&mut self.mchid),
            "userid" => Some(&mut self.userid),
            "notify_type" => Some(&mut self.notify_type),
            _ => None,
        }
    }
}

/// For logs: which fields there are, without what is in them. A type of QFPay's is a word of the protocol.
impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [("mchid", &self.mchid), ("userid", &self.userid), ("notify_type", &self.notify_type)];
        for (i, (name, field)) in all.into_iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            match field {
                Field::Absent => write!(f, "no {name}")?,
                Field::Unclear => write!(f, "an unclear {name}")?,
                Field::Value(value) => {
                    match TYPES.iter().find(|known| name == "notify_type" && value == **known) {
                        Some(known) => write!(f, "{name} {known}")?,
                        None => write!(f, "another {name} of {} characters", value.chars().count())?,
                    }
                }
            }
        }
        Ok(())
    }
}

/// Takes members one by one, since serde_json's own map keeps only the last of a repeated name.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some((name, value)) = members.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            if let Some(field) = fields.named(&name) {
                field.put(value);
            }
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests;
