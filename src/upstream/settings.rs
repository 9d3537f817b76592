//! The settings of the way to QFPay.

use std::path::PathBuf;
use std::time::Duration;

use crate::base_url::UpstreamUrl;
use crate::settings::{TIME, section};

/// What answers calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The built-in sandbox, in this process.
    Sandbox,
    /// A host of QFPay's, or a sandbox elsewhere on this machine.
    Live(UpstreamUrl),
}

impl Target {
    /// Reads `sandbox`, or the base URL of a host that answers calls.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "sandbox" {
            return Ok(Self::Sandbox);
        }
        let url = UpstreamUrl::parse(text).map_err(|bad| bad.to_string())?;
        match url.is_page_host() {
            true => Err("this is QFPay's host of pages for customers' browsers (upstream.browser_base_url), which answers no \
                         call; calls go to a host such as https://openapi-hk.qfapi.com"
                .to_owned()),
            false => Ok(Self::Live(url)),
        }
    }
}

/// What becomes of signatures on QFPay's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyResponses {
    /// They are not looked at.
    Off,
    /// The caller is told, and decides.
    Report,
    /// An answer with a wrong one is refused.
    Enforce,
}

const VERIFY_RESPONSES: [(&str, VerifyResponses); 3] = [
    ("off", VerifyResponses::Off),
    ("report", VerifyResponses::Report),
    ("enforce", VerifyResponses::Enforce),
];

section! {
    /// Where calls go, how long each step may take, and what is held of an answer.
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// The sandbox or a host.
        pub target: Target = parsed("upstream.base_url", Target::parse),
        /// QFPay's host for pages in the customer's browser.
        pub browser_base_url: UpstreamUrl = parsed("upstream.browser_base_url", UpstreamUrl::parse),
        /// A PEM file that replaces the built-in certificate authorities.
        pub ca_file: Option<PathBuf> = ca_file("upstream.ca_file"),
        /// Name lookup and TCP.
        pub connect_timeout: Duration = milliseconds("upstream.connect_timeout_ms", TIME),
        /// The TLS handshake after it.
        pub tls_timeout: Duration = milliseconds("upstream.tls_timeout_ms", TIME),
        /// Until the system took the whole request.
        pub write_timeout: Duration = milliseconds("upstream.write_timeout_ms", TIME),
        /// From there to the first byte of the answer.
        pub first_byte_timeout: Duration = milliseconds("upstream.first_byte_timeout_ms", TIME),
        /// The whole call, from the first look for a connection to the last byte of the answer; never shorter than
        /// `connect_timeout`.
        pub call_timeout: Duration = milliseconds("upstream.call_timeout_ms", TIME),
        /// How long an unused connection is kept; below the upstream's own limit.
        pub pool_idle_timeout: Duration = milliseconds("upstream.pool_idle_timeout_ms", TIME),
        /// What becomes of signatures on QFPay's answers.
        pub verify_responses: VerifyResponses = choice("upstream.verify_responses", &VERIFY_RESPONSES),
        /// The head of an answer, in bytes.
        pub answer_head_bytes: usize = number("limits.answer_head_bytes", "bytes", 8192..=1 << 20),
        /// Answers up to this many bytes are read whole before the caller sees any of them.
        pub answer_whole_bytes: usize = number("limits.answer_whole_bytes", "bytes", 1..=64 << 20),
        /// The memory for such answers, all together; never less than `answer_whole_bytes`.
        pub answer_memory_bytes: usize = number("limits.answer_memory_bytes", "bytes", 1..=4 << 30),
    }
}
