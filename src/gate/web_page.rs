//! Requests that a browser makes for a page, by the headers that no page can leave out.

use hyper::http::HeaderMap;
use hyper::http::header::{ORIGIN, REFERER};

use super::{Stranger, shown};

/// What browsers say about the page that made a request, to addresses such as 127.0.0.1 and localhost.
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Refuses requests that a web page made. Preflights are among them: they carry `Origin`.
///
/// # Errors
/// [`Stranger::WebPage`] names the header that gave it away.
pub(super) fn refuse_web_pages(headers: &HeaderMap) -> Result<(), Stranger> {
    if let Some(origin) = headers.get(ORIGIN) {
        return Err(Stranger::WebPage(format!("Origin: {}", shown(origin.as_bytes()))));
    }
    // What an image on a page sends, where the browser does not say Sec-Fetch-Site. Its value is nobody's business.
    if headers.contains_key(REFERER) {
        return Err(Stranger::WebPage("Referer".to_owned()));
    }
    // "none" is a person who typed the address.
    match headers.get_all(SEC_FETCH_SITE).iter().find(|site| *site != "none") {
        Some(site) => Err(Stranger::WebPage(format!("Sec-Fetch-Site: {}", shown(site.as_bytes())))),
        None => Ok(()),
    }
}
