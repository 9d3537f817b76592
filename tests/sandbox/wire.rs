//! Answers that break off, through a real listener: what a client's socket sees.

use std::time::Duration;

use hyper::Request;
use qfpay_sidecar::sandbox::{SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY, for_the_wire};
use qfpay_sidecar::server::{
    Address, CloseConnection, Limits, Listener, Peer, RequestBody, Server, Shutdown,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::*;

/// All that arrives until the sandbox closes the connection.
async fn raw_answer(address: &str, txamt: &str) -> String {
    let params = payment(txamt, "800201", txamt);
    let (body, sign) = (form(&params), md5_sign(&params, SANDBOX_CLIENT_KEY));
    let request = format!(
        "POST /trade/v1/payment HTTP/1.1\r\nHost: {address}\r\nX-QF-APPCODE: {SANDBOX_APP_CODE}\r\nX-QF-SIGN: {sign}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer));
    read.await.expect("the sandbox closes the connection").unwrap();
    answer
}

#[tokio::test]
async fn a_truncated_answer_and_a_dropped_one() {
    let listener = Listener::bind(&Address::parse("127.0.0.1:0").unwrap()).await.unwrap();
    let address = listener.address().to_string().replace("http://", "");
    let sandbox = sandbox();
    let handler = move |request: Box<Request<RequestBody>>, _peer: Peer| {
        let sandbox = sandbox.clone();
        async move { sandbox.handle(*request).await.map(for_the_wire).map_err(|_| CloseConnection) }
    };
    let limits = Limits {
        connections: 8,
        headers: 100,
        head_bytes: 65536,
        header_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(5),
        grace_period: Duration::ZERO,
    };
    let shutdown = Shutdown::new();
    let refuse = |refusal| panic!("a call was refused: {refusal:?}");
    let server = Server::new(handler, refuse, limits, shutdown.clone());
    let served = tokio::spawn(async move { server.serve(listener).await });

    let answer = raw_answer(&address, "4200050").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let declared = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && body.starts_with("{\"respcd\": \"0000\""), "{answer}");
    assert_eq!(declared.parse::<usize>().unwrap() / 2, body.len());
    assert_eq!(raw_answer(&address, "4200000").await, "");

    shutdown.begin(Duration::from_secs(5));
    assert!(served.await.unwrap());
}
