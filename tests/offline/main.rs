//! What needs no network: the offline commands, configuration, the signing core against signatures from elsewhere.

// clippy.toml allows unwrap in tests, but not in their helpers; some tests print what they measured.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod cli;
mod config_layers;
mod corpora;
mod doubts;
mod explain;
mod properties;
mod vectors;
