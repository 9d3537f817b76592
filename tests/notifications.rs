//! QFPay's notifications through real sockets: what is verified, what reaches the receiver, what QFPay hears; and the
//! signatures on QFPay's answers.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test, in helpers too

mod support;

#[path = "notifications/acknowledgement.rs"]
mod acknowledgement;
#[path = "notifications/end_to_end.rs"]
mod end_to_end;
#[path = "notifications/on_request.rs"]
mod on_request;
#[path = "notifications/rejected.rs"]
mod rejected;
#[path = "notifications/repeats.rs"]
mod repeats;
#[path = "notifications/responses.rs"]
mod responses;
#[path = "notifications/settings.rs"]
mod settings;
#[path = "notifications/sources.rs"]
mod sources;
#[path = "notifications/stage.rs"]
mod stage;
#[path = "notifications/tls.rs"]
mod tls;
#[path = "notifications/verified.rs"]
mod verified;
