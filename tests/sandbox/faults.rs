//! Magic amounts, quotas, and answers that break off.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use qfpay_sidecar::sandbox::magic::{Answer, End, OrderEffect, TABLE};
use qfpay_sidecar::sandbox::{SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, Truncated, for_the_wire};

use crate::support::*;

/// Every row of the table: what the caller sees, and what a query finds afterwards.
#[tokio::test]
async fn each_magic_amount_does_what_the_table_says() {
    for row in TABLE {
        let sandbox = sandbox();
        let txamt = row.txamt.to_string();
        let params = payment("M", "800201", &txamt);
        let call = try_call(&sandbox, "/trade/v1/payment", &params);
        // A slow or hanging call has done its work before it waits, so it may be given up.
        let got = match row.answer {
            Answer::Late(_) | Answer::Hang => {
                assert!(
                    tokio::time::timeout(Duration::from_millis(100), call).await.is_err(),
                    "{}",
                    row.meaning
                );
                None
            }
            _ => Some(call.await),
        };
        match (row.answer, got) {
            (Answer::Late(_) | Answer::Hang, _) => {}
            (Answer::Usual, Some(Ok(got))) => assert_eq!(got.respcd(), "0000"),
            (Answer::Drop, Some(dropped)) => assert!(dropped.is_err()),
            (Answer::Respcd(respcd), Some(Ok(got))) => assert_eq!(got.respcd(), respcd),
            (Answer::NotJson, Some(Ok(got))) => {
                assert!(got.text().contains("\"respcd\": 0000"), "{}", got.text());
                assert!(serde_json::from_slice::<serde_json::Value>(&got.body).is_err());
            }
            (Answer::Html(status), Some(Ok(got))) => {
                assert_eq!((got.status.as_u16(), got.header("content-type")), (status, "text/html"));
            }
            (Answer::Redirect(status), Some(Ok(got))) => {
                assert_eq!((got.status.as_u16(), got.header("location")), (status, "/elsewhere"));
            }
            (Answer::Truncated, Some(Ok(got))) => {
                assert!(serde_json::from_str::<serde_json::Value>(&got.text()).is_err())
            }
            (answer, _) => panic!("{answer:?} was dropped"),
        }
        let rows = call_query(&sandbox).await;
        let rows = match row.order {
            OrderEffect::QueriesDropped(count) => {
                let named = [("out_trade_no", "M")];
                assert!(rows.is_none(), "{}", row.meaning);
                for _ in 1..count {
                    assert!(try_call(&sandbox, "/trade/v1/query", &named).await.is_err(), "{}", row.meaning);
                }
                call_query(&sandbox).await.unwrap()
            }
            _ => rows.unwrap(),
        };
        match row.order {
            OrderEffect::Hidden(seconds) => {
                assert!(rows.is_empty(), "{}", row.meaning);
                turn(&sandbox, seconds - 2).await;
                assert!(call_query(&sandbox).await.unwrap().is_empty(), "{}", row.meaning);
                turn(&sandbox, 2).await;
                assert_eq!(call_query(&sandbox).await.unwrap(), ["0000"], "{}", row.meaning);
            }
            OrderEffect::DoneAfter(respcd, seconds) => {
                assert_eq!(rows, [respcd], "{}", row.meaning);
                turn(&sandbox, seconds - 2).await;
                assert_eq!(call_query(&sandbox).await.unwrap(), [respcd], "{}", row.meaning);
                turn(&sandbox, 2).await;
                assert_eq!(call_query(&sandbox).await.unwrap(), ["0000"], "{}", row.meaning);
            }
            OrderEffect::Ends(end) => {
                let (respcd, cancel) = match end {
                    End::Reversed => ("0000", "1"),
                    End::Closed => ("1142", "2"),
                    End::Refunded => ("0000", "3"),
                    End::PartlyRefunded => ("0000", "5"),
                };
                assert_eq!(rows, [respcd], "{}", row.meaning);
                assert_eq!(state_of(&sandbox, "M").await["cancel"], cancel, "{}", row.meaning);
            }
            OrderEffect::Nothing => assert!(rows.is_empty(), "{}", row.meaning),
            OrderEffect::Usual => assert_eq!(rows, ["1143"]),
            OrderEffect::Done | OrderEffect::DoneWhenQueried(_) | OrderEffect::QueriesDropped(_) => {
                assert_eq!(rows, ["0000"], "{}", row.meaning)
            }
            OrderEffect::Failed(respcd) => assert_eq!(rows, [respcd]),
        }
        let manual = include_str!("../../docs/sandbox.md");
        assert!(
            manual.contains(&format!("| `{}` | {} |", row.txamt, row.meaning)),
            "docs/sandbox.md lacks {row:?}"
        );
    }
}

/// The states of the order; none if the connection was closed.
async fn call_query(sandbox: &qfpay_sidecar::sandbox::Sandbox) -> Option<Vec<String>> {
    let answer = try_call(sandbox, "/trade/v1/query", &[("out_trade_no", "M")]).await.ok()?.json();
    let rows = answer["data"].as_array().unwrap().iter();
    Some(rows.map(|row| row["respcd"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn a_lost_refund_is_found_by_a_query() {
    let sandbox = sandbox();
    let syssn = paid(&sandbox, "A", "90000000").await;
    let params = [("syssn", syssn.as_str()), ("out_trade_no", "M"), ("txamt", "4200001"), ("txdtm", TXDTM)];
    assert!(try_call(&sandbox, "/trade/v1/refund", &params).await.is_err());
    assert_eq!(call_query(&sandbox).await.unwrap(), ["0000"]);
    assert_eq!(state_of(&sandbox, "A").await["cancel"], "5");
    let params = [("syssn", syssn.as_str()), ("out_trade_no", "N"), ("txamt", "4200000"), ("txdtm", TXDTM)];
    assert!(try_call(&sandbox, "/trade/v1/refund", &params).await.is_err());
    let unknown = call(&sandbox, "/trade/v1/query", &[("out_trade_no", "N")]).await.json();
    assert_eq!(unknown["data"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_truncated_answer_is_marked_and_breaks_off_on_the_wire() {
    let params = payment("M", "800201", "4200050");
    let request = Request::post("/trade/v1/payment")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-qf-appcode", SANDBOX_APP_CODE)
        .header("x-qf-sign", md5_sign(&params, SANDBOX_CLIENT_KEY))
        .body(Full::new(Bytes::from(form(&params))))
        .unwrap();
    let response = sandbox().handle(request).await.unwrap();
    let declared = response.extensions().get::<Truncated>().unwrap().declared;
    let mut wire = for_the_wire(response);
    assert_eq!(wire.headers()["content-length"], declared.to_string());
    let first = wire.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first.len() as u64, declared / 2);
    assert!(wire.body_mut().frame().await.unwrap().is_err());
}

#[tokio::test]
async fn quotas_answer_429() {
    let sandbox = sandbox_with(0, 3);
    for _ in 0..3 {
        assert_eq!(call(&sandbox, "/trade/v1/query", &[("out_trade_no", "none")]).await.status, 200);
    }
    let got = call(&sandbox, "/trade/v1/query", &[("out_trade_no", "none")]).await;
    assert_eq!((got.status.as_u16(), got.respcd().as_str()), (429, "1297"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let body = "a".repeat(1_048_577);
    assert_eq!(signed(&sandbox(), "/trade/v1/payment", &body, "00", &[]).await.status, 413);
}

#[tokio::test]
async fn the_last_200_requests_are_remembered() {
    let sandbox = sandbox();
    for _ in 0..203 {
        call(&sandbox, "/trade/v1/query", &[("out_trade_no", "none")]).await;
    }
    let seen = sandbox.received();
    assert_eq!((seen.len(), seen[0].sequence, seen[199].sequence), (200, 4, 203));
}
