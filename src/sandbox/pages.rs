//! Which page answers which path, and what other pages may lead to.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Response, StatusCode};

use super::html::{Fill, render};
use super::lang::{Lang, Word};
use super::layout::{file, message, page, see_other};
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
        "/sandbox/console.js" => {
            file("text/javascript; charset=utf-8", include_str!("pages/console.js").into())
        }
        "/" if !post => see_other("/sandbox/"),
        "/favicon.ico" if !post => no_icon(),
        _ if !(path.starts_with("/sandbox/")
            || path.starts_with("/q/")
            || path.starts_with("/checkstand/")) =>
        {
            return None;
        }
        "/sandbox/clock" => control::clock(inner, post.then_some(&arrived.body)),
        "/sandbox/reset" if post => control::reset(inner),
        "/sandbox/" if !post => console::list(inner, arrived),
        "/sandbox/version" if !post => console::version(inner),
        "/sandbox/orders.json" if !post => console::orders_json(inner, arrived),
        "/sandbox/requests.json" if !post => console::requests_json(inner, arrived),
        "/q/direct" if !post => payer::direct(inner, arrived),
        "/checkstand/" if !post => {
            let lang = Lang::of(None, arrived);
            let fill = |name, word| (name, Fill::Text(lang.say(word)));
            let fills = [
                fill("checkout", Word::Checkout),
                fill("reading", Word::Reading),
                fill("needs_script", Word::NeedsScript),
                fill("none", Word::NoParameters),
            ];
            page(
                StatusCode::OK,
                lang,
                lang.say(Word::Checkout),
                render(include_str!("pages/checkstand.html"), &fills),
                &[],
            )
        }
        "/checkstand/open" if post => return Some(checkout::open(inner, arrived)),
        "/checkstand/pay" if post => return Some(checkout::pay(inner, arrived)),
        _ => {
            if let Some(number) = path.strip_prefix("/sandbox/orders/") {
                let number = number.parse().ok()?;
                if post {
                    return Some(console::press(inner, arrived, number));
                }
                return Some(Outcome::page(console::order(inner, number)));
            }
            if let Some(number) = path.strip_prefix("/sandbox/requests/").filter(|_| !post) {
                return Some(Outcome::page(console::request(inner, number.parse().ok()?)));
            }
            let ticket = path.strip_prefix("/q/pay/")?;
            if post {
                return payer::press(inner, arrived, ticket);
            }
            payer::show(inner, arrived, ticket)
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
    let for_browsers = for_customers || is_of_the_console(path) || path.starts_with("/checkstand/");
    if own && for_browsers || navigates && for_customers {
        return None;
    }
    let text = "This request was made by another page than the sandbox's own, as the browser says in Origin or \
                Sec-Fetch-Site. Type the address of a page to open it; make calls from server code.";
    Some(message(StatusCode::FORBIDDEN, Lang::En, "Refused 已拒絕", text))
}

/// Whether a path is the console's own, for the people who test; what is asked there is not remembered.
pub(super) fn is_of_the_console(path: &str) -> bool {
    path.starts_with("/sandbox/") || matches!(path, "/" | "/favicon.ico")
}

fn no_icon() -> Response<Full<Bytes>> {
    let mut response = file("image/x-icon", Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Whether an origin is the sandbox's. Its `Host` was judged before.
fn is_own(inner: &Inner, origin: &str, host: Option<&str>) -> bool {
    url::origin(&inner.options.base).as_deref() == Some(origin)
        || host.is_some_and(|host| origin == format!("http://{host}"))
}
