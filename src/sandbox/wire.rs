//! Answers that break off: what a caller of [`super::Sandbox::handle`] does with them.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use tokio::time::Sleep;

/// The sandbox closes the connection without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sandbox closed the connection")
    }
}

impl std::error::Error for Dropped {}

/// An extension of a response whose body is only the beginning of the answer.
///
/// hyper writes no `Content-Length` that a [`Full`] body contradicts, so a server passes the response through
/// [`for_the_wire`]; a caller in the same process takes this extension as "the connection broke off".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// The length in bytes that the answer claims to have.
    pub declared: u64,
}

/// A body that may break off before its end.
#[derive(Debug)]
pub struct Payload {
    full: Full<Bytes>,
    breaks_off: Option<(Truncated, Pin<Box<Sleep>>)>,
}

/// Makes a response ready for a hyper server: a truncated one gets its `Content-Length` and fails after its bytes.
pub fn for_the_wire(response: Response<Full<Bytes>>) -> Response<Payload> {
    let (mut head, full) = response.into_parts();
    let breaks_off = head.extensions.remove::<Truncated>();
    if let Some(truncated) = breaks_off {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(truncated.declared));
    }
    // hyper drops what it has not flushed when a body fails: a moment of waiting lets the first half out.
    let breaks_off = breaks_off.map(|it| (it, Box::pin(tokio::time::sleep(Duration::from_millis(50)))));
    Response::from_parts(head, Payload { full, breaks_off })
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        match ready!(Pin::new(&mut self.full).poll_frame(context)) {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(Err(never)) => match never {},
            None => match &mut self.breaks_off {
                None => Poll::Ready(None),
                Some((_, moment)) => {
                    ready!(moment.as_mut().poll(context));
                    Poll::Ready(Some(Err(Dropped)))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.breaks_off.is_none() && self.full.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // An unknown size makes hyper trust the Content-Length that stands in the head.
        if self.breaks_off.is_some() { SizeHint::default() } else { self.full.size_hint() }
    }
}
