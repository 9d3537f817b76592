//! Which page answers which path, the security headers of pages, and what other pages may lead to.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::html::{Fill, Html, render};
use super::request::Arrived;
use super::{Inner, Outcome, checkout, console, payer, url};

/// A whole page. `leads_to` are URLs that its forms are redirected to.
///
/// Chromium applies `form-action` to redirects that follow a form, so the shop's origin must stand there.
pub(super) fn page(status: StatusCode, title: &str, body: Html, leads_to: &[&str]) -> Response<Full<Bytes>> {
    let layout = include_str!("pages/layout.html");
    let html = render(layout, &[("title", Fill::Text(title)), ("body", Fill::Html(body))]);
    let origins: String =
        leads_to.iter().filter_map(|to| url::origin(to)).map(|to| format!(" {to}")).collect();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'{origins}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let mut response = file("text/html; charset=utf-8", html.into());
    *response.status_mut() = status;
    // Origins are made of legal header characters only; without one the page still gets the strict policy.
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    response.headers_mut().insert("content-security-policy", policy);
    response
}

/// A page with a heading and a text.
pub(super) fn message(status: StatusCode, heading: &str, text: &str) -> Response<Full<Bytes>> {
    let fills = [("heading", Fill::Text(heading)), ("text", Fill::Text(text))];
    page(status, heading, render(include_str!("pages/message.html"), &fills), &[])
}

/// Leads a browser on after a form.
pub(super) fn see_other(location: &str) -> Response<Full<Bytes>> {
    let mut response = super::api::redirect(location);
    if response.status() == StatusCode::FOUND {
        *response.status_mut() = StatusCode::SEE_OTHER;
    }
    harden(&mut response);
    response
}

fn file(content_type: &'static str, content: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(content));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    harden(&mut response);
    response
}

fn harden(response: &mut Response<Full<Bytes>>) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

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
        (None | Some("none"), None) => return None,
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
