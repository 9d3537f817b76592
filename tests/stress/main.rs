//! The running sidecar under faults, hostile callers, load and the end of its process: heavy tests, apart from the others so
//! that they do not disturb their timing.

// clippy.toml allows unwrap in tests, but not in their helpers; some tests print what they measured.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod callers;
mod cross_talk;
mod faults;
mod hostile;
mod journal;
mod leaks;
mod model;
mod one_flight;
mod reload;
mod shops;
mod shutdown;
#[path = "../support/mod.rs"]
mod support;
mod users;
