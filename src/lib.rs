//! qfpay-sidecar: a reverse proxy on localhost that signs QFPay API calls.

pub mod base_url;
pub mod credentials;
pub mod server;
pub mod sign;
