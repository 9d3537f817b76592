//! `trigger`: one signed notification to a receiver, what was sent, and what was answered.

use std::net::SocketAddr;

use hyper::Uri;

use super::args::{Args, Kind, TriggerOptions};
use super::{Stop, block_on, input, load};
use crate::sandbox::{fixture, loopback, post};

pub(super) fn run(args: &Args, options: &TriggerOptions) -> Result<(), Stop> {
    let config = load(args)?;
    let app = input::app(&config, options.app.as_deref())?;
    if !app.client_key.is_for_sandbox() {
        return Err(Stop::Usage(format!(
            "app '{}' has a key that is not made for a sandbox (from {}): whoever gets a notification that it signed \
             believes that money moved",
            app.name, app.key_source
        )));
    }
    let (body, signature) = fixture(app, options.kind == Kind::Refund);
    block_on(async {
        let (address, uri) = receiver(options).await?;
        outln!("POST {uri}");
        outln!("Content-Type: application/json");
        outln!("X-QF-SIGN: {signature}");
        outln!("\n{body}\n");
        let answer = post(address, &uri, &body, &signature).await;
        let answer = answer.map_err(|why| Stop::Failed(format!("no answer from {address}: {why}")))?;
        outln!("answered: HTTP {}, {} bytes", answer.status, answer.body.len());
        // It goes to a terminal, and a stranger wrote it.
        outln!("{}", String::from_utf8_lossy(&answer.body).escape_debug());
        match answer.accepted() {
            true => Ok(()),
            false => Err(Stop::Failed(
                "not accepted: QFPay wants HTTP 200 with the body SUCCESS, and would send it again"
                    .to_owned(),
            )),
        }
    })
}

/// Where to connect. Another machine takes a word from the user, because what is sent looks like a real notification.
async fn receiver(options: &TriggerOptions) -> Result<(SocketAddr, Uri), Stop> {
    let to = &options.to;
    if let Some(here) = loopback(to) {
        return Ok(here);
    }
    let uri: Option<Uri> = to.split('#').next().and_then(|url| url.parse().ok());
    let uri = uri.filter(|uri| {
        uri.scheme_str() == Some("http") && uri.authority().is_some_and(|host| !host.as_str().contains('@'))
    });
    let Some(uri) = uri else {
        return Err(Stop::Usage(format!(
            "--to {to}: write a http:// URL, such as http://127.0.0.1:8080/notify"
        )));
    };
    if !options.allow_remote {
        return Err(Stop::Usage(format!(
            "--to {to}: this is another machine; add --allow-remote if it is meant"
        )));
    }
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, uri.port_u16().unwrap_or(80))).await;
    let first = found.map_err(|why| Stop::Failed(format!("--to {to}: {why}")))?.next();
    first
        .map(|address| (address, uri))
        .ok_or_else(|| Stop::Failed(format!("--to {to}: no address has this name")))
}
