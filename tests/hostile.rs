//! Hostile callers: requests that could be read in two ways, floods, slow senders and readers, a lack of descriptors.
//! Each gets an answer, none reaches the upstream unsigned or twice, memory stays bounded, and others are served.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // clippy.toml allows it in tests, but not in their helpers

#[path = "hostile/descriptors.rs"]
mod descriptors;
#[path = "hostile/framing.rs"]
mod framing;
#[path = "hostile/heads.rs"]
mod heads;
#[path = "hostile/held.rs"]
mod held;
#[path = "hostile/large.rs"]
mod large;
#[path = "hostile/last_words.rs"]
mod last_words;
#[path = "hostile/process.rs"]
mod process;
mod support;
