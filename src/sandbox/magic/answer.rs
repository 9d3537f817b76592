//! What reaches the caller of a magic amount.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};

use super::super::clock::Waiting;
use super::super::wire::{Dropped, Truncated};
use super::Answer;

/// How long the sandbox leaves a call hanging before it closes the connection.
const HANG: Duration = Duration::from_secs(600);

impl Answer {
    /// What reaches the caller in place of the usual response. Takes its time where the table says so.
    pub(in super::super) async fn apply(
        self,
        usual: Response<Full<Bytes>>,
        mut clock: Waiting,
    ) -> Result<Response<Full<Bytes>>, Dropped> {
        match self {
            Self::Drop => Err(Dropped),
            Self::Hang => {
                clock.sleep(HANG).await;
                Err(Dropped)
            }
            Self::Late(seconds) => {
                clock.sleep(Duration::from_secs(seconds)).await;
                Ok(usual)
            }
            Self::Truncated => {
                let (mut head, body) = usual.into_parts();
                let whole = bytes_of(body).await;
                head.extensions.insert(Truncated { declared: whole.len() as u64 });
                Ok(Response::from_parts(head, Full::new(whole.slice(..whole.len() / 2))))
            }
            Self::Usual | Self::Respcd(_) | Self::NotJson | Self::Html(_) | Self::Redirect(_) => Ok(usual),
        }
    }

    /// The HTTP status that the caller sees; none if there is no answer.
    pub(in super::super) fn status(self, usual: u16) -> Option<u16> {
        match self {
            Self::Drop | Self::Hang => None,
            Self::Html(status) | Self::Redirect(status) => Some(status),
            _ => Some(usual),
        }
    }

    /// Whether the caller gets to read QFPay's JSON, or at least some of it.
    pub(in super::super) fn tells_json(self) -> bool {
        self.tells_respcd() || matches!(self, Self::Truncated | Self::NotJson)
    }

    /// Whether the caller gets to read a `respcd`.
    pub(in super::super) fn tells_respcd(self) -> bool {
        matches!(self, Self::Usual | Self::Respcd(_) | Self::Late(_))
    }

    /// A response that is not QFPay's JSON, or nothing if the usual one stands.
    pub(in super::super) fn instead(self) -> Option<Response<Full<Bytes>>> {
        let (status, location) = match self {
            Self::Html(status) => (status, None),
            Self::Redirect(status) => (status, Some(HeaderValue::from_static("/elsewhere"))),
            _ => return None,
        };
        let page = format!(
            "<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>nginx</body></html>\n"
        );
        let mut response = Response::new(Full::new(Bytes::from(page)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        if let Some(location) = location {
            response.headers_mut().insert(LOCATION, location);
        }
        Some(response)
    }
}

async fn bytes_of(body: Full<Bytes>) -> Bytes {
    // A full body cannot fail: its error type has no values.
    #[expect(clippy::disallowed_methods, reason = "all of it is in memory already")]
    match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(never) => match never {},
    }
}
