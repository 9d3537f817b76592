//! `[sandbox]`: the stand-in for QFPay, on this machine only.

use hyper::Uri;

use crate::base_url::UpstreamUrl;
use crate::server::Address;
use crate::settings::section;

section! {
    /// The QFPay stand-in.
    #[derive(Clone, Debug)]
    pub struct Sandbox {
        /// Where the `sandbox` command listens.
        pub listen: Address = parsed("sandbox.listen", loopback_port),
        /// Calls per app and second; 0 is unlimited.
        pub quota_per_second: u32 = number("sandbox.quota_per_second", "calls", 0..=1_000_000),
        /// Calls per app and minute; 0 is unlimited.
        pub quota_per_minute: u32 = number("sandbox.quota_per_minute", "calls", 0..=1_000_000),
        /// Where notifications go for orders without a `notify_url`: http to loopback.
        pub notify_url: Option<String> = optional("sandbox.notify_url", loopback_url),
        /// How many times faster than QFPay notifications are repeated, at least 1.
        pub time_scale: u32 = number("sandbox.time_scale", "times", 1..=1_000_000),
    }
}

/// The sandbox shows what it hashes and lets anyone press Pay, so it is for this machine only; browsers need a port.
fn loopback_port(text: &str) -> Result<Address, String> {
    match Address::parse(text).map_err(|error| error.to_string())? {
        Address::Tcp(address) if address.ip().is_loopback() => Ok(Address::Tcp(address)),
        _ => Err("the sandbox listens on a loopback address only, such as 127.0.0.1:8790".to_owned()),
    }
}

/// The sandbox's notifications never leave this machine.
fn loopback_url(text: &str) -> Result<String, &'static str> {
    let uri: Option<Uri> = text.parse().ok();
    let authority = uri.as_ref().and_then(Uri::authority);
    let base = authority.and_then(|authority| UpstreamUrl::parse(&format!("http://{authority}")).ok());
    match base {
        Some(_) if text.starts_with("http://") => Ok(text.to_owned()),
        _ => Err("write a http:// URL on this machine, such as http://127.0.0.1:8080/notify.php"),
    }
}
