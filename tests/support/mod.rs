//! What the black-box tests share: the built binary as a child process, a scripted upstream, real `curl`, raw sockets,
//! and signatures from elsewhere. Nothing here uses the library under test, so no defect of it can hide itself.

// Each test file is a crate of its own and uses its own part of this.
#![allow(dead_code, unused_imports)]
// A failed unwrap is a failed test; clippy.toml allows it in test functions only. A failed test shows the log.
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::disallowed_methods)]

mod answer;
mod curl;
mod form;
mod launch;
mod leak;
mod load;
mod ports;
mod process;
mod redis;
mod reload;
mod sidecar;
mod sqlite;
mod stage;
mod uninterrupted;
mod upstream;
mod vectors;

pub use answer::{Answer, Connection};
pub use curl::{curl, curl_with_input};
pub use form::{decode, encode};
pub use launch::{Ended, Launch, copy_in};
pub use leak::{pieces, writings, written_in};
pub use load::{Load, Outcome, Payment};
pub use ports::{assert_chosen_by_the_system, nobody_listens, own_ip};
pub use process::{ended, signal};
pub use redis::RedisServer;
pub use sidecar::Sidecar;
pub use sqlite::{Hold, sqlite, sqlite_value};
pub use stage::Stage;
pub use uninterrupted::uninterrupted;
pub use upstream::{FakeUpstream, Gate, Recorded, Reply};
pub use vectors::{Vector, md5_elsewhere, md5_of_body, sha256_elsewhere, vector, vectors};

use std::time::Duration;

/// The `app_code` and `client_key` of most vectors in `tests/vectors/sign.jsonl`. The key doubles as the canary: it
/// must not appear in anything that the sidecar prints, serves or sends.
pub const APP_CODE: &str = "A1B2C3D4E5F60718293A4B5C6D7E8F90";
pub const CLIENT_KEY: &str = "0123456789ABCDEF0123456789ABCDEF";

/// A customer's value: must not appear in logs, metrics or error answers.
pub const CANARY: &str = "canary-Chan-Tai-Man-4111111111111111";

/// For everything that should happen at once on an idle machine; tests fail after it instead of hanging.
pub const SOON: Duration = Duration::from_secs(20);
