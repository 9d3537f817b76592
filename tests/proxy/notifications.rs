//! QFPay's notifications through real sockets: what is verified, what reaches the receiver, what QFPay hears; and the
//! signatures on QFPay's answers.

mod acknowledgement;
mod agency;
mod copies;
mod end_to_end;
mod on_request;
mod rejected;
mod repeats;
mod responses;
mod settings;
mod shops;
mod sources;
pub(crate) mod stage;
mod tls;
mod verified;
