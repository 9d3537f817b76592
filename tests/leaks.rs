//! Nothing comes to light: keys, signatures and customers' values go through every path at the level trace, and stand
//! afterwards in no log, error, metric, answer, file of /proc, dump or freed memory where they do not belong.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test, in helpers too
#![allow(clippy::print_stderr)] // each sweep says how much it has looked at

mod support;

#[path = "leaks/canaries.rs"]
mod canaries;
#[path = "leaks/commands.rs"]
mod commands;
#[path = "leaks/memory.rs"]
mod memory;
#[path = "leaks/panics.rs"]
mod panics;
#[path = "leaks/paths.rs"]
mod paths;
#[path = "leaks/process.rs"]
mod process;
#[path = "leaks/settings.rs"]
mod settings;
#[path = "leaks/sweep.rs"]
mod sweep;
