//! The body of an answer: its reader drives the connection that it comes from.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body as _, Incoming};
use tokio::task::consume_budget;
use tokio::time::Instant;

use super::connection::Connection;

/// Why a body does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection broke, or what came was no body.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// Nothing more came in time.
    #[error("nothing more came in time")]
    Late,
}

/// A body, and its connection. Nothing is read ahead: while the reader does not poll, the peer waits.
#[derive(Debug)]
pub(crate) struct Body {
    incoming: Incoming,
    /// Whether all of it was read.
    ended: bool,
    connection: Box<Connection>,
}

impl Body {
    pub(super) fn new(incoming: Incoming, connection: Box<Connection>) -> Self {
        Self { incoming, ended: false, connection }
    }

    /// Its length, when the head says it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// The next bytes, or none at the end.
    ///
    /// # Errors
    /// [`BodyError`] when it breaks off, or when nothing came until then.
    pub(crate) async fn data(&mut self, until: Instant) -> Result<Option<Bytes>, BodyError> {
        // A peer that never pauses neither keeps other tasks waiting nor outlives its time.
        consume_budget().await;
        if Instant::now() >= until {
            return Err(BodyError::Late);
        }
        let Self { incoming, ended, connection } = self;
        let data = std::future::poll_fn(|cx| {
            let mut driven = false;
            while !incoming.is_end_stream() {
                match Pin::new(&mut *incoming).poll_frame(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(None) => break,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                    Poll::Ready(Some(Ok(frame))) => {
                        // Trailers say nothing to anybody here.
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(Ok(Some(data)));
                        }
                    }
                    // Only a body that was asked for is read by hyper, and only driving brings it: it need not wake.
                    Poll::Pending if !driven => {
                        connection.drive(cx);
                        driven = true;
                    }
                    Poll::Pending => return connection.wait(until, cx).map(|()| Err(BodyError::Late)),
                }
            }
            *ended = true;
            Poll::Ready(Ok(None))
        })
        .await;
        connection.waited();
        data
    }

    /// The connection, once the body was read to its end; none if it takes no further request.
    pub(crate) fn into_connection(self) -> Option<Box<Connection>> {
        Some(self.connection).filter(|connection| self.ended && connection.is_ready())
    }
}
