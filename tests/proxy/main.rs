//! The running sidecar as callers, QFPay and receivers meet it: the built binary over real sockets, one file per story.

// clippy.toml allows unwrap in tests, but not in their helpers; some tests print what they measured.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

mod answers;
mod api;
mod apps;
mod attacks;
mod browser_urls;
mod callers;
mod charsets;
mod check;
mod connections;
mod crash;
mod deadlines;
mod egress;
mod ends;
mod errors;
mod forwarding;
mod hang_up;
mod hosts;
mod include;
mod journal;
mod journey;
mod key_command;
mod key_files;
mod known_users;
mod labels;
mod landlock;
mod lengths;
mod listen;
mod logs;
mod notifications;
mod operations;
mod orders;
mod own_status;
mod pages;
mod pipelining;
mod plain_words;
mod quota;
mod reload;
mod repeats;
mod slips;
mod sockets;
#[path = "../support/mod.rs"]
mod support;
mod systemd;
mod tls;
mod warnings;
mod workers;
