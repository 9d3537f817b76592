//! `[listen]`: the sidecar's own addresses, and the names under which they are reached.

use super::errors::shown;
use super::raw::Raw;
use super::users;
use crate::gate::Hosts;
use crate::server::{Address, SocketFile};

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
    /// Who may connect where an address is a unix socket.
    pub socket_file: SocketFile,
}

/// Reads the section.
pub(super) fn listen(raw: &mut Raw) -> Option<Listen> {
    let api = raw.parsed("listen.api", Address::parse);
    let admin = raw.optional("listen.admin", Address::parse);
    let notifications = raw.optional("listen.notifications", Address::parse);
    let allowed_hosts = hosts(raw);
    let allow_non_loopback = raw.flag("listen.allow_non_loopback");
    let allow_forwarded = raw.flag("listen.allow_forwarded");
    let mode = raw.parsed("listen.socket_mode", mode);
    let user = raw.optional("listen.socket_user", users::user);
    let group = raw.optional("listen.socket_group", users::group);
    let is_unix = |address: &Option<Address>| matches!(address, Some(Address::Unix(_)));
    if mode.is_some_and(|mode| mode & 0o002 != 0) && is_unix(&api) {
        let what = "every user of this machine can then have payments signed; 0660 with listen.socket_group lets in whom \
                    it is for";
        raw.advise("listen.socket_mode", what);
    }
    Some(Listen {
        api: api?,
        admin: admin?,
        notifications: notifications?,
        allowed_hosts: allowed_hosts?,
        allow_non_loopback: allow_non_loopback?,
        allow_forwarded: allow_forwarded?,
        socket_file: SocketFile { mode: mode?, user: user?, group: group? },
    })
}

/// A mode as `chmod` takes it, in octal digits. Whoever may not write may not connect.
fn mode(text: &str) -> Result<u32, &'static str> {
    let digits = text.strip_prefix('0').unwrap_or(text);
    let octal = digits.len() == 3 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if octal && mode & 0o222 != 0 => Ok(mode),
        Ok(_) if octal => Err("nobody but root could connect; write 0600, 0660 or 0666"),
        _ => Err("it is no mode in octal digits; write 0600, 0660 or 0666"),
    }
}

fn hosts(raw: &mut Raw) -> Option<Hosts> {
    let key = "listen.allowed_hosts";
    let hosts = Hosts::parse(&raw.list(key)?);
    hosts.map_err(|(bad, why)| raw.problem(key, format!("{}: {why}", shown(&bad)))).ok()
}
