//! The house is in order: documents, map, rows of imports.

// clippy.toml allows unwrap in tests, but not in their helpers; some tests print what they measured.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod architecture;
mod docs;
mod unit;
