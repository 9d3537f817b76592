//! Who may speak to a listener at all: requests under one of its own names, none that a web page made, and calls only
//! from programs on this machine: not from a browser's address bar, not through a web server.
//!
//! Localhost is no trust boundary. Any page that someone on this machine opens can send requests to it, with or without
//! a preflight, or point a name of its own at 127.0.0.1 and be of one origin with it (DNS rebinding). Every listener asks
//! here before it looks at anything else.

mod forwarded;
mod host;
mod web_page;

use hyper::http::request::Parts;

use crate::endpoint::{self, Endpoint};
use crate::server::Peer;
use forwarded::refuse_forwarded;
pub use host::{BadHost, Hosts};
use web_page::{refuse_browsers, refuse_web_pages};

/// Why a request is refused at the gate. What it shows of the request is escaped and bounded.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Denied {
    /// An absolute target would stand in place of `Host` (RFC 9112 section 3.2.2); no listener is a proxy.
    #[error("the target names a host; send the path only")]
    Target,
    /// Not one of the listener's own names, or not exactly one.
    #[error("{seen}; {taken}")]
    Host {
        /// What was sent.
        seen: String,
        /// What is taken instead.
        taken: String,
    },
    /// A browser sent it on behalf of a page.
    #[error(
        "the request carries {0}, which browsers send for web pages; taken are requests without Origin, with no \
         Sec-Fetch-Site but none, and without Referer where the User-Agent begins with Mozilla/"
    )]
    WebPage(String),
    /// A browser opens a call as if it were a page: a link in a mail, an address that was typed.
    #[error("the request carries {0}, so a browser opens it as a page; only the shop's server makes calls")]
    Navigation(String),
    /// A browser's GET where a GET moves money: it may be an image of a page, or a link.
    #[error(
        "the User-Agent is a browser's, and a GET may come from a link or an image; send this call with POST, from the \
         shop's server"
    )]
    BrowserGet,
    /// A web server passed it on.
    #[error(
        "the request carries {0}, so it came through a web server, and whoever reaches that can have payments signed; \
         call the sidecar directly, or set listen.allow_forwarded = true"
    )]
    Forwarded(String),
}

/// Lets in what was sent to one of the listener's own names, and not by a web page.
///
/// # Errors
/// [`Denied`] says what was seen and what is taken.
pub fn admit(head: &Parts, peer: &Peer, hosts: &Hosts) -> Result<(), Denied> {
    refuse_other_hosts(head, peer, hosts)?;
    refuse_web_pages(head)
}

/// [`admit`] for the listener that signs: calls come from the shop's server, and from it directly. `path` is the raw
/// path; a page of QFPay's is what a person may open as well.
///
/// # Errors
/// [`Denied`] says what was seen and what is taken.
pub fn admit_caller(
    head: &Parts,
    path: &str,
    peer: &Peer,
    hosts: &Hosts,
    allow_forwarded: bool,
) -> Result<(), Denied> {
    admit(head, peer, hosts)?;
    let endpoint = endpoint::find(path).ok();
    if endpoint.and_then(Endpoint::browser_page).is_none() {
        refuse_browsers(head, endpoint)?;
    }
    match allow_forwarded {
        true => Ok(()),
        false => refuse_forwarded(&head.headers),
    }
}

/// The first half of [`admit`], for the sandbox, whose pages are there for browsers.
///
/// # Errors
/// [`Denied`] says what was seen and what is taken.
pub fn refuse_other_hosts(head: &Parts, peer: &Peer, hosts: &Hosts) -> Result<(), Denied> {
    hosts.refuse_others(head, peer.local)
}

/// For pages that customers' browsers open under the shop's own name: any `Host`, but exactly one, and no other target
/// than a path.
///
/// # Errors
/// [`Denied`] says what was seen.
pub fn admit_customers(head: &Parts) -> Result<(), Denied> {
    host::only(head).map(|_| ())
}

/// A header's value for people: without what may be a password, escaped, and at most 80 characters of it.
fn shown(value: &[u8]) -> String {
    let (hidden, rest) = match value.iter().rposition(|&b| b == b'@') {
        Some(at) => ("(user)", &value[at..]),
        None => ("", value),
    };
    let escaped = rest.escape_ascii().to_string();
    match escaped.len() {
        0..=80 => format!("'{hidden}{escaped}'"),
        _ => format!("'{hidden}{}...'", &escaped[..80]),
    }
}
