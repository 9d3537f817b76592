//! Settings to types, one function per section. Every key of a section is read before any problem ends it.

use super::answers::own_status;
use super::apps;
use super::callers;
use super::contradictions;
use super::doubts;
use super::folders;
use super::listen::listen;
use super::local_key;
use super::notifications::{self, notifications};
use super::pasted;
use super::proxy::proxy;
use super::quota::quota;
use super::raw::Raw;
use super::restart::NeedRestart;
use super::upgrade;
use super::{Config, Environment, Landlock, Limits, Sandbox, Variable, Written};
use crate::api::Routes;
use crate::browser::{self, Checkout};
use crate::decode::Charset;
use crate::orders::{self, journal};
use crate::runtime;
use crate::settings::Reader;
use crate::sign::EmptyPolicy;
use crate::telemetry::Log;
use crate::upstream::{self, Target};

/// Reads every section; `None` when there is a problem, which then stands in `raw`.
pub(super) fn config(raw: &mut Raw, sources: Vec<String>, env: &[Variable]) -> Option<Config> {
    let environment = environment(raw);
    // The files were included already.
    raw.entries("include");
    let watch = raw.flag("watch");
    let need_restart = NeedRestart::of(raw);
    let landlock = raw.choice("landlock", &Landlock::WORDS);
    let program = folders::contradiction(raw);
    raw.problems.extend(program);
    let runtime = runtime::Settings::read(raw);
    let listen = listen(raw);
    let upstream = upstream::Settings::read(raw);
    // Also where something else of its section is wrong, since keys are judged by it.
    let target = raw.again(|raw| raw.parsed("upstream.base_url", Target::parse));
    let proxy = proxy(raw, target.as_ref());
    let routes = raw.list("routes.allow", Routes::new);
    let empty = empty(raw);
    let charset = charset(raw);
    let own_status = own_status(raw);
    let limits = Limits::read(raw);
    let (quota, quota_store) = quota(raw);
    let journal = journal::Settings::read(raw);
    let orders = orders::Settings::read(raw);
    let log = Log::read(raw);
    let (notifications, notification_routes) = notifications(raw, listen.as_ref());
    let sandbox = Sandbox::read(raw);
    let checkout = Checkout::read(raw);
    let browser = browser::Settings::read(raw);
    let local_key = local_key::read(raw);
    let keyring = apps::keyring(raw, target.as_ref(), environment, env);
    let access = callers::access(raw, keyring.as_deref());
    doubts::variables(raw, env);
    let unread_proxy = doubts::unread_proxy(raw, target.as_ref(), env);
    if let Some(upstream) = &upstream {
        contradictions::upstream(raw, upstream, environment);
        doubts::hosts(raw, upstream);
        doubts::pages(raw, upstream, environment);
    }
    if let (Some(limits), Some(quota), Some(upstream)) = (&limits, &quota, &upstream) {
        doubts::shutdown(raw, limits, quota, upstream);
    }
    if let Some(journal) = &journal {
        doubts::journal(raw, journal);
    }
    doubts::paths(raw, routes.as_ref(), access.as_deref());
    if let Some(limits) = &limits {
        contradictions::limits(raw, limits, notifications.as_ref());
    }
    if let Some(listen) = &listen {
        contradictions::listen(raw, listen);
    }
    if let (Some(routes), Some(keyring)) = (&notification_routes, &keyring) {
        notifications::keys(raw, routes, keyring);
    }
    contradictions::checkout(raw);
    if let (Some(browser), Some(Some(key))) = (&browser, &local_key) {
        local_key::contradictions(raw, browser, key, keyring.as_deref());
    }
    let browser_key = local_key.as_ref().and_then(Option::as_ref);
    pasted::local_keys(raw, browser_key, access.as_deref());
    if let Some(access) = &access {
        let keyring = keyring.as_deref();
        callers::contradictions(
            raw,
            access,
            listen.as_ref(),
            routes.as_ref(),
            browser.as_ref(),
            browser_key,
            keyring,
        );
    }
    if let (Some(browser), Some(_), Some(routes), Some(access)) = (&browser, &local_key, &routes, &access) {
        contradictions::public_prefix(raw, browser, browser_key, access, routes);
    }
    let upgrade = match (&listen, &browser, &keyring) {
        (Some(listen), Some(browser), Some(keyring)) => upgrade::notes(raw, listen, browser, keyring),
        _ => Vec::new(),
    };
    Some(Config {
        environment: environment?,
        landlock: landlock?,
        runtime: runtime?,
        listen: listen?,
        upstream: upstream?,
        proxy: proxy?,
        routes: routes?,
        empty: empty?,
        charset: charset?,
        own_status: own_status?,
        limits: limits?,
        quota: quota?,
        quota_store: quota_store?,
        journal: journal?,
        orders: orders?,
        log: log?,
        notifications: notifications?,
        notification_routes: notification_routes?,
        sandbox: sandbox?,
        checkout: checkout?,
        browser: browser?,
        local_keys: local_key?.into_iter().collect(),
        access: access?,
        keyring: keyring?,
        unread_proxy,
        upgrade,
        advice: std::mem::take(&mut raw.advice),
        sources,
        watch: watch?,
        need_restart,
        written: Written::of(raw),
    })
}

fn environment(raw: &mut Raw) -> Option<Environment> {
    use Environment::{Production, Sandbox, Test, Unstated};
    let words = [("sandbox", Sandbox), ("test", Test), ("production", Production), ("", Unstated)];
    raw.choice("environment", &words)
}

fn empty(raw: &mut Raw) -> Option<EmptyPolicy> {
    let words = [("drop", EmptyPolicy::Drop), ("keep", EmptyPolicy::Keep), ("reject", EmptyPolicy::Reject)];
    raw.choice("parameters.empty", &words)
}

fn charset(raw: &mut Raw) -> Option<Charset> {
    let what = "write a charset that holds ASCII as it is: UTF-8, GBK, GB18030, Big5, Shift_JIS, ISO-8859-1, windows-1252";
    raw.parsed("parameters.charset", |text| Charset::of_label(text).ok_or(what))
}
