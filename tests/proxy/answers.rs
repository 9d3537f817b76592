//! What an answer of QFPay's is worth: gateways' pages, redirects, answers that are too large, and answers to other calls.

use crate::support::*;

const PAYMENT: &str = "/trade/v1/payment";
const QUERY: &str = "/trade/v1/query";
const PAGE: &str = "<html><h1>Bad Gateway</h1></html>";

/// The call may have been processed: told to new code and to old code, with the number to query for.
#[track_caller]
fn assert_in_doubt(answer: &Answer, code: &str, out_trade_no: &str) {
    answer.assert_failure(502, code);
    assert_eq!(answer.header("X-Sidecar-Delivery"), Some("unknown"));
    let json = answer.json();
    assert_eq!((json["respcd"].as_str(), json["out_trade_no"].as_str()), (Some("1298"), Some(out_trade_no)));
    assert!(json["error"]["hint"].as_str().unwrap().contains("/trade/v1/query"), "{json}");
}

/// One call that is answered like this.
fn call(stage: &Stage, path: &str, form: &str, reply: Reply) -> Answer {
    stage.upstream.script([reply]);
    stage.sidecar.curl(&["-d", form], path)
}

#[test]
fn a_gateways_page_is_no_answer_to_a_payment() {
    let stage =
        Stage::new(&["routes.allow=[\"/trade/v1/\", \"/subscription/v1/\", \"/payment_element/v1/\"]"]);
    let statuses = [
        "200 OK",
        "201 Created",
        "299 Odd",
        "408 Late",
        "500 Error",
        "502 Bad",
        "503 Busy",
        "504 Late",
        "599 Odd",
    ];
    let bodies = [
        "",
        " \r\n",
        PAGE,
        "{}",
        "[]",
        "upstream timed out",
        r#"{"message": "timeout"}"#,
        r#"{"respcd": ""}"#,
    ];
    let paths =
        [PAYMENT, "/trade/v1/refund", "/subscription/v1/charge", "/payment_element/v1/create_payment_intent"];
    for (i, status) in statuses.into_iter().enumerate() {
        for (j, body) in bodies.into_iter().enumerate() {
            let path = paths[(i + j) % paths.len()];
            let before = stage.upstream.requests().len();
            let answer = call(&stage, path, "out_trade_no=G-1", Reply::of(status, "Server: nginx\r\n", body));
            assert_in_doubt(&answer, "answer_unclear", "G-1");
            let seen = format!("status {}", &status[..3]);
            assert!(answer.json()["respmsg"].as_str().unwrap().contains(&seen), "{}", answer.text());
            assert_eq!(stage.upstream.requests().len(), before + 1, "sent once");
        }
    }
    let empty = call(&stage, PAYMENT, "out_trade_no=G-2", Reply::raw("HTTP/1.1 204 No Content\r\n\r\n"));
    assert_in_doubt(&empty, "answer_unclear", "G-2");
    // The log says so too.
    let line = stage.sidecar.wait_for_log(&["request", "answer_unclear"]);
    assert!(line.contains(r#"delivery="unknown""#), "{line}");
}

#[test]
fn a_respcd_is_read_from_any_bytes_and_passes_with_its_status() {
    let stage = Stage::new(&[]);
    for body in [
        r#"{"respcd": "0000"}"#,
        // QFPay's own examples.
        "{\n  \"resperr\": \"\",\n  \"respcd\": 0000,\n  \"respmsg\": \"\"\n}",
        r#"{"respcd": "1205", "resperr": "failed",}"#,
        "\u{feff}{\"respcd\":\"0000\"}",
        "\r\n \u{feff} {\"respcd\":\"0000\"} and more",
        r#"{"data": {"respcd": null, "a": ["}"]}, "respcd": 1108}"#,
    ] {
        for status in
            ["200 OK", "201 Created", "400 Bad", "404 Not Found", "408 Late", "500 Error", "503 Busy"]
        {
            let answer = call(&stage, PAYMENT, "a=1", Reply::of(status, "", body));
            assert_eq!((answer.status.to_string().as_str(), answer.text()), (&status[..3], body));
            assert!(!answer.is_failure());
        }
    }
    // A refusal is one without a respcd as well.
    for status in ["400 Bad", "401 Who", "403 No", "404 Not Found", "413 Large", "429 Many", "499 Gone"] {
        let answer = call(&stage, PAYMENT, "a=1", Reply::of(status, "", PAGE));
        assert_eq!((answer.status.to_string().as_str(), answer.text()), (&status[..3], PAGE));
    }
}

#[test]
fn paths_that_are_not_documented_may_answer_in_another_way() {
    let stage = Stage::new(&[]);
    let path = "/trade/v1/brand_new";
    for (status, body) in [
        ("408 Late", r#"{"status": "ok"}"#),
        ("500 Error", "no"),
        ("200 OK", ""),
        ("200 OK", "\u{feff}\r\n<!DOCTYPE html>"),
    ] {
        let answer = call(&stage, path, "out_trade_no=N-1", Reply::of(status, "", body));
        assert_in_doubt(&answer, "answer_unclear", "N-1");
    }
    for (status, body) in
        [("200 OK", r#"{"status": "ok"}"#), ("500 Error", r#"{"respcd": "1205"}"#), ("404 No", PAGE)]
    {
        assert_eq!(call(&stage, path, "out_trade_no=N-1", Reply::of(status, "", body)).text(), body);
    }
}

#[test]
fn what_moves_no_money_gets_pages_as_they_are() {
    let stage = Stage::new(&[]);
    for status in ["200 OK", "500 Error", "502 Bad"] {
        for path in [QUERY, "/trade/v1/add_note"] {
            let answer = call(&stage, path, "syssn=1", Reply::of(status, "", PAGE));
            assert_eq!((answer.text(), answer.is_failure()), (PAGE, false), "{path} {status}");
        }
    }
}

#[test]
fn no_redirect_is_passed_on() {
    let stage = Stage::new(&[]);
    for status in [300, 301, 302, 303, 304, 305, 307, 308, 399] {
        let location = format!("Location: http://{}/trade/v1/payment\r\n", stage.sidecar.api);
        // A respcd makes it no answer: the library repeats the POST before anybody reads it.
        let reply = || Reply::of(&format!("{status} Elsewhere"), &location, r#"{"respcd": "0000"}"#);
        for path in [PAYMENT, "/trade/v1/add_note", "/trade/v1/brand_new"] {
            let answer = call(&stage, path, "out_trade_no=L-1", reply());
            assert_in_doubt(&answer, "answer_unclear", "L-1");
            assert_eq!(answer.header("Location"), None);
            assert!(answer.json()["respmsg"].as_str().unwrap().contains(&status.to_string()));
        }
        // What only reads is asked again, once.
        stage.upstream.script([reply(), reply()]);
        let answer = stage.sidecar.curl(&["-d", "out_trade_no=L-1"], QUERY);
        answer.assert_failure(502, "answer_unclear");
        assert_eq!(answer.header("Location"), None);
        assert_eq!(call(&stage, QUERY, "out_trade_no=L-1", reply()).json()["respcd"], "0000");
        assert_eq!(stage.upstream.requests().len(), 7);
        stage.upstream.forget();
    }
    // curl follows what it is told to follow: there is nothing to follow.
    let location = format!("Location: http://{}/trade/v1/payment\r\n", stage.sidecar.api);
    stage.upstream.script([Reply::of("307 Elsewhere", &location, "")]);
    let followed = stage.sidecar.curl(&["-L", "-d", "out_trade_no=L-2"], PAYMENT);
    assert_in_doubt(&followed, "answer_unclear", "L-2");
    assert_eq!(stage.upstream.requests().len(), 1, "the payment was made once");
}

#[test]
fn an_answer_to_money_never_streams() {
    let stage = Stage::new(&["limits.answer_whole_bytes=1000"]);
    let large = format!(r#"{{"respcd": "0000", "out_trade_no": "B-1", "pay_url": "{}"}}"#, "x".repeat(5000));
    for path in [PAYMENT, "/trade/v1/refund", "/trade/v1/brand_new"] {
        let answer = call(&stage, path, "out_trade_no=B-1", Reply::ok(&large));
        assert_in_doubt(&answer, "answer_unclear", "B-1");
        assert!(answer.json()["respmsg"].as_str().unwrap().contains("limits.answer_whole_bytes"));
    }
    assert_eq!(call(&stage, QUERY, "out_trade_no=B-1", Reply::ok(&large)).text(), large);
    // Its connection is not used again, so what was left unread answers nobody.
    let requests = stage.upstream.requests();
    assert_eq!(requests.iter().map(|seen| seen.connection).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn an_answer_to_another_call_is_refused_wherever_answers_name_orders() {
    let stage = Stage::new(&[]);
    let others = [
        r#"{"respcd": "0000", "out_trade_no": "W-0"}"#,
        r#"{"respcd": "0000", "syssn": "S-70", "orig_syssn": "71"}"#,
        r#"{"respcd": "0000", "data": {"out_trade_no": "W-0"}}"#,
        r#"{"respcd": "0000", "data": [{"out_trade_no": "W-0", "syssn": "S-70"}]}"#,
        r#"{"respcd": "0000", "out_trade_no": 9990070}"#,
        r#"{"respcd": "0000", "out_trade_no": ["W-0"]}"#,
        r#"{"respcd": "0000", "out_trade_no": "W-0", "out_trade_no": "W-00"}"#,
        "\u{feff}{\"respcd\": 0000, \"orig_syssn\": 9990070,} trailing",
    ];
    let paths = ["payment", "refund", "reversal", "close", "authtrade", "unfreeze"]
        .map(|end| format!("/trade/v1/{end}"));
    for (i, other) in others.into_iter().enumerate() {
        for (j, path) in paths.iter().enumerate() {
            stage.upstream.forget();
            let answer = call(&stage, path, "out_trade_no=W-1&syssn=7", Reply::ok(other));
            assert_in_doubt(&answer, "order_mismatch", "W-1");
            assert!(
                !answer.text().contains("W-0")
                    && !answer.text().contains("S-70")
                    && !answer.text().contains("9990070"),
                "{}",
                answer.text()
            );
            let own = call(
                &stage,
                path,
                "out_trade_no=W-1",
                Reply::ok(r#"{"respcd":"0000","out_trade_no":" W-1"}"#),
            );
            assert_eq!(own.status, 200, "{i} {j}");
            let requests = stage.upstream.requests();
            assert_ne!(requests[0].connection, requests[1].connection, "more may follow on the first");
        }
    }
    // Any number that is the call's own makes it the call's own.
    for own in [
        r#"{"respcd": "0000", "syssn": "S-70", "orig_syssn": "7"}"#,
        r#"{"respcd": "0000", "out_trade_no": "W-0", "orig_syssn": 7}"#,
        r#"{"respcd": "0000", "out_trade_no": "", "syssn": ["7"]}"#,
        r#"{"respcd": "0000", "out_trade_no": "W-1", "pay_params": {"out_trade_no": "W-0"}}"#,
    ] {
        assert_eq!(call(&stage, "/trade/v1/refund", "out_trade_no=W-1&syssn=7", Reply::ok(own)).text(), own);
    }
    // QFPay's sample of a reversal names numbers that a call by out_trade_no cannot know.
    let sample = r#"{"orig_syssn": "20200305066100020000977813", "syssn": "20200305066100020000977814", "respcd": "0000"}"#;
    assert_eq!(call(&stage, "/trade/v1/reversal", "out_trade_no=W-1", Reply::ok(sample)).text(), sample);
}

#[test]
fn a_query_gets_rows_of_its_own() {
    let stage = Stage::new(&[]);
    let rows = r#"{"respcd": "0000", "data": [{"out_trade_no": "Q-1", "syssn": "1"}, {"out_trade_no": "Q-2", "syssn": "2"}]}"#;
    for form in
        ["out_trade_no=Q-2", "syssn=1", "out_trade_no=Q-3,Q-4", "start_time=2026-01-01 00:00:00", "page=1"]
    {
        assert_eq!(call(&stage, QUERY, form, Reply::ok(rows)).text(), rows, "{form}");
    }
    for form in ["out_trade_no=Q-3", "syssn=3"] {
        // It only reads, so it is asked again; twice the wrong answer is none.
        stage.upstream.script([Reply::ok(rows), Reply::ok(rows)]);
        stage.sidecar.curl(&["-d", form], QUERY).assert_failure(502, "order_mismatch");
        assert_eq!(call(&stage, QUERY, form, Reply::ok(rows)).json()["resperr"], "success", "{form}");
    }
    let none = r#"{"respcd": "0000", "data": []}"#;
    assert_eq!(call(&stage, QUERY, "out_trade_no=Q-3", Reply::ok(none)).text(), none);
}

#[test]
fn a_success_that_names_no_order_passes_with_a_warning_and_a_count() {
    let stage = Stage::new(&[]);
    let counted = |endpoint: &str| {
        let name = format!(r#"qfpay_sidecar_unnamed_successes_total{{endpoint="{endpoint}"}} "#);
        let metrics = stage.sidecar.admin("/metrics").text().to_owned();
        metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse::<u32>().ok()).unwrap_or(0)
    };
    let silent = [r#"{"respcd": "0000"}"#, r#"{"respcd": 0000, "syssn": "9"}"#];
    for body in silent {
        assert_eq!(call(&stage, PAYMENT, "out_trade_no=S-1", Reply::ok(body)).text(), body);
    }
    assert_eq!(counted(PAYMENT), 2);
    let warning = stage.sidecar.wait_for_log(&["WARN", "names no order"]);
    assert!(!warning.contains("S-1") && warning.contains(PAYMENT), "{warning}");
    // Failures, named ones, and what moves no money are none.
    for (path, body) in [
        (PAYMENT, r#"{"respcd": "1205"}"#),
        (PAYMENT, r#"{"respcd": "0000", "out_trade_no": "S-1"}"#),
        (QUERY, r#"{"respcd": "0000"}"#),
    ] {
        assert_eq!(call(&stage, path, "out_trade_no=S-1", Reply::ok(body)).status, 200);
    }
    assert_eq!((counted(PAYMENT), counted(QUERY)), (2, 0));
    assert_eq!(call(&stage, "/trade/v1/refund", "out_trade_no=S-1", Reply::ok(silent[0])).status, 200);
    assert_eq!(counted("/trade/v1/refund"), 1);
}
