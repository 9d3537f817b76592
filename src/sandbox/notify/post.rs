//! One POST to a receiver, and its answer.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long a notification may take in all.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much of the receiver's answer is read.
const ANSWER_BYTES: usize = 4096;

/// What a receiver answered. A redirect is an answer like any other: it is not followed.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// Only HTTP 200 with the word SUCCESS counts; anything else makes QFPay repeat the notification for a day.
    pub(crate) fn accepted(&self) -> bool {
        self.status == 200 && self.body.trim_ascii() == b"SUCCESS"
    }
}

/// Posts a signed body, within ten seconds.
///
/// # Errors
/// A text for people when there is no answer: refused, reset, too slow, or longer than 4 KiB.
pub(crate) async fn post(
    address: SocketAddr,
    uri: &Uri,
    body: &str,
    signature: &str,
) -> Result<Answer, String> {
    match tokio::time::timeout(DEADLINE, attempt(address, uri, body, signature)).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

async fn attempt(
    address: SocketAddr,
    uri: &Uri,
    body: &str,
    signature: &str,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let host = uri.authority().map(ToString::to_string).unwrap_or_default();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::post(target)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json")
        .header("x-qf-sign", signature)
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    #[expect(clippy::disallowed_methods, reason = "bounded here; the caller sets the time")]
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await?.to_bytes();
    connection.abort();
    Ok(Answer { status, body })
}
