//! `[upstream]`: where calls go, how long each step may take, and what becomes of signatures on answers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::doubts;
use super::files;
use super::raw::Raw;
use crate::base_url::UpstreamUrl;

/// Where calls go, and how long they may take.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// The sandbox or a host.
    pub target: Target,
    /// QFPay's host for pages in the customer's browser.
    pub browser_base_url: UpstreamUrl,
    /// A PEM file that replaces the built-in certificate authorities. It was readable, and holds a certificate.
    pub ca_file: Option<PathBuf>,
    /// For name lookup and TCP.
    pub connect_timeout: Duration,
    /// For the TLS handshake.
    pub tls_timeout: Duration,
    /// Until the whole request was taken by the system.
    pub write_timeout: Duration,
    /// From there to the first byte of the answer.
    pub first_byte_timeout: Duration,
    /// For the whole call; never shorter than `connect_timeout`.
    pub call_timeout: Duration,
    /// How long an idle connection is kept.
    pub pool_idle_timeout: Duration,
    /// What becomes of signatures on QFPay's answers.
    pub verify_responses: VerifyResponses,
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

/// What answers calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The built-in sandbox, in this process.
    Sandbox,
    /// A host of QFPay's, or a stand-in on loopback.
    Live(UpstreamUrl),
}

/// Reads the section; the target also where something else in it is wrong, since keys are judged by it.
pub(super) fn upstream(raw: &mut Raw) -> (Option<Target>, Option<UpstreamConfig>) {
    let target = raw.parsed("upstream.base_url", target);
    (target.clone(), times(raw, target))
}

fn target(text: &str) -> Result<Target, String> {
    if text == "sandbox" {
        return Ok(Target::Sandbox);
    }
    let url = UpstreamUrl::parse(text).map_err(|bad| bad.to_string())?;
    match doubts::is_page_host(&url) {
        true => Err("this is QFPay's host of pages for customers' browsers (upstream.browser_base_url), which answers no \
                     call; calls go to a host such as https://openapi-hk.qfapi.com"
            .to_owned()),
        false => Ok(Target::Live(url)),
    }
}

fn times(raw: &mut Raw, target: Option<Target>) -> Option<UpstreamConfig> {
    let browser_base_url = raw.parsed("upstream.browser_base_url", UpstreamUrl::parse);
    let ca_file = raw.optional("upstream.ca_file", readable_ca_file);
    let connect_timeout = raw.milliseconds("upstream.connect_timeout_ms");
    let tls_timeout = raw.milliseconds("upstream.tls_timeout_ms");
    let write_timeout = raw.milliseconds("upstream.write_timeout_ms");
    let first_byte_timeout = raw.milliseconds("upstream.first_byte_timeout_ms");
    let call_timeout = raw.milliseconds("upstream.call_timeout_ms");
    let pool_idle_timeout = raw.milliseconds("upstream.pool_idle_timeout_ms");
    let words = [
        ("off", VerifyResponses::Off),
        ("report", VerifyResponses::Report),
        ("enforce", VerifyResponses::Enforce),
    ];
    let verify_responses = raw.choice("upstream.verify_responses", &words);
    Some(UpstreamConfig {
        target: target?,
        browser_base_url: browser_base_url?,
        ca_file: ca_file?,
        connect_timeout: connect_timeout?,
        tls_timeout: tls_timeout?,
        write_timeout: write_timeout?,
        first_byte_timeout: first_byte_timeout?,
        call_timeout: call_timeout?,
        pool_idle_timeout: pool_idle_timeout?,
        verify_responses: verify_responses?,
    })
}

/// Checked here, so that a wrong file shows before the first payment does; TLS parses it later.
pub(super) fn readable_ca_file(path: &str) -> Result<PathBuf, String> {
    let content =
        files::read(Path::new(path)).map_err(|error| format!("this file cannot be read: {error}"))?;
    let pem = b"-----BEGIN CERTIFICATE-----";
    match content.windows(pem.len()).any(|window| window == pem) {
        true => Ok(PathBuf::from(path)),
        false => Err("this file holds no PEM certificate (-----BEGIN CERTIFICATE-----)".to_owned()),
    }
}
