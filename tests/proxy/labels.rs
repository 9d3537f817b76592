//! Headers that say wrongly, or in odd spellings, what a body is.

use crate::support::{Answer, Stage};

const PAYMENT: &str = "/trade/v1/payment";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";

fn post(stage: &Stage, headers: &[&str], body: &[u8]) -> Answer {
    let mut arguments = vec!["--data-binary", "@-"];
    headers.iter().for_each(|header| arguments.extend(["-H", header]));
    stage.sidecar.curl_with_input(&arguments, body, PAYMENT)
}

#[track_caller]
fn is_read(stage: &Stage, headers: &[&str], body: &str) {
    let answer = post(stage, headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{headers:?}: {}", answer.text());
    assert_eq!(stage.only_request().param("goods_name").as_deref(), Some("茶"), "{headers:?}");
    stage.upstream.forget();
}

#[track_caller]
fn is_refused(stage: &Stage, headers: &[&str], body: &[u8], code: &str, words: &[&str]) {
    let answer = post(stage, headers, body);
    answer.assert_failure(415, code);
    for word in words {
        assert!(answer.text().contains(word), "{headers:?}: no {word:?} in {}", answer.text());
    }
    assert!(!answer.text().contains("canary"), "{}", answer.text());
}

#[test]
fn an_encoding_that_changes_nothing_is_none() {
    let stage = Stage::new(&[]);
    // curl sends a header without a value when it ends in a semicolon.
    for encoding in [
        "Content-Encoding: UTF-8",
        "Content-Encoding: utf8",
        "Content-Encoding: identity",
        "Content-Encoding;",
    ] {
        is_read(&stage, &[FORM, encoding], "txamt=1&goods_name=茶");
        is_read(&stage, &[JSON, encoding], r#"{"txamt": 1, "goods_name": "茶"}"#);
    }
    for charset in ["GBK", "ISO-8859-1", "MS950"] {
        let encoding = format!("Content-Encoding: {charset}");
        let words = ["names a charset, not a compression", "Content-Type"];
        is_refused(&stage, &[&encoding], b"txamt=1", "encoding_unsupported", &words);
    }
    for other in ["gzip", "UTF-8, gzip", "UTF-16"] {
        let encoding = format!("Content-Encoding: {other}");
        is_refused(&stage, &[&encoding], b"txamt=1", "encoding_unsupported", &["Content-Encoding"]);
    }
    assert!(stage.upstream.requests().is_empty());
}

#[test]
fn a_charset_in_odd_spellings() {
    let stage = Stage::new(&[]);
    for label in ["", "\"\"", "'utf-8'", "\"UTF-8\"", "; charset=utf-8"] {
        is_read(&stage, &[&format!("{FORM}; charset={label}")], "txamt=1&goods_name=茶");
    }
}

#[test]
fn the_same_content_type_twice_is_one() {
    let stage = Stage::new(&[]);
    is_read(&stage, &[JSON, JSON], r#"{"txamt": 1, "goods_name": "茶"}"#);
    is_read(&stage, &[FORM, FORM], "txamt=1&goods_name=茶");
    for other in [JSON, "Content-Type: application/x-www-form-urlencoded; charset=GBK"] {
        is_refused(
            &stage,
            &[FORM, other],
            b"txamt=1",
            "media_type_unsupported",
            &["more than one Content-Type"],
        );
    }
    assert!(stage.upstream.requests().is_empty());
}

#[test]
fn a_body_that_is_plainly_something_else_than_its_content_type_says() {
    let stage = Stage::new(&[]);
    let multipart =
        b"--------------------------7Zq0\r\ncontent-disposition: form-data; name=\"txamt\"\r\n\r\ncanary\r\n\
                      --------------------------7Zq0--\r\n";
    let form = b"txamt=1&goods_name=canary";
    let take_away =
        ["multipart/form-data", "Take the Content-Type header of your own away", "CURLOPT_POSTFIELDS"];
    for (header, body, words) in [
        (FORM, &multipart[..], &take_away[..]),
        (JSON, multipart, &take_away),
        (JSON, form, &["looks like a form", "application/x-www-form-urlencoded"]),
        (FORM, b"{\"goods_name\": \"canary\"}", &["looks like JSON", "application/json"]),
        (FORM, b"[{\"goods_name\": \"canary=\"}]", &["JSON that is not an object", "one object"]),
        (FORM, b"<?xml version=\"1.0\"?><goods_name>canary</goods_name>", &["looks like XML", "no XML"]),
        (
            "Content-Type: multipart/form-data",
            multipart,
            &["names no boundary", "take the header of your own away"],
        ),
    ] {
        is_refused(&stage, &[header], body, "media_type_unsupported", words);
    }
    assert!(stage.upstream.requests().is_empty());
}

#[test]
fn a_content_type_is_shown_only_if_libraries_write_it() {
    let stage = Stage::new(&[]);
    let plain = ["is text/plain, none of", "Many libraries write text/plain for a body that is a string"];
    is_refused(&stage, &["Content-Type: Text/Plain; x=canary"], b"txamt=1", "media_type_unsupported", &plain);
    let binary = ["is application/octet-stream, none of"];
    is_refused(
        &stage,
        &["Content-Type: application/octet-stream"],
        b"txamt=1",
        "media_type_unsupported",
        &binary,
    );
    let other = ["the Content-Type is none of"];
    is_refused(&stage, &["Content-Type: text/canary"], b"txamt=1", "media_type_unsupported", &other);
    assert!(stage.upstream.requests().is_empty());
}
