//! What is right by itself, but does nothing, or not what was meant, beside other settings.

use std::collections::BTreeSet;

use super::super::raw::Raw;
use super::super::{Environment, Limits};
use crate::access::Access;
use crate::api::Routes;
use crate::base_url::{API_HOSTS, PAGE_HOSTS};
use crate::endpoint::{self, ENDPOINTS};
use crate::orders::journal::{self, OnFailure};
use crate::quota;
use crate::upstream::{self, Target};

/// Settings of a journal that is not kept.
pub(in super::super) fn journal(raw: &mut Raw, journal: &journal::Settings) {
    if journal.file.is_some() {
        return;
    }
    let refuses = journal.on_failure == OnFailure::Refuse;
    for (key, asked) in [("journal.on_failure", refuses), ("journal.sync", journal.sync)] {
        if asked {
            let place = raw.place("journal.file");
            let what = format!(
                "this does nothing while journal.file ({place}) is empty: nothing is put on record; name a file"
            );
            raw.advise(key, &what);
        }
    }
}

/// An end of the process that cuts off calls which are within their own times. Said of what somebody wrote.
pub(in super::super) fn shutdown(
    raw: &mut Raw,
    limits: &Limits,
    quota: &quota::Settings,
    upstream: &upstream::Settings,
) {
    const END: &str = "limits.shutdown_timeout_ms";
    const PARTS: [&str; 3] = ["limits.body_timeout_ms", "quota.max_wait_ms", "upstream.call_timeout_ms"];
    let longest = limits.body_timeout + quota.max_wait + upstream.call_timeout;
    let written = std::iter::once(END).chain(PARTS).find(|key| raw.is_written(key));
    let Some(key) = written.filter(|_| limits.shutdown_timeout < longest) else { return };
    let what = format!(
        "a call may take {} ms ({} together), and {END} ({}) is {} ms: the end of the process cuts off calls that take longer, \
         and leaves them in doubt",
        longest.as_millis(),
        PARTS.join(", "),
        raw.place(END),
        limits.shutdown_timeout.as_millis()
    );
    raw.advise(key, &what);
}

/// Paths that are nearly those of an endpoint, in the list of routes and in those of callers.
pub(in super::super) fn paths(raw: &mut Raw, routes: Option<&Routes>, access: Option<&Access>) {
    let own = routes.into_iter().flat_map(Routes::entries).map(|entry| ("routes.allow".to_owned(), entry));
    let mut slips: BTreeSet<_> = own.collect();
    for caller in access.into_iter().flat_map(Access::callers) {
        let key = raw.caller_key(&caller.name, "endpoints");
        slips.extend(caller.rights.endpoints.entries().iter().map(|entry| (key.clone(), entry)));
    }
    slips.retain(|(_, entry)| {
        !entry.ends_with('/') && !ENDPOINTS.iter().any(|endpoint| endpoint.path == entry.as_str())
    });
    for (key, entry) in slips {
        if let Some(meant) = endpoint::one_letter_away(entry) {
            raw.advise(
                &key,
                &format!("QFPay documents no {entry}, one letter away from {meant}; did you mean {meant}?"),
            );
        }
    }
}

/// In production, pages of another country than the calls', or a host that has none.
pub(in super::super) fn pages(
    raw: &mut Raw,
    upstream: &upstream::Settings,
    environment: Option<Environment>,
) {
    const PAGES: &str = "upstream.browser_base_url";
    let Target::Live(base) = &upstream.target else { return };
    if environment != Some(Environment::Production) {
        return;
    }
    let (host, own) = (upstream.browser_base_url.host(), base.page_host());
    let place = raw.place("upstream.base_url");
    let remedy = own.map_or_else(String::new, |own| format!("; with {base} ({place}) goes https://{own}"));
    if API_HOSTS.contains(&host.as_str()) {
        raw.advise(
            PAGES,
            &format!("{host} answers calls, and QFPay's pages for customers' browsers are elsewhere{remedy}"),
        );
    } else if PAGE_HOSTS.contains(&host.as_str()) && own.is_some_and(|own| own != host) {
        raw.advise(
            PAGES,
            &format!(
                "customers' browsers are sent to {host}, where QFPay's pages of another country are{remedy}"
            ),
        );
    }
}
