//! `[listen]`: the sidecar's own addresses, and the names under which they are reached.

use super::raw::Raw;
use super::users;
use crate::gate::Hosts;
use crate::server::{Address, SocketFile};
use crate::settings::{Reader, section};

section! {
    /// The sidecar's own addresses.
    #[derive(Clone, Debug)]
    pub struct Listen {
        /// Where callers connect: one address or more.
        pub api: Vec<Address> = list("listen.api", addresses),
        /// Health and metrics; `None` is off.
        pub admin: Option<Address> = optional("listen.admin", Address::parse),
        /// Where QFPay's notifications arrive; `None` is off.
        pub notifications: Option<Address> = optional("listen.notifications", Address::parse),
        /// Further hosts under which the listeners are reached.
        pub allowed_hosts: Hosts = list("listen.allowed_hosts", |hosts| Hosts::parse(&hosts)),
        /// Whether addresses that other machines can reach are meant.
        pub allow_non_loopback: bool = flag("listen.allow_non_loopback"),
        /// Whether the API takes requests that came through a web server.
        pub allow_forwarded: bool = flag("listen.allow_forwarded"),
        /// Who may connect where an address is a unix socket.
        pub socket_file: SocketFile = section(socket_file),
    }
}

impl Listen {
    /// Every address, with its setting.
    pub fn addresses(&self) -> impl Iterator<Item = (&'static str, &Address)> {
        let api = self.api.iter().map(|address| ("listen.api", address));
        let admin = self.admin.iter().map(|address| ("listen.admin", address));
        let notifications = self.notifications.iter().map(|address| ("listen.notifications", address));
        api.chain(admin).chain(notifications)
    }
}

/// Reads the section.
pub(super) fn listen(raw: &mut Raw) -> Option<Listen> {
    let listen = Listen::read(raw)?;
    let api_has_a_socket = listen.api.iter().any(|address| matches!(address, Address::Unix(_)));
    if listen.socket_file.mode & 0o002 != 0 && api_has_a_socket {
        let what = "every user of this machine can then have payments signed; 0660 with listen.socket_group lets in whom \
                    it is for";
        raw.advise("listen.socket_mode", what);
    }
    Some(listen)
}

/// One address or more; where there are several, the error says which is wrong.
fn addresses(texts: Vec<String>) -> Result<Vec<Address>, (Option<String>, String)> {
    if texts.is_empty() {
        return Err((
            None,
            "callers need an address; write \"127.0.0.1:8787\", or a list of them".to_owned(),
        ));
    }
    let several = texts.len() > 1;
    let read = |(i, text): (usize, &String)| {
        let place = if several { format!("entry {}: ", i + 1) } else { String::new() };
        Address::parse(text).map_err(|bad| (Some(text.clone()), format!("{place}{bad}")))
    };
    texts.iter().enumerate().map(read).collect()
}

fn socket_file(from: &mut impl Reader) -> Option<SocketFile> {
    let mode = from.parsed("listen.socket_mode", mode);
    let user = from.optional("listen.socket_user", users::user);
    let group = from.optional("listen.socket_group", users::group);
    Some(SocketFile { mode: mode?, user: user?, group: group? })
}

/// A mode as `chmod` takes it, in octal digits. Connecting needs the right to write.
fn mode(text: &str) -> Result<u32, &'static str> {
    let digits = text.strip_prefix('0').unwrap_or(text);
    let octal = digits.len() == 3 && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if octal && mode & 0o222 != 0 => Ok(mode),
        Ok(_) if octal => Err("nobody but root could connect; write 0600, 0660 or 0666"),
        _ => Err("it is no mode in octal digits; write 0600, 0660 or 0666"),
    }
}
