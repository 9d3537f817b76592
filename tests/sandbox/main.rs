//! The sandbox as a client meets it: through `Sandbox::handle`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // a failed unwrap is a failed test, in helpers too

mod clock;
mod console;
mod faults;
mod merchants;
mod notifications;
mod pages;
mod signature;
mod support;
mod trade;
mod weixin;
mod wire;
