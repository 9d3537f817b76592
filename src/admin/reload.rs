//! `POST /reload`: reads the configuration again, for the sidecar's own user and root only.

use bytes::Bytes;
use http_body_util::Full;
use hyper::http::header::CONTENT_TYPE;
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use tokio::sync::{mpsc, oneshot};

use super::answer;
use crate::server::Peer;

/// How many who ask may wait to be heard; further ones wait before that.
const WAITING: usize = 16;

/// Asks for reloads. Clones ask the same one.
#[derive(Clone, Debug)]
pub struct Reload(mpsc::Sender<Asked>);

/// A wish for a reload, whose reading begins after the wish was made.
#[derive(Debug)]
pub struct Asked {
    by: &'static str,
    answer: oneshot::Sender<Outcome>,
}

/// What came of a reload: what is in force now, or why nothing changed.
pub type Outcome = Result<String, String>;

impl Reload {
    /// One who asks, and where the wishes arrive.
    pub fn channel() -> (Self, mpsc::Receiver<Asked>) {
        let (ask, asked) = mpsc::channel(WAITING);
        (Self(ask), asked)
    }

    /// Asks for a reload, and waits for what comes of it. `by` says who asks, for the log.
    pub async fn ask(&self, by: &'static str) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let gone = || "the sidecar is shutting down; nothing was changed".to_owned();
        self.0.send(Asked { by, answer }).await.map_err(|_| gone())?;
        outcome.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Asked {
    /// Who asks.
    pub fn by(&self) -> &'static str {
        self.by
    }

    /// Tells them. They may have gone away.
    pub fn tell(self, outcome: Outcome) {
        let _ = self.answer.send(outcome);
    }
}

/// Answers `POST /reload`: 200 once the new configuration is in force, 422 with every reason when nothing changed.
pub(super) async fn respond(reload: &Reload, head: &Parts, peer: &Peer) -> Response<Full<Bytes>> {
    if let Err(why) = may_change(head, peer) {
        tracing::warn!(detail = why, user = %peer.user, "a request to reload was refused");
        return answer(
            StatusCode::FORBIDDEN,
            format!("{why} (user of the process that asks: {})\n", peer.user),
        );
    }
    match reload.ask("POST /reload").await {
        Ok(done) => answer(StatusCode::OK, format!("{done}\n")),
        Err(why) => answer(StatusCode::UNPROCESSABLE_ENTITY, format!("{why}\n")),
    }
}

/// Whether a request may change something: no page of a browser makes it without a preflight, and its process is root's or of
/// the sidecar's own user, as the kernel says.
fn may_change(head: &Parts, peer: &Peer) -> Result<(), &'static str> {
    let is_json = head.headers.get(CONTENT_TYPE).is_some_and(|value| {
        let kind = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
    });
    if head.method != Method::POST || !is_json {
        return Err("send this with POST and Content-Type: application/json, as `qfpay-sidecar reload` does");
    }
    let own = rustix::process::geteuid().as_raw();
    match peer.user.uid() {
        Some(user) if user == 0 || user == own => Ok(()),
        Some(_) => Err("only root and the sidecar's own user may do this"),
        None => Err(
            "only root and the sidecar's own user may do this, and who asks is not known; run `qfpay-sidecar reload` as one \
             of them on this machine, or send the process SIGHUP",
        ),
    }
}
