//! The sandbox: an offline stand-in for QFPay.
//!
//! It checks signatures with code of its own, answers as QFPay does, shows the pages that customers would meet, and
//! fails on demand ([`magic`]). It holds sandbox keys only, moves no money and posts to this machine only.
//! `docs/sandbox.md` is its manual.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::{Buf, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::watch;

use crate::credentials::App;
pub use crate::credentials::{SANDBOX_APP_CODE, SANDBOX_CLIENT_KEY};

mod answer;
mod api;
mod call;
mod cancel;
mod checkout;
mod clock;
mod console;
mod control;
mod due;
mod html;
mod lang;
mod layout;
pub mod magic;
mod notify;
mod orders;
mod outcome;
mod pages;
mod paths;
mod payer;
mod payment;
mod query;
mod quota;
mod received;
mod refund;
mod request;
mod url;
mod verify;
mod weixin;
mod wire;

use outcome::{Outcome, State};

pub(crate) use notify::{fixture, post};
pub(crate) use url::loopback;

pub use received::{Named, Received, Verdict};
pub use wire::{Dropped, Payload, Truncated, for_the_wire};

/// The longest body that is read, in bytes.
const BODY_LIMIT: usize = 1_048_576;

/// How a sandbox presents itself.
#[derive(Clone, Debug)]
pub struct Options {
    /// The base URL that customers' browsers use, without a slash at the end: `http://127.0.0.1:8790`.
    pub base: String,
    /// Requests per second and app before HTTP 429; 0 turns it off. QFPay documents 100.
    pub quota_per_second: u32,
    /// Requests per minute and app before HTTP 429; 0 turns it off. QFPay documents 400.
    pub quota_per_minute: u32,
    /// Where notifications about orders without a `notify_url` go, see [`Sandbox::register_notify_url`].
    pub notify_url: Option<String>,
    /// How many times faster than QFPay notifications are repeated. 1 is QFPay's own pace.
    pub time_scale: u32,
}

impl Default for Options {
    /// QFPay's limits and pace, and pages at relative URLs.
    fn default() -> Self {
        let base = String::new();
        Self { base, quota_per_second: 100, quota_per_minute: 400, notify_url: None, time_scale: 1 }
    }
}

/// An app that may not enter a sandbox. Never shows the key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "app '{app}' has a key that is not made for a sandbox (from {key_source}): take a key that begins with SANDBOX, \
     such as the demo key, or point upstream.base_url at QFPay"
)]
pub struct Refused {
    /// The name of the app.
    pub app: String,
    /// Where its key was read from.
    pub key_source: String,
}

/// A running sandbox. Clones share their state.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sandbox")
    }
}

struct Inner {
    apps: RwLock<Arc<[Arc<App>]>>,
    options: Options,
    clock: clock::Clock,
    notify_url: Mutex<Option<String>>,
    state: Mutex<State>,
    /// Counts what may look different on the console.
    changes: AtomicU64,
    /// Dropped with the sandbox, or sent to when all is forgotten; both end what waits.
    alive: watch::Sender<()>,
}

impl Sandbox {
    /// A sandbox for these apps.
    ///
    /// # Errors
    /// [`Refused`] when an app has a key that QFPay may have issued: the sandbox prints what it hashes, and its keys are
    /// no secrets, so a real one has no business here.
    pub fn new(apps: &[Arc<App>], options: Options) -> Result<Self, Refused> {
        refuse_real_keys(apps)?;
        let options = Options { base: options.base.trim_end_matches('/').to_owned(), ..options };
        Ok(Self(Arc::new(Inner {
            apps: RwLock::new(apps.into()),
            notify_url: Mutex::new(options.notify_url.clone()),
            options,
            clock: clock::Clock::default(),
            state: Mutex::default(),
            changes: AtomicU64::new(0),
            alive: watch::Sender::new(()),
        })))
    }

    /// Takes calls of these apps from now on, and of no other.
    ///
    /// # Errors
    /// As for [`Sandbox::new`]; it then takes those that it took before.
    pub fn take_apps(&self, apps: &[Arc<App>]) -> Result<(), Refused> {
        refuse_real_keys(apps)?;
        *self.0.apps.write().unwrap_or_else(PoisonError::into_inner) = apps.into();
        Ok(())
    }

    /// The URL for notifications about orders without a `notify_url`, as a shop registers one with QFPay by e-mail.
    ///
    /// Only plain http to a loopback address is ever posted to.
    pub fn register_notify_url(&self, url: &str) {
        let mut registered = self.0.notify_url.lock().unwrap_or_else(PoisonError::into_inner);
        *registered = Some(url.to_owned());
    }

    /// Answers one request: an API call, or a page for a browser.
    ///
    /// Bodies over 1 MiB are refused. A magic amount may take its time, up to ten minutes by the sandbox's clock; what it does to the order is
    /// done before it waits, so giving up on it changes nothing. Needs a tokio runtime: notifications are sent by tasks.
    /// Requests that web pages of other origins make are refused; whether `Host` is right is for the listener to judge.
    ///
    /// # Errors
    /// [`Dropped`] means: close the connection without an answer. A response with the extension [`Truncated`] is only
    /// the beginning of an answer; see [`for_the_wire`].
    pub async fn handle<B: Body>(&self, request: Request<B>) -> Result<Response<Full<Bytes>>, Dropped> {
        let (head, body) = request.into_parts();
        let body = match read(body).await? {
            Some(body) => body,
            None => return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is over 1 MiB\n")),
        };
        let clock = self.0.clock.waiting();
        let mut outcome = self.0.answer(&request::Arrived::new(head, body));
        for notification in outcome.notifications.drain(..) {
            notify::send(&self.0, notification);
        }
        if let Some((number, wait)) = outcome.later {
            due::wait(&self.0, number, wait);
        }
        match outcome.magic {
            Some(magic) => magic.apply(outcome.response, clock).await,
            None => Ok(outcome.response),
        }
    }

    /// The last 200 requests, oldest first, without those for the console.
    pub fn received(&self) -> Vec<Received> {
        self.0.state().received.all()
    }
}

fn refuse_real_keys(apps: &[Arc<App>]) -> Result<(), Refused> {
    match apps.iter().find(|app| !app.client_key.is_for_sandbox()) {
        Some(app) => Err(Refused { app: app.name.clone(), key_source: app.key_source.clone() }),
        None => Ok(()),
    }
}

impl Inner {
    /// The apps that it knows now.
    fn apps(&self) -> Arc<[Arc<App>]> {
        self.apps.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The state. A panic elsewhere leaves it usable: every change is complete or was not begun.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something may look different on the console from now on.
    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    fn registered_notify_url(&self) -> Option<String> {
        self.notify_url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, arrived: &request::Arrived) -> Outcome {
        if let Some(refusal) = pages::refuse(self, arrived) {
            tracing::warn!("a request to the sandbox was refused: another page made it");
            return Outcome::page(refusal); // what other pages send is not remembered as having come
        }
        let outcome = api::answer(self, arrived)
            .or_else(|| pages::answer(self, arrived))
            .unwrap_or_else(|| Outcome::page(plain(StatusCode::NOT_FOUND, "QFPay has no such path\n")));
        if pages::is_of_the_console(&arrived.path) {
            if arrived.method != Method::GET {
                self.changed();
            }
            return outcome; // looking at the log does not fill it
        }
        let status = outcome.response.status().as_u16();
        let headers = arrived.headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        self.state().received.push(Received {
            sequence: 0,
            at: self.clock.now(),
            method: arrived.method.to_string(),
            target: arrived.target(),
            headers: headers.collect(),
            body: arrived.body.clone(),
            app: outcome.app.clone(),
            canonical: outcome.canonical.clone(),
            verdict: outcome.verdict.clone(),
            respcd: outcome.respcd.clone(),
            named: outcome.named.clone(),
            place: arrived.place,
            answer: outcome.said.clone(),
            status: outcome.magic.map_or(Some(status), |magic| magic.status(status)),
        });
        self.changed();
        outcome
    }
}

/// The whole body; none if it is too long.
async fn read<B: Body>(body: B) -> Result<Option<Bytes>, Dropped> {
    let mut body = std::pin::pin!(body);
    let mut whole = BytesMut::new();
    while let Some(frame) = body.as_mut().frame().await {
        // The caller has disconnected, so there is no answer to send.
        let Ok(frame) = frame else { return Err(Dropped) };
        let Ok(mut data) = frame.into_data() else { continue };
        if whole.len() + data.remaining() > BODY_LIMIT {
            return Ok(None);
        }
        let length = data.remaining();
        whole.extend_from_slice(&data.copy_to_bytes(length));
    }
    Ok(Some(whole.freeze()))
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}
