//! Which page answers which path, and what other pages may lead to.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode};

use super::html::render;
use super::layout::{file, message, page};
use super::request::Arrived;
use super::{Inner, Outcome, checkout, console, control, payer, url};

/// Answers a browser; none if the path is no page.
pub(super) fn answer(inner: &Inner, arrived: &Arrived) -> Option<Outcome> {
    let path = arrived.path.as_str();
    let post = arrived.method == Method::POST;
    if !post && arrived.method != Method::GET {
        return None;
    }
    let response = match path {
        "/sandbox/style.css" => file("text/css; charset=utf-8", include_str!("pages/style.css").into()),
        "/sandbox/checkstand.js" => {
            file("text/javascript; charset=utf-8", include_str!("pages/checkstand.js").into())
        }
        _ if !(path.starts_with("/sandbox/")
            || path.starts_with("/q/")
            || path.starts_with("/checkstand/")) =>
        {
            return None;
        }
        "/sandbox/clock" => control::clock(inner, post.then_some(&arrived.body)),
        "/sandbox/reset" if post => control::reset(inner),
        "/sandbox/" if !post => console::show(inner),
        "/q/direct" if !post => payer::direct(inner, arrived),
        "/checkstand/" if !post => {
            let body = render(include_str!("pages/checkstand.html"), &[]);
            page(StatusCode::OK, "Checkout 收銀台", body, &[])
        }
        "/checkstand/open" if post => return Some(checkout::open(inner, arrived)),
        "/checkstand/pay" if post => return Some(checkout::pay(inner, arrived)),
        _ => {
            if let Some(number) = path.strip_prefix("/sandbox/orders/")
                && post
            {
                return console::press(inner, arrived, number);
            }
            let ticket = path.strip_prefix("/q/pay/")?;
            if post {
                return payer::press(inner, arrived, ticket);
            }
            payer::show(inner, ticket)
        }
    };
    Some(Outcome::page(response))
}

/// The answer to a request that some other page made; none where the sandbox has no objection.
///
/// Browsers say where a request comes from. Calls are for servers, forms for the sandbox's own pages, and what customers
/// are sent to may be opened from anywhere, but neither fetched nor framed.
pub(super) fn refuse(inner: &Inner, arrived: &Arrived) -> Option<Response<Full<Bytes>>> {
    let header = |name: &str| arrived.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let (site, origin) = (header("sec-fetch-site"), header("origin"));
    let own = match (site, origin) {
        (None, None) => return None, // no browser
        // A person who typed the address.
        (Some("none"), None) if arrived.method == Method::GET => return None,
        // With `Referrer-Policy: no-referrer` browsers write `Origin: null` even for the page's own forms; then only
        // `Sec-Fetch-Site` can vouch.
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => is_own(inner, origin, header("host")),
    };
    let navigates = arrived.method == Method::GET
        && origin.is_none()
        && (header("sec-fetch-mode"), header("sec-fetch-dest")) == (Some("navigate"), Some("document"));
    let path = arrived.path.as_str();
    let for_customers = path.starts_with("/q/") || path == "/checkstand/" || path == super::api::OAUTH_CODE;
    let for_browsers = for_customers || path.starts_with("/sandbox/") || path.starts_with("/checkstand/");
    if own && for_browsers || navigates && for_customers {
        return None;
    }
    let text = "This request was made by another page than the sandbox's own, as the browser says in Origin or \
                Sec-Fetch-Site. Type the address of a page to open it; make calls from server code.";
    Some(message(StatusCode::FORBIDDEN, "Refused 已拒絕", text))
}

/// Whether an origin is the sandbox's. Its `Host` was judged before.
fn is_own(inner: &Inner, origin: &str, host: Option<&str>) -> bool {
    url::origin(&inner.options.base).as_deref() == Some(origin)
        || host.is_some_and(|host| origin == format!("http://{host}"))
}
