//! Settings to types, one function per section. Every key of a section is read before any problem ends it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Uri;
use tracing::Level;

use super::apps::{self, SIGN_TYPES};
use super::files;
use super::notifications::notifications;
use super::quota::quota;
use super::raw::Raw;
use super::{
    Browser, Checkout, Config, Environment, Limits, Listen, Log, LogFormat, PublicPrefix, Routes, Sandbox,
    Target, UpstreamConfig, Variable, VerifyResponses, contradictions,
};
use crate::base_url::UpstreamUrl;
use crate::endpoint::BrowserPage;
use crate::gate::Hosts;
use crate::server::Address;
use crate::sign::EmptyPolicy;

/// Reads every section; `None` when there is a problem, which then stands in `raw`.
pub(super) fn config(raw: &mut Raw, sources: Vec<String>, env: &[Variable]) -> Option<Config> {
    let environment = environment(raw);
    let listen = listen(raw);
    let upstream = upstream(raw);
    let routes = routes(raw);
    let empty = empty(raw);
    let limits = limits(raw);
    let quota = quota(raw);
    let log = log(raw);
    let notifications = notifications(raw, listen.as_ref());
    let sandbox = sandbox(raw);
    let checkout = checkout(raw);
    let browser = browser(raw);
    let target = upstream.as_ref().map(|upstream| &upstream.target);
    let keyring = apps::keyring(raw, target, environment, env);
    if let Some(upstream) = &upstream {
        contradictions::upstream(raw, upstream, environment);
    }
    if let Some(limits) = &limits {
        contradictions::limits(raw, limits);
    }
    if let Some(listen) = &listen {
        contradictions::listen(raw, listen);
    }
    if let (Some(browser), Some(routes)) = (&browser, &routes) {
        contradictions::public_prefix(raw, browser, routes);
    }
    Some(Config {
        environment: environment?,
        listen: listen?,
        upstream: upstream?,
        routes: routes?,
        empty: empty?,
        limits: limits?,
        quota: quota?,
        log: log?,
        notifications: notifications?,
        sandbox: sandbox?,
        checkout: checkout?,
        browser: browser?,
        keyring: keyring?,
        advice: std::mem::take(&mut raw.advice),
        sources,
    })
}

fn environment(raw: &mut Raw) -> Option<Environment> {
    use Environment::{Production, Sandbox, Test, Unstated};
    let words = [("sandbox", Sandbox), ("test", Test), ("production", Production), ("", Unstated)];
    raw.choice("environment", &words)
}

pub(super) fn listen(raw: &mut Raw) -> Option<Listen> {
    let api = raw.parsed("listen.api", Address::parse);
    let admin = raw.optional("listen.admin", Address::parse);
    let notifications = raw.optional("listen.notifications", Address::parse);
    let allowed_hosts = hosts(raw);
    let allow_non_loopback = raw.flag("listen.allow_non_loopback");
    Some(Listen {
        api: api?,
        admin: admin?,
        notifications: notifications?,
        allowed_hosts: allowed_hosts?,
        allow_non_loopback: allow_non_loopback?,
    })
}

fn hosts(raw: &mut Raw) -> Option<Hosts> {
    let key = "listen.allowed_hosts";
    let hosts = Hosts::parse(&raw.list(key)?);
    hosts.map_err(|(bad, why)| raw.problem(key, format!("{}: {why}", super::errors::shown(&bad)))).ok()
}

fn upstream(raw: &mut Raw) -> Option<UpstreamConfig> {
    let target = raw.parsed("upstream.base_url", |text| match text {
        "sandbox" => Ok(Target::Sandbox),
        url => UpstreamUrl::parse(url).map(Target::Live),
    });
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

fn routes(raw: &mut Raw) -> Option<Routes> {
    let key = "routes.allow";
    let routes = Routes::new(raw.list(key)?);
    let problem = |(prefix, bad): (String, _)| match prefix.is_empty() {
        true => format!("{bad}"),
        false => format!("{}: {bad}", super::errors::shown(&prefix)),
    };
    routes.map_err(|bad| raw.problem(key, problem(bad))).ok()
}

fn empty(raw: &mut Raw) -> Option<EmptyPolicy> {
    let words = [("drop", EmptyPolicy::Drop), ("keep", EmptyPolicy::Keep), ("reject", EmptyPolicy::Reject)];
    raw.choice("parameters.empty", &words)
}

fn limits(raw: &mut Raw) -> Option<Limits> {
    let body_bytes = raw.count("limits.body_bytes", "bytes", 1..=16 << 20);
    let header_timeout = raw.milliseconds("limits.header_timeout_ms");
    let idle_timeout = raw.milliseconds("limits.idle_timeout_ms");
    let body_timeout = raw.milliseconds("limits.body_timeout_ms");
    let connections = raw.count("limits.connections", "connections", 1..=65_536);
    let headers = raw.count("limits.headers", "headers", 8..=1024);
    let head_bytes = raw.count("limits.head_bytes", "bytes", 8192..=1 << 20);
    let large_requests_bytes = raw.count("limits.large_requests_bytes", "bytes", 0..=1 << 30);
    let in_flight = raw.count("limits.in_flight", "calls", 1..=65_536);
    let answer_whole_bytes = raw.count("limits.answer_whole_bytes", "bytes", 1..=64 << 20);
    let answer_memory_bytes = raw.count("limits.answer_memory_bytes", "bytes", 1..=4 << 30);
    let shutdown_timeout = raw.milliseconds("limits.shutdown_timeout_ms");
    let farewell = raw.number("limits.farewell_ms", "milliseconds", 0..=60_000).map(Duration::from_millis);
    Some(Limits {
        body_bytes: body_bytes?,
        header_timeout: header_timeout?,
        idle_timeout: idle_timeout?,
        body_timeout: body_timeout?,
        connections: connections?,
        headers: headers?,
        head_bytes: head_bytes?,
        large_requests_bytes: large_requests_bytes?,
        in_flight: in_flight?,
        answer_whole_bytes: answer_whole_bytes?,
        answer_memory_bytes: answer_memory_bytes?,
        shutdown_timeout: shutdown_timeout?,
        farewell: farewell?,
    })
}

fn log(raw: &mut Raw) -> Option<Log> {
    let format = raw.choice("log.format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
    let levels = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    let level = raw.choice("log.level", &levels);
    Some(Log { format: format?, level: level? })
}

fn sandbox(raw: &mut Raw) -> Option<Sandbox> {
    let listen = raw.parsed("sandbox.listen", loopback_port);
    let per_second = raw.number("sandbox.quota_per_second", "calls", 0..=1_000_000);
    let per_minute = raw.number("sandbox.quota_per_minute", "calls", 0..=1_000_000);
    let notify_url = raw.optional("sandbox.notify_url", loopback_url);
    let time_scale = raw.number("sandbox.time_scale", "times", 1..=1_000_000);
    Some(Sandbox {
        listen: listen?,
        quota_per_second: u32::try_from(per_second?).ok()?,
        quota_per_minute: u32::try_from(per_minute?).ok()?,
        notify_url: notify_url?,
        time_scale: u32::try_from(time_scale?).ok()?,
    })
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

fn checkout(raw: &mut Raw) -> Option<Checkout> {
    let sign_type = raw.choice("checkout.sign_type", &SIGN_TYPES);
    let sign_type_spelling = raw.parsed("checkout.sign_type_spelling", |text| word(text, 16));
    let sign_lang = raw.flag("checkout.sign_lang");
    if let (Some(sign_type), Some(spelling)) = (sign_type, &sign_type_spelling)
        && !spelling.eq_ignore_ascii_case(sign_type.as_str())
    {
        let place = raw.place("checkout.sign_type");
        let what = format!(
            "this spells another sign type than checkout.sign_type, {} ({place})",
            sign_type.as_str()
        );
        raw.problem("checkout.sign_type_spelling", what);
    }
    Some(Checkout { sign_type: sign_type?, sign_type_spelling: sign_type_spelling?, sign_lang: sign_lang? })
}

fn word(text: &str, longest: usize) -> Result<String, &'static str> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    match (1..=longest).contains(&text.len()) && text.bytes().all(legal) {
        true => Ok(text.to_owned()),
        false => Err("write a short word of letters, digits, '_' or '-'"),
    }
}

fn browser(raw: &mut Raw) -> Option<Browser> {
    let allowed_redirect_hosts = host_names(raw, "browser.allowed_redirect_hosts");
    let public_prefix = raw.optional("browser.public_prefix", PublicPrefix::parse);
    let key = "browser.pages";
    let words = raw.list(key)?;
    let pages: Option<Vec<_>> = words.iter().map(|word| BrowserPage::named(word)).collect();
    if pages.is_none() {
        raw.problem(key, "the pages are get_weixin_oauth_code, checkstand and direct");
    }
    Some(Browser {
        pages: pages?,
        allowed_redirect_hosts: allowed_redirect_hosts?,
        public_prefix: public_prefix?,
    })
}

/// A list of host names, in lower case.
fn host_names(raw: &mut Raw, key: &str) -> Option<Vec<String>> {
    let hosts: Vec<_> = raw.list(key)?.iter().map(|host| host.to_ascii_lowercase()).collect();
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let bad = hosts
        .iter()
        .find(|host| host.is_empty() || !host.bytes().all(legal))
        .map(|bad| super::errors::shown(bad));
    match bad {
        None => Some(hosts),
        Some(bad) => {
            raw.problem(
                key,
                format!("{bad}: write host names only (shop.example.com), without scheme, port or path"),
            );
            None
        }
    }
}
