//! Which settings another configuration has otherwise: by their names, since a value may be what nobody is to see.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::effective::plain;
use super::errors::without_keys;
use super::raw::{Raw, Setting};
use crate::runtime;

/// Every setting as it was written, in the order of their names: the name, and a digest of the value.
#[derive(Clone, Debug, Default)]
pub struct Written(Vec<(Box<str>, u64)>);

impl Written {
    pub(super) fn of(raw: &Raw) -> Self {
        let digest = |text: String| {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            hasher.finish()
        };
        let setting = |(key, setting): (&String, &Setting)| {
            runtime::give_way();
            (key.as_str().into(), digest(plain(&setting.value)))
        };
        Self(raw.settings.iter().map(setting).collect())
    }

    /// The names of the settings that came, went, or have another value.
    pub fn changed_in(&self, other: &Self) -> Vec<String> {
        let (mut before, mut now) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut changed = Vec::new();
        loop {
            let order = match (before.peek(), now.peek()) {
                (Some((one, _)), Some((other, _))) => one.cmp(other),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return changed,
            };
            let one = before.next_if(|_| order.is_le());
            let two = now.next_if(|_| order.is_ge());
            if one != two {
                changed.extend(one.or(two).map(|(name, _)| without_keys(name)));
            }
        }
    }
}
