//! The sandbox as a client meets it: through `Sandbox::handle`.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test, in helpers too

#[path = "sandbox/faults.rs"]
mod faults;
#[path = "sandbox/notifications.rs"]
mod notifications;
#[path = "sandbox/pages.rs"]
mod pages;
#[path = "sandbox/signature.rs"]
mod signature;
#[path = "sandbox/support.rs"]
mod support;
#[path = "sandbox/trade.rs"]
mod trade;
#[path = "sandbox/weixin.rs"]
mod weixin;
#[path = "sandbox/wire.rs"]
mod wire;
