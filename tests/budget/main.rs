//! What one call may cost: allocations and system calls. Both are counts, which no other program on the machine disturbs, so
//! they fail when something dear slips in.

// clippy.toml allows unwrap in tests, but not in their helpers; these tests print what they counted.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod allocations;
mod peers;
mod reading;
mod rights;
#[path = "../support/mod.rs"]
mod support;
mod system_calls;

/// Counts what this process allocates while a `dhat::Profiler` lives, and costs nothing otherwise.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;
