//! How a page of the sandbox is laid out and served: the frame, its policy, the security headers.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::html::{Fill, Html, render};
use super::lang::{Lang, Word};
use super::{api, url};

/// A whole page. `leads_to` are URLs that its forms are redirected to.
///
/// Chromium applies `form-action` to redirects that follow a form, so the shop's origin must stand there.
pub(super) fn page(
    status: StatusCode,
    lang: Lang,
    title: &str,
    body: Html,
    leads_to: &[&str],
) -> Response<Full<Bytes>> {
    let layout = include_str!("pages/layout.html");
    let fills = [
        ("lang", Fill::Text(lang.code())),
        ("banner", Fill::Text(lang.say(Word::Banner))),
        ("title", Fill::Text(title)),
        ("body", Fill::Html(body)),
    ];
    let html = render(layout, &fills);
    let origins: String =
        leads_to.iter().filter_map(|to| url::origin(to)).map(|to| format!(" {to}")).collect();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'{origins}; base-uri 'none'; \
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
pub(super) fn message(status: StatusCode, lang: Lang, heading: &str, text: &str) -> Response<Full<Bytes>> {
    let fills = [("heading", Fill::Text(heading)), ("text", Fill::Text(text))];
    page(status, lang, heading, render(include_str!("pages/message.html"), &fills), &[])
}

/// Leads a browser on after a form.
pub(super) fn see_other(location: &str) -> Response<Full<Bytes>> {
    let mut response = api::redirect(location);
    if response.status() == StatusCode::FOUND {
        *response.status_mut() = StatusCode::SEE_OTHER;
    }
    harden(&mut response);
    response
}

/// A file as it is, with the security headers of a page.
pub(super) fn file(content_type: &'static str, content: Bytes) -> Response<Full<Bytes>> {
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
