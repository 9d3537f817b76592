//! A shop that calls the sandbox. Its signing is written here, apart from the code under test, and
//! `signature::the_helper_signs_as_python_does` holds it against digests that Python printed.

use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, StatusCode};
use md5::{Digest, Md5};
use qfpay_sidecar::credentials::{App, AppCode, ClientKey, HexCase, SignType};
use qfpay_sidecar::sandbox::{Dropped, Options, SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, Sandbox};
use serde_json::Value;

pub const BASE: &str = "http://127.0.0.1:8790";
pub const OTHER_CODE: &str = "0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B";
pub const OTHER_KEY: &str = "SANDBOX0OTHER0KEY0NOT0SECRET0000";
pub const TXDTM: &str = "2026-01-02 03:04:05";

pub fn app(name: &str, code: &str, key: &str, mchid: Option<&str>) -> Arc<App> {
    Arc::new(App {
        name: name.into(),
        app_code: AppCode::new(code).unwrap(),
        client_key: ClientKey::new(key.as_bytes().to_vec().into(), false).unwrap(),
        key_source: "the test".into(),
        mchid: mchid.map(str::to_owned),
        sign_type: SignType::Md5,
        hex_case: HexCase::Upper,
    })
}

pub fn sandbox_with(per_second: u32, per_minute: u32) -> Sandbox {
    let apps =
        [app("shop", SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, None), app("other", OTHER_CODE, OTHER_KEY, None)];
    let options = Options {
        base: BASE.into(),
        quota_per_second: per_second,
        quota_per_minute: per_minute,
        ..Options::default()
    };
    Sandbox::new(&apps, options).unwrap()
}

pub fn sandbox() -> Sandbox {
    sandbox_with(0, 0)
}

pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn respcd(&self) -> String {
        self.json()["respcd"].as_str().unwrap().to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub async fn send(
    sandbox: &Sandbox,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Got, Dropped> {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body.as_bytes()))).unwrap();
    let (head, body) = sandbox.handle(request).await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok(Got { status: head.status, headers: head.headers, body })
}

/// Sends a body with a signature, as the demo app.
pub async fn signed(sandbox: &Sandbox, path: &str, body: &str, sign: &str, more: &[(&str, &str)]) -> Got {
    let mut headers = vec![
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-qf-appcode", SANDBOX_APP_CODE),
        ("x-qf-sign", sign),
    ];
    headers.extend_from_slice(more);
    send(sandbox, "POST", path, &headers, body).await.unwrap()
}

/// A well signed call of the demo app, which may be dropped.
pub async fn try_call(sandbox: &Sandbox, path: &str, params: &[(&str, &str)]) -> Result<Got, Dropped> {
    let sign = md5_sign(params, SANDBOX_CLIENT_KEY);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-qf-appcode", SANDBOX_APP_CODE),
        ("x-qf-sign", sign.as_str()),
    ];
    send(sandbox, "POST", path, &headers, &form(params)).await
}

/// A well signed POST of the demo app.
pub async fn call(sandbox: &Sandbox, path: &str, params: &[(&str, &str)]) -> Got {
    try_call(sandbox, path, params).await.unwrap()
}

/// A well signed GET of the demo app, all parameters in the query.
pub async fn get(sandbox: &Sandbox, path: &str, params: &[(&str, &str)]) -> Got {
    let sign = md5_sign(params, SANDBOX_CLIENT_KEY);
    let target = format!("{path}?{}", form(params));
    let headers = [("x-qf-appcode", SANDBOX_APP_CODE), ("x-qf-sign", sign.as_str())];
    send(sandbox, "GET", &target, &headers, "").await.unwrap()
}

/// Parameters of a payment that the sandbox takes.
pub fn payment<'a>(out_trade_no: &'a str, pay_type: &'a str, txamt: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("txamt", txamt),
        ("txcurrcd", "HKD"),
        ("pay_type", pay_type),
        ("out_trade_no", out_trade_no),
        ("txdtm", TXDTM),
    ]
}

pub async fn pay(sandbox: &Sandbox, params: &[(&str, &str)]) -> Got {
    call(sandbox, "/trade/v1/payment", params).await
}

/// A CPM payment, paid at once; its `syssn`.
pub async fn paid(sandbox: &Sandbox, out_trade_no: &str, txamt: &str) -> String {
    let mut params = payment(out_trade_no, "800208", txamt);
    params.push(("auth_code", "134567890123456789"));
    let got = pay(sandbox, &params).await;
    assert_eq!(got.respcd(), "0000", "{}", got.text());
    got.json()["syssn"].as_str().unwrap().to_owned()
}

/// The only row that a query by `out_trade_no` finds.
pub async fn state_of(sandbox: &Sandbox, out_trade_no: &str) -> Value {
    let answer = call(sandbox, "/trade/v1/query", &[("out_trade_no", out_trade_no)]).await.json();
    assert_eq!(answer["respcd"], "0000");
    assert_eq!(answer["data"].as_array().unwrap().len(), 1, "{answer}");
    answer["data"][0].clone()
}

/// Turns the sandbox's clock forward, as a test of a shop does.
pub async fn turn(sandbox: &Sandbox, seconds: u64) {
    let got = send(sandbox, "POST", "/sandbox/clock", &[], &format!("advance={seconds}")).await.unwrap();
    assert_eq!(got.status, 200, "{}", got.text());
}

pub fn md5_sign(params: &[(&str, &str)], key: &str) -> String {
    let mut sorted = params.to_vec();
    sorted.sort();
    let pairs: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    hex::encode_upper(Md5::digest(format!("{}{key}", pairs.join("&"))))
}

pub fn form(params: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in params {
        let separator = if out.is_empty() { "" } else { "&" };
        write!(out, "{separator}{name}=").unwrap();
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02X}").unwrap();
            }
        }
    }
    out
}
