//! QFPay's signature scheme, as a pipeline of values: [`Params`] -> [`Canonical`] -> [`Signature`].
//!
//! Pure: bytes in, bytes out; no clock, no files, no async. The rule (SITE "authentication and signature", proved by
//! three digests that QFPay published): parameters sorted by name, raw UTF-8 values, `name=value` joined by `&`, the
//! `client_key` appended without a separator, hashed with MD5 or SHA-256, printed as hex.
//!
//! The other way round, for what QFPay sends: raw bytes and a [`ReceivedSignature`] -> [`Verifier`] ->
//! [`VerifiedNotification`]. And for pages: [`Params`], an [`OwnSignature`] and the shop's keys -> [`Vouched`].

mod canonical;
mod hash_value;
mod own_signature;
mod params;
mod received;
mod signature;
mod verified;
mod verifier;
mod vouched;

pub use canonical::Canonical;
pub use own_signature::{OwnSignature, Sent};
pub use params::{EmptyPolicy, ParamError, Params, is_name, names_inside};
pub use received::{BadSignature, ReceivedSignature};
pub use signature::{Signature, Signer};
pub use verified::VerifiedNotification;
pub use verifier::Verifier;
pub use vouched::{CallSigner, Vouched, sign_locally};
