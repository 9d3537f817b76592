//! QFPay's quota as a shop meets it: who may call, who waits, who is refused first, and what several sidecars share. The
//! arithmetic itself is tested on a fake clock, in src/quota/rate.rs.

mod limits;
mod nonsense;
mod pause;
mod places;
mod redis;
mod settings;
mod stage;
mod store;
mod waiting;
