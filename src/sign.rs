//! QFPay's signature scheme, as a pipeline of values: [`Params`] -> [`Canonical`] -> [`Signature`].
//!
//! Pure: bytes in, bytes out; no clock, no files, no async. The rule (SITE "authentication and signature", proved by
//! three digests that QFPay published): parameters sorted by name, raw UTF-8 values, `name=value` joined by `&`, the
//! `client_key` appended without a separator, hashed with MD5 or SHA-256, printed as hex.

mod canonical;
mod params;
mod signature;

pub use canonical::Canonical;
pub use params::{EmptyPolicy, ParamError, Params, names_inside};
pub use signature::{Signature, Signer};
