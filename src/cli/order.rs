//! `order`: asks the running sidecar what an order went through, over its API listener, without reading a key.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use super::Stop;
use super::args::{Args, OrderOptions};
use crate::config::{self, files};
use crate::server::Address;

/// More than a thousand calls take.
const LONGEST_ANSWER: u64 = 4 << 20;

pub(super) fn run(args: &Args, options: &OrderOptions) -> Result<(), Stop> {
    let listen = config::load_listen(&args.config_request()?)?;
    let Some(address) = listen.api.first() else {
        return Err(Stop::Usage("listen.api names no address".to_owned()));
    };
    let token = options.token_file.as_deref().map(|file| {
        let content = files::read(file).map_err(|error| Stop::Usage(format!("--token-file: {error}")))?;
        let text = Zeroizing::new(String::from_utf8_lossy(&content).trim_end().to_owned());
        match text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            true => {
                Err(Stop::Usage("--token-file: the file must hold the token and nothing else".to_owned()))
            }
            false => Ok(text),
        }
    });
    let token = token.transpose()?;
    // By the shop's number, and if no call named it, by QFPay's.
    let mut answer = ask(address, "out_trade_no", options, token.as_ref())?;
    if is_empty(&answer) {
        let by_syssn = ask(address, "syssn", options, token.as_ref())?;
        if !is_empty(&by_syssn) {
            answer = by_syssn;
        }
    }
    match options.json {
        true => outln!("{answer:#}"),
        false => outln!("{}", shown(&answer)),
    }
    match is_empty(&answer) {
        false => Ok(()),
        true => Err(Stop::Failed("no call of late names this order".to_owned())),
    }
}

fn is_empty(answer: &Value) -> bool {
    answer["calls"].as_array().is_none_or(Vec::is_empty)
}

fn ask(
    address: &Address,
    name: &str,
    options: &OrderOptions,
    token: Option<&Zeroizing<String>>,
) -> Result<Value, Stop> {
    let (number, app_code, mchid) =
        (Some(&options.number), options.app_code.as_ref(), options.mchid.as_ref());
    // What is not given is left out.
    let form = serde_urlencoded::to_string([(name, number), ("app_code", app_code), ("mchid", mchid)])
        .map_err(|error| Stop::Failed(error.to_string()))?;
    let answer = exchange(address, &form, token, Duration::from_millis(options.timeout_ms.max(1)))
        .map_err(|error| Stop::Failed(format!("{address}: {error}; is the sidecar running?")))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    match head.split(' ').nth(1) {
        Some("200") => Ok(json),
        _ => {
            let text = |at: &Value| at.as_str().unwrap_or("no more is said").to_owned();
            let (what, hint) = (text(&json["respmsg"]), text(&json["error"]["hint"]));
            Err(Stop::Failed(format!("{address} answered: {what}. {hint}")))
        }
    }
}

fn exchange(
    address: &Address,
    form: &str,
    token: Option<&Zeroizing<String>>,
    timeout: Duration,
) -> io::Result<String> {
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect_timeout(address, timeout)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            // Whatever it is bound to, it answers to this name on its port.
            send(stream, &format!("localhost:{}", address.port()), form, token)
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            send(stream, "localhost", form, token)
        }
    }
}

fn send(
    mut stream: impl Read + Write,
    host: &str,
    form: &str,
    token: Option<&Zeroizing<String>>,
) -> io::Result<String> {
    let mut request = Zeroizing::new(format!(
        "POST /sidecar/v1/order HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nConnection: close\r\n",
        form.len()
    ));
    if let Some(token) = token {
        // Writing to a String does not fail.
        let _ = write!(request, "Authorization: Bearer {}\r\n", token.as_str());
    }
    let _ = write!(request, "\r\n{form}");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The way of an order, a line for each call.
fn shown(answer: &Value) -> String {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut lines = Vec::new();
    for call in answer["calls"].as_array().into_iter().flatten() {
        let who = if call["by_sidecar"] == true { " by the sidecar" } else { "" };
        let came = match (&call["error"], &call["respcd"]) {
            (Value::String(error), _) => error.clone(),
            (_, Value::String(respcd)) => format!("respcd {respcd}"),
            _ => "no respcd".to_owned(),
        };
        lines.push(format!(
            "{}  {}{who}: {} {}, {came}, {} ms, request {}",
            text(&call["at"]),
            text(&call["endpoint"]),
            text(&call["status"]),
            text(&call["delivery"]),
            text(&call["took_ms"]),
            text(&call["request_id"]),
        ));
    }
    if let Some(standing) = answer["standing"].as_str() {
        lines.push(format!("now: {}", standing.replace('_', " ")));
    }
    if let Some(state) = answer["outcome"]["state"].as_str() {
        lines.push(format!("outcome: {state} {}", text(&answer["outcome"]["row"])));
    }
    lines.join("\n")
}
