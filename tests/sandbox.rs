//! The sandbox as a client meets it: through `Sandbox::handle`.

#[path = "sandbox/faults.rs"]
mod faults;
#[path = "sandbox/signature.rs"]
mod signature;
#[path = "sandbox/support.rs"]
mod support;
#[path = "sandbox/trade.rs"]
mod trade;
#[path = "sandbox/weixin.rs"]
mod weixin;
