//! qfpay-sidecar: a reverse proxy on localhost that signs QFPay API calls, so that no shop holds the `client_key`.
//!
//! # Life of a request
//!
//! `server` accepts a connection and hands each request to `api`, which refuses what it must (`gate`, `endpoint`),
//! reads the body within bounds (`body`), decodes what the caller sent into parameters (`decode`), chooses the app
//! (`caller`, `credentials`), waits for its turn (`quota`) and signs (`sign`, `outbound`). `upstream` sends it once and
//! says whether QFPay may have seen it. URLs for the customer's browser are made by `browser` and never forwarded. Every
//! failure becomes an answer in `error`. QFPay's notifications arrive at `notification`, a service of its own that holds
//! verifiers and no signer; `receiver` hands them to the shop. `explain` names the mistake behind a wrong signature.
//! `app` wires all this from a `config`; `cli` is the command line.
//!
//! # Direction of imports
//!
//! A module uses only modules of rows above its own; `server` and `client` know hyper, not QFPay.
//!
//! 1. `settings`
//! 2. `base_url`, `client`, `credentials`, `memory_budget`, `runtime`, `server`, `systemd`
//! 3. `endpoint`, `respcd`, `selection`, `sign`
//! 4. `browser`, `decode`, `body`, `gate`, `headers`
//! 5. `access`, `outbound`
//! 6. `explain`
//! 7. `sandbox`, `upstream`, `metrics`, `telemetry`
//! 8. `quota`
//! 9. `caller`, `receiver`
//! 10. `orders`
//! 11. `error`
//! 12. `api`, `notification`, `admin`
//! 13. `config`
//! 14. `app`
//! 15. `cli`
//!
//! # The signing core
//!
//! Pure, and usable by itself:
//!
//! ```
//! use qfpay_sidecar::credentials::{ClientKey, HexCase, SignType};
//! use qfpay_sidecar::sign::{Canonical, Params, Signer};
//!
//! let mut params = Params::new();
//! params.push(b"txcurrcd", b"HKD")?;
//! params.push(b"txamt", b"100")?;
//! let canonical = Canonical::of(&params);
//! assert_eq!(canonical.as_str(), "txamt=100&txcurrcd=HKD");
//!
//! let key = ClientKey::new(b"SANDBOX0DEMO0KEY0NOT0A0SECRET000".to_vec().into(), false)?;
//! let signature = Signer { key: &key, sign_type: SignType::Md5 }.sign(canonical.as_str().as_bytes());
//! // printf %s 'txamt=100&txcurrcd=HKDSANDBOX0DEMO0KEY0NOT0A0SECRET000' | md5sum
//! assert_eq!(signature.to_hex(HexCase::Lower), "e9b506104de45641f8f29f80c20003fc");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod access;
pub mod admin;
pub mod api;
pub mod app;
pub mod base_url;
pub mod body;
pub mod browser;
pub mod caller;
pub mod cli;
pub mod client;
pub mod config;
pub mod credentials;
pub mod decode;
pub mod endpoint;
pub mod error;
pub mod explain;
pub mod gate;
pub mod headers;
pub mod memory_budget;
pub mod metrics;
pub mod notification;
pub mod orders;
pub mod outbound;
pub mod quota;
pub mod receiver;
pub mod respcd;
pub mod runtime;
pub mod sandbox;
pub mod selection;
pub mod server;
pub mod settings;
pub mod sign;
pub mod systemd;
pub mod telemetry;
pub mod upstream;
