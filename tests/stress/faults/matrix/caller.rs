//! A caller of the sidecar: one payment on a connection of its own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::upstream::LONGEST;
use crate::support::Answer;

/// An answer without a known end is read so far.
const ENOUGH: usize = 1 << 20;

/// An answer and how long it took. The body is as it came: an endless one is cut at [`ENOUGH`].
pub struct Called {
    pub answer: Answer,
    pub took: Duration,
}

/// Sends one form.
pub async fn call(api: SocketAddr, path: &str, form: &str) -> Result<Called, String> {
    let begun = Instant::now();
    let length = form.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {api}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{form}"
    );
    let exchange = async {
        let mut stream = TcpStream::connect(api).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut seen = Vec::new();
        while seen.len() < ENOUGH && stream.read_buf(&mut seen).await? > 0 {}
        Ok::<_, std::io::Error>(seen)
    };
    let seen = timeout(LONGEST, exchange).await.map_err(|_| "the caller got no answer at all".to_owned())?;
    let seen = seen.map_err(|error| format!("the caller's connection broke: {error}"))?;
    let head = seen
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .ok_or_else(|| format!("the caller got no whole head: {}", seen.escape_ascii()))?
        + 4;
    let (status, headers) = Answer::parse_head(&seen[..head]);
    let answer = Answer { status, headers, body: seen[head..].to_vec() };
    if let Some(length) = answer.header("Content-Length")
        && length != answer.body.len().to_string()
    {
        return Err(format!("an answer of {length} bytes ended after {}", answer.body.len()));
    }
    Ok(Called { answer, took: begun.elapsed() })
}
