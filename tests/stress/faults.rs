//! What callers learn when the way to QFPay breaks: sent or not, exactly once or not at all.
//!
//! `stories` tells the kinds of breakdown one by one, with the built binary. `matrix` breaks a small exchange at every
//! byte, thousands of times, with sidecars inside the test's process; docs/faults.md shows what came of it. `truth` follows what
//! was left in doubt to its end.

mod matrix;
mod stories;
mod truth;
