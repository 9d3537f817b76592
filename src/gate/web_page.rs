//! Requests that a browser makes for a page, by the headers that no page can change or leave out.

use hyper::Method;
use hyper::http::header::{ACCEPT_LANGUAGE, ORIGIN, REFERER, USER_AGENT};
use hyper::http::request::Parts;
use hyper::http::{HeaderMap, HeaderName};

use super::{Denied, shown};
use crate::endpoint::{Effect, Endpoint};

/// What browsers say about the page that made a request, to addresses such as 127.0.0.1 and localhost.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// How the answer will be used.
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// What the answer will become.
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
/// On navigations that a person began.
const SEC_FETCH_USER: HeaderName = HeaderName::from_static("sec-fetch-user");

/// The modes of a fetch. Node's `fetch` sends the first; any other mode opens a page, a worker or a socket.
const FETCH_MODES: [&str; 3] = ["cors", "no-cors", "same-origin"];

/// Refuses requests that a web page made. Preflights are among them: they carry `Origin`.
///
/// # Errors
/// [`Denied::WebPage`] names the header that gave it away.
pub(super) fn refuse_web_pages(head: &Parts) -> Result<(), Denied> {
    let headers = &head.headers;
    if let Some(origin) = headers.get(ORIGIN) {
        return Err(Denied::WebPage(format!("Origin: {}", shown(origin.as_bytes()))));
    }
    // "none" is a person who typed the address.
    if let Some(site) = headers.get_all(SEC_FETCH_SITE).iter().find(|site| *site != "none") {
        return Err(Denied::WebPage(format!("Sec-Fetch-Site: {}", shown(site.as_bytes()))));
    }
    // Firefox before 70 sends no Origin with forms.
    let by_form = head.method != Method::GET && headers.contains_key(ACCEPT_LANGUAGE);
    match by_form && is_browser(headers) && headers.contains_key(REFERER) {
        true => Err(Denied::WebPage("a browser's User-Agent with Referer and Accept-Language".to_owned())),
        false => Ok(()),
    }
}

/// Refuses what a browser may do without saying that a page is behind it: a link that is opened from a mail or a chat, and
/// images in browsers that know no `Sec-Fetch-Site`. What only reads is no danger: a page cannot see the answer.
///
/// # Errors
/// [`Denied`] names the header that gave it away.
pub(super) fn refuse_browsers(head: &Parts, endpoint: Option<&Endpoint>) -> Result<(), Denied> {
    let headers = &head.headers;
    for (name, fetches) in
        [(SEC_FETCH_MODE, &FETCH_MODES[..]), (SEC_FETCH_DEST, &["empty"]), (SEC_FETCH_USER, &[])]
    {
        if let Some(value) =
            headers.get_all(&name).iter().find(|value| !fetches.iter().any(|known| known == value))
        {
            return Err(Denied::Navigation(format!("{name}: {}", shown(value.as_bytes()))));
        }
    }
    let gets = |endpoint: &&Endpoint| head.method == Method::GET && endpoint.methods.include("GET");
    match endpoint.filter(gets).map(|endpoint| endpoint.effect) {
        Some(Effect::MovesMoney) if is_browser(headers) => Err(Denied::BrowserGet),
        Some(Effect::Changes) if is_browser(headers) && headers.contains_key(REFERER) => {
            Err(Denied::WebPage("a browser's User-Agent with Referer".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Whether the agent is a browser's. Libraries send `Referer` too, but no page can change what its browser is called: to
/// set `User-Agent` takes a preflight.
fn is_browser(headers: &HeaderMap) -> bool {
    headers.get_all(USER_AGENT).iter().any(|agent| agent.as_bytes().starts_with(b"Mozilla/"))
}
