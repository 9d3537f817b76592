//! qfpay-sidecar: a reverse proxy on localhost that signs QFPay API calls.

pub mod base_url;
pub mod body;
pub mod browser;
pub mod credentials;
pub mod decode;
pub mod endpoint;
pub mod headers;
pub mod outbound;
pub mod respcd;
pub mod server;
pub mod sign;
pub mod upstream;
