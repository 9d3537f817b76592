//! qfpay-sidecar: a reverse proxy on localhost that signs QFPay API calls.

pub mod base_url;
pub mod credentials;
pub mod decode;
pub mod endpoint;
pub mod server;
pub mod sign;
