//! Which page answers which path, the security headers of pages, and whose forms are taken.

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
        _ if post && !from_our_pages(inner, arrived) || !host_is_ours(inner, arrived) => message(
            StatusCode::FORBIDDEN,
            "Refused 已拒絕",
            "This page was not opened from the sandbox itself: its address or origin is another.",
        ),
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

/// Whether a form was sent by one of the sandbox's own pages, as far as the browser says.
///
/// With `Referrer-Policy: no-referrer` browsers write `Origin: null` even for the page's own forms; then only
/// `Sec-Fetch-Site` can vouch. A client that is no browser sends neither, and no foreign page can make it.
fn from_our_pages(inner: &Inner, arrived: &Arrived) -> bool {
    let header = |name: &str| arrived.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (header("sec-fetch-site"), header("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            url::origin(&inner.options.base).as_deref() == Some(origin)
                || header("host").is_some_and(|host| origin == format!("http://{host}"))
        }
        (None, None) => true,
    }
}

/// Whether the browser asked for the sandbox by one of its own names. Shuts out DNS rebinding.
fn host_is_ours(inner: &Inner, arrived: &Arrived) -> bool {
    let Some(host) = arrived.headers.get("host") else { return true };
    let Ok(host) = host.to_str() else { return false };
    let base = url::origin(&inner.options.base);
    base.as_deref().and_then(|base| base.split("://").nth(1)) == Some(host)
        || url::loopback(&format!("http://{host}/")).is_some()
}
