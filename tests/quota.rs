//! QFPay's quota as a shop meets it: who may call, who waits, who is refused first, and what several sidecars share. The
//! arithmetic itself is tested on a fake clock, in src/quota/rate.rs.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test, in helpers too

mod support;

#[path = "quota/limits.rs"]
mod limits;
#[path = "quota/pause.rs"]
mod pause;
#[path = "quota/redis.rs"]
mod redis;
#[path = "quota/server.rs"]
mod server;
#[path = "quota/settings.rs"]
mod settings;
#[path = "quota/stage.rs"]
mod stage;
#[path = "quota/store.rs"]
mod store;
#[path = "quota/waiting.rs"]
mod waiting;
