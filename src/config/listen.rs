//! `[listen]`: the sidecar's own addresses, and the names under which they are reached.

use super::errors::shown;
use super::raw::Raw;
use crate::gate::Hosts;
use crate::server::Address;

/// The sidecar's own addresses.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Where callers connect.
    pub api: Address,
    /// Health and metrics; `None` is off.
    pub admin: Option<Address>,
    /// Where QFPay's notifications arrive; `None` is off.
    pub notifications: Option<Address>,
    /// Further hosts under which the listeners are reached.
    pub allowed_hosts: Hosts,
    /// Whether addresses that other machines can reach are meant.
    pub allow_non_loopback: bool,
    /// Whether the API takes requests that came through a web server.
    pub allow_forwarded: bool,
}

/// Reads the section.
pub(super) fn listen(raw: &mut Raw) -> Option<Listen> {
    let api = raw.parsed("listen.api", Address::parse);
    let admin = raw.optional("listen.admin", Address::parse);
    let notifications = raw.optional("listen.notifications", Address::parse);
    let allowed_hosts = hosts(raw);
    let allow_non_loopback = raw.flag("listen.allow_non_loopback");
    let allow_forwarded = raw.flag("listen.allow_forwarded");
    Some(Listen {
        api: api?,
        admin: admin?,
        notifications: notifications?,
        allowed_hosts: allowed_hosts?,
        allow_non_loopback: allow_non_loopback?,
        allow_forwarded: allow_forwarded?,
    })
}

fn hosts(raw: &mut Raw) -> Option<Hosts> {
    let key = "listen.allowed_hosts";
    let hosts = Hosts::parse(&raw.list(key)?);
    hosts.map_err(|(bad, why)| raw.problem(key, format!("{}: {why}", shown(&bad)))).ok()
}
