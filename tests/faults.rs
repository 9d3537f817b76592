//! What callers learn when the way to QFPay breaks: sent or not, exactly once or not at all.
//!
//! `stories` tells the kinds of breakdown one by one, with the built binary. `matrix` breaks a small exchange at every
//! byte, thousands of times, with sidecars inside the test's process; docs/faults.md shows what came of it.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, but not in their helpers
#![allow(clippy::print_stdout)] // what was measured

#[path = "faults/matrix.rs"]
mod matrix;
#[path = "faults/stories.rs"]
mod stories;
mod support;
