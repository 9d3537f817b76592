//! The client half of HTTP/1.1, twin of `server`: verified connections, one exchange at a time on each, and known afterwards
//! how far it got. Knows hyper, not QFPay.

mod body;
mod connect;
mod connection;
mod io;
mod pool;

use std::error::Error;

pub use connect::BadRoots;

pub(crate) use body::{Body, BodyError};
pub(crate) use connect::{ConnectError, Connector};
pub(crate) use connection::{Broken, Connection, Late, Times};
pub(crate) use pool::Pool;

/// The error at the bottom of a chain: the one that says what happened.
pub(crate) fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, innermost)
}
