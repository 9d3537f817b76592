//! The sidecar's own endpoints: never forwarded, so not in the table.

use super::{Endpoint, Methods, call, call_without_mchid};
use crate::endpoint::Effect::Reads;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// For shops that receive notifications themselves and hold no key.
    Verify,
    /// What became of an order. It asks [`super::QUERY`] in its own name.
    Outcome,
    /// What an order went through.
    Order,
}

const VERIFY: Endpoint = call_without_mchid("/sidecar/v1/verify", Methods::Post, Reads);
const OUTCOME: Endpoint = call("/sidecar/v1/outcome", Methods::Both, Reads);
const ORDER: Endpoint = call("/sidecar/v1/order", Methods::Both, Reads);

impl Own {
    /// The one at a raw path.
    pub fn at(path: &str) -> Option<Self> {
        [Self::Verify, Self::Outcome, Self::Order].into_iter().find(|own| own.endpoint().path == path)
    }

    /// How it is called.
    pub fn endpoint(self) -> &'static Endpoint {
        match self {
            Self::Verify => &VERIFY,
            Self::Outcome => &OUTCOME,
            Self::Order => &ORDER,
        }
    }
}
