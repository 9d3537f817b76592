//! The client half of HTTP/1.1: verified connections, one request at a time on each, and known afterwards how far it got.
//! Knows hyper, not QFPay.

pub(crate) mod connect;
pub(crate) mod connection;
mod io;
pub(crate) mod pool;

use std::error::Error;

pub use connect::BadRoots;
pub(crate) use connect::{ConnectError, Connector};
pub(crate) use connection::{Broken, Late, Link, Times};
pub(crate) use pool::Pool;

/// The error at the bottom of a chain: the one that says what happened.
pub(crate) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, innermost)
}
