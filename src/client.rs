//! The client half of HTTP/1.1, twin of `server`: verified connections, one exchange at a time on each, and known afterwards
//! how far it got. Knows hyper, not QFPay.

mod body;
mod cause;
mod connect;
mod connection;
mod pool;
mod socket;
mod traffic;
mod tunnel;
mod waiting;
mod wire;

pub use cause::Cause;
pub use connect::{BadRoots, judge_roots};
pub use tunnel::{BadProxy, Proxy};

pub(crate) use body::{Body, BodyError};
pub(crate) use connect::{ConnectError, Connector};
pub(crate) use connection::{Broken, Connection, Late, Times};
pub(crate) use pool::Pool;
