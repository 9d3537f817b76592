//! qfpay-sidecar: a reverse proxy on localhost that signs QFPay API calls.

pub mod admin;
pub mod api;
pub mod app;
pub mod base_url;
pub mod body;
pub mod browser;
pub mod caller;
pub mod cli;
pub mod config;
pub mod credentials;
pub mod decode;
pub mod endpoint;
pub mod error;
pub mod headers;
pub mod metrics;
pub mod outbound;
pub mod respcd;
pub mod sandbox;
pub mod server;
pub mod sign;
pub mod telemetry;
pub mod upstream;
