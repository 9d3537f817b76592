//! Answers in QFPay's style: flat JSON as Python's `json.dumps` prints it (protocol sheet, section 4).
//!
//! Written by hand because the spacing and the `\uXXXX` escapes are part of what clients meet, and serde_json has neither.

use std::fmt::Write;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use md5::Md5;
use sha2::Digest;

use crate::credentials::App;

/// A JSON value with its members in the order in which they are printed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json {
    Text(String),
    Number(u64),
    List(Vec<Json>),
    Object(Fields),
}

/// Members of a JSON object.
pub(super) type Fields = Vec<(&'static str, Json)>;

/// A text member.
pub(super) fn text(name: &'static str, value: impl Into<String>) -> (&'static str, Json) {
    (name, Json::Text(value.into()))
}

/// Prints an object as `json.dumps` does: `", "`, `": "`, and ASCII only.
pub(super) fn dumps(fields: &Fields) -> String {
    let mut out = String::new();
    object(fields, &mut out);
    out
}

fn object(fields: &Fields, out: &mut String) {
    out.push('{');
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        quoted(name, out);
        out.push_str(": ");
        print(value, out);
    }
    out.push('}');
}

fn print(value: &Json, out: &mut String) {
    match value {
        Json::Text(text) => quoted(text, out),
        Json::Number(number) => out.push_str(&number.to_string()),
        Json::Object(fields) => object(fields, out),
        Json::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                print(item, out);
            }
            out.push(']');
        }
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            _ => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// A call that QFPay refuses: the code, and a text for the person who debugs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub respcd: &'static str,
    pub respmsg: String,
}

/// A refusal, ready for `Err`.
pub(super) fn refusal(respcd: &'static str, respmsg: impl Into<String>) -> Refusal {
    Refusal { respcd, respmsg: respmsg.into() }
}

impl Refusal {
    /// The three members that every answer of QFPay's has.
    pub(super) fn fields(&self) -> Fields {
        result_fields(self.respcd, &self.respmsg)
    }
}

/// `respcd`, `resperr` (for the payer) and `respmsg` (for the engineer).
pub(super) fn result_fields(respcd: &'static str, respmsg: &str) -> Fields {
    vec![text("respcd", respcd), text("resperr", resperr(respcd)), text("respmsg", respmsg)]
}

/// The text for the payer. QFPay prints Chinese here, which shows whether a client reads `\uXXXX`.
pub(super) fn resperr(respcd: &str) -> &'static str {
    match respcd {
        "0000" => "交易成功",
        "1100" => "系統維護中",
        "1103" => "請求格式錯誤",
        "1104" => "請求參數錯誤",
        "1108" => "簽名錯誤",
        "1136" => "交易不存在或不能操作",
        "1143" => "訂單未支付",
        "1145" => "正在處理中",
        "1201" => "餘額不足",
        "1205" => "交易失敗",
        "1251" => "訂單號重複",
        "1260" => "訂單已支付",
        "1261" => "訂單未支付",
        "1262" => "訂單已退款",
        "1263" => "訂單已撤銷",
        "1264" => "訂單已關閉",
        "1266" => "金額不符",
        "1268" => "訂單不存在",
        "1272" => "退款金額過大",
        "1296" => "網絡緩慢",
        "1297" => "系統繁忙",
        "1298" => "網絡緩慢, 請稍後查詢",
        "2005" => "驗證碼錯誤或已過期",
        _ => "請求失敗",
    }
}

/// The response around a body, signed as QFPay documents it: `X-QF-SIGN` = upper-case MD5(raw body + key).
pub(super) fn json(status: StatusCode, body: String, app: Option<&App>) -> Response<Full<Bytes>> {
    let signature = app.and_then(|app| HeaderValue::from_str(&body_signature(body.as_bytes(), app)).ok());
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    if let Some(signature) = signature {
        response.headers_mut().insert("x-qf-sign", signature);
    }
    response
}

/// The signature over an answer or a notification (protocol sheet, sections 4 and 5).
pub(super) fn body_signature(body: &[u8], app: &App) -> String {
    let mut hasher = Md5::new();
    hasher.update(body);
    app.client_key.feed(&mut hasher);
    hex::encode_upper(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_like_json_dumps() {
        let fields = vec![
            text("a", "é\u{1F600}\"\\\u{7f}"),
            ("n", Json::Number(1)),
            ("l", Json::List(vec![Json::Text("x".into()), Json::Object(vec![text("k", "v")])])),
        ];
        // Printed by Python 3: json.dumps({"a": "\xe9\U0001F600\"\\\x7f", "n": 1, "l": ["x", {"k": "v"}]})
        // (Python leaves U+007F as it is; escaping it means the same and keeps logs printable).
        let python = r#"{"a": "\u00e9\ud83d\ude00\"\\\u007f", "n": 1, "l": ["x", {"k": "v"}]}"#;
        assert_eq!(dumps(&fields), python);
    }
}
