//! Settings to types, one function per section. Every key of a section is read before any problem ends it.

use super::answers::own_status;
use super::apps;
use super::browser::{browser, checkout};
use super::contradictions;
use super::doubts;
use super::errors::shown;
use super::limits::limits;
use super::listen::listen;
use super::local_key;
use super::log::log;
use super::notifications::notifications;
use super::quota::quota;
use super::raw::Raw;
use super::runtime::runtime;
use super::sandbox::sandbox;
use super::upgrade;
use super::upstream::upstream;
use super::{Config, Environment, Routes, Variable};
use crate::decode::Charset;
use crate::sign::EmptyPolicy;

/// Reads every section; `None` when there is a problem, which then stands in `raw`.
pub(super) fn config(raw: &mut Raw, sources: Vec<String>, env: &[Variable]) -> Option<Config> {
    let environment = environment(raw);
    let runtime = runtime(raw);
    let listen = listen(raw);
    let (target, upstream) = upstream(raw);
    let routes = routes(raw);
    let empty = empty(raw);
    let charset = charset(raw);
    let own_status = own_status(raw);
    let limits = limits(raw);
    let quota = quota(raw);
    let log = log(raw);
    let notifications = notifications(raw, listen.as_ref());
    let sandbox = sandbox(raw);
    let checkout = checkout(raw);
    let browser = browser(raw);
    let keyring = apps::keyring(raw, target.as_ref(), environment, env);
    doubts::variables(raw, env);
    let unread_proxy = doubts::unread_proxy(raw, target.as_ref(), env);
    if let Some(upstream) = &upstream {
        contradictions::upstream(raw, upstream, environment);
        doubts::hosts(raw, upstream);
    }
    if let Some(limits) = &limits {
        contradictions::limits(raw, limits, notifications.as_ref());
    }
    if let Some(listen) = &listen {
        contradictions::listen(raw, listen);
    }
    if let Some(browser) = &browser {
        local_key::contradictions(raw, browser, keyring.as_deref());
    }
    if let (Some(browser), Some(routes)) = (&browser, &routes) {
        contradictions::public_prefix(raw, browser, routes);
    }
    let upgrade = match (&listen, &browser, &keyring) {
        (Some(listen), Some(browser), Some(keyring)) => upgrade::notes(raw, listen, browser, keyring),
        _ => Vec::new(),
    };
    Some(Config {
        environment: environment?,
        runtime: runtime?,
        listen: listen?,
        upstream: upstream?,
        routes: routes?,
        empty: empty?,
        charset: charset?,
        own_status: own_status?,
        limits: limits?,
        quota: quota?,
        log: log?,
        notifications: notifications?,
        sandbox: sandbox?,
        checkout: checkout?,
        browser: browser?,
        keyring: keyring?,
        unread_proxy,
        upgrade,
        advice: std::mem::take(&mut raw.advice),
        sources,
    })
}

fn environment(raw: &mut Raw) -> Option<Environment> {
    use Environment::{Production, Sandbox, Test, Unstated};
    let words = [("sandbox", Sandbox), ("test", Test), ("production", Production), ("", Unstated)];
    raw.choice("environment", &words)
}

fn routes(raw: &mut Raw) -> Option<Routes> {
    let key = "routes.allow";
    let routes = Routes::new(raw.list(key)?);
    let problem = |(prefix, bad): (String, _)| match prefix.is_empty() {
        true => format!("{bad}"),
        false => format!("{}: {bad}", shown(&prefix)),
    };
    routes.map_err(|bad| raw.problem(key, problem(bad))).ok()
}

fn empty(raw: &mut Raw) -> Option<EmptyPolicy> {
    let words = [("drop", EmptyPolicy::Drop), ("keep", EmptyPolicy::Keep), ("reject", EmptyPolicy::Reject)];
    raw.choice("parameters.empty", &words)
}

fn charset(raw: &mut Raw) -> Option<Charset> {
    let what = "write a charset that holds ASCII as it is: UTF-8, GBK, GB18030, Big5, Shift_JIS, ISO-8859-1, windows-1252";
    raw.parsed("parameters.charset", |text| Charset::of_label(text).ok_or(what))
}
