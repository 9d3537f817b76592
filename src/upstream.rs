//! Sending to QFPay: verified connections, one request at a time on each, a deadline for every step, and for every
//! outcome an honest [`Delivery`].

mod answer;
mod error;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use hyper::Response;
use hyper::http::StatusCode;
use tokio::time::{Instant, timeout_at};

use crate::base_url::UpstreamUrl;
use crate::client::{
    self, BadRoots, BodyError, Broken, ConnectError, Connection, Connector, Late, Pool, Proxy, Times,
};
use crate::outbound::SignedRequest;
use crate::runtime::PerWorker;
use answer::Reader;

pub use answer::{Answer, AnswerBody, Body, End};
pub use error::{Delivery, SendError};
pub use settings::{Settings, Target, VerifyResponses};

/// The way to QFPay.
#[derive(Debug)]
pub struct Upstream {
    base: UpstreamUrl,
    connector: Connector,
    /// Whom connections go through, without credentials.
    proxy: Option<Arc<Proxy>>,
    /// A connection belongs to the runtime that opened it.
    pools: Arc<PerWorker<Arc<Pool>>>,
    reader: Reader,
    settings: Settings,
    /// What connections are made with: kept ones serve another configuration only if it is the same there.
    roots: Option<Vec<u8>>,
}

impl Upstream {
    /// Connects nowhere yet, and later through `proxy`, unless the host is plain http on this machine. Each of `workers` has
    /// connections of its own. `roots` is PEM text that replaces the built-in authorities.
    ///
    /// # Errors
    /// [`BadRoots`] when the PEM text holds no usable certificate.
    pub fn new(
        base: UpstreamUrl,
        settings: Settings,
        proxy: Option<Arc<Proxy>>,
        workers: usize,
        roots: Option<&[u8]>,
    ) -> Result<Self, BadRoots> {
        let connector = Connector::new(
            settings.connect_timeout,
            settings.tls_timeout,
            settings.answer_head_bytes,
            roots,
        )?
        .through(proxy.clone());
        let pools = Arc::new(PerWorker::new(workers, || Pool::new(settings.pool_idle_timeout)));
        let reader =
            Reader::new(settings.answer_whole_bytes, settings.answer_memory_bytes, settings.call_timeout);
        Ok(Self { base, connector, proxy, pools, reader, settings, roots: roots.map(<[u8]>::to_vec) })
    }

    /// The way to QFPay of another configuration. Kept connections stay, unless they lead elsewhere, by another way, or were
    /// verified otherwise; the memory for answers is the same.
    ///
    /// # Errors
    /// As for [`Upstream::new`].
    pub fn renewed(
        &self,
        base: UpstreamUrl,
        settings: Settings,
        proxy: Option<Arc<Proxy>>,
        workers: usize,
        roots: Option<&[u8]>,
    ) -> Result<Self, BadRoots> {
        let mut renewed = Self::new(base, settings, proxy, workers, roots)?;
        renewed.reader = self.reader.renewed(renewed.settings.call_timeout);
        let same = renewed.base == self.base
            && renewed.proxy == self.proxy
            && renewed.roots == self.roots
            && renewed.settings.pool_idle_timeout == self.settings.pool_idle_timeout;
        if same {
            renewed.pools = self.pools.clone();
        }
        Ok(renewed)
    }

    /// The host that requests are signed for.
    pub fn base(&self) -> &UpstreamUrl {
        &self.base
    }

    /// How long a call may take.
    pub fn longest_call(&self) -> Duration {
        self.settings.call_timeout
    }

    /// When a call that begins now must be over.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.settings.call_timeout
    }

    /// Sends a request once, and reads its answer, both before `deadline`. [`Answer::accepted`] gives the connection back.
    ///
    /// Once means: at most one connection ever sees a byte of it. A kept connection that turns out to be closed before it
    /// took any is replaced by another.
    ///
    /// # Errors
    /// [`SendError`], whose [`SendError::delivery`] says whether the caller may try again.
    pub async fn send(&self, request: SignedRequest, deadline: Instant) -> Result<Answer, SendError> {
        let Settings { write_timeout: write, first_byte_timeout: first_byte, .. } = self.settings;
        let times = Times { write, first_byte, deadline };
        let mut request = request.into_request();
        while let Some(kept) = self.pools.own().take() {
            match kept.exchange(request, times).await {
                Err(Broken::NotStarted { request: Some(unsent), .. }) => request = unsent,
                begun => return self.read(begun, deadline).await,
            }
        }
        let fresh = Box::pin(self.connect(deadline)).await?;
        self.read(fresh.exchange(request, times).await, deadline).await
    }

    async fn connect(&self, deadline: Instant) -> Result<Box<Connection>, SendError> {
        let host = self.base.to_string();
        let Ok(connected) = timeout_at(deadline, self.connector.connect(&self.base.uri())).await else {
            return Err(self.late(Late::Deadline, false));
        };
        let proxy = self.proxy.as_ref().filter(|_| self.base.is_https());
        let through = |host: String| match proxy {
            Some(proxy) => format!("{host} through the proxy {proxy}"),
            None => host,
        };
        connected.map_err(|error| match error {
            ConnectError::Failed(cause) => SendError::NotConnected { host, cause },
            ConnectError::NoTunnel(cause) => SendError::NotConnected { host: through(host), cause },
            ConnectError::TcpTimedOut => SendError::ConnectTimedOut {
                host: through(host),
                setting: "upstream.connect_timeout_ms",
                after: self.settings.connect_timeout,
            },
            ConnectError::TlsTimedOut => SendError::ConnectTimedOut {
                host: through(host),
                setting: "upstream.tls_timeout_ms",
                after: self.settings.tls_timeout,
            },
        })
    }

    async fn read(
        &self,
        begun: Result<Response<client::Body>, Broken>,
        deadline: Instant,
    ) -> Result<Answer, SendError> {
        let host = || self.base.to_string();
        let answer = begun.map_err(|broken| match broken {
            Broken::NotStarted { cause, .. } => SendError::NotConnected { host: host(), cause },
            Broken::Died(cause) => SendError::NoAnswer { host: host(), cause },
            Broken::HeadTooLarge => SendError::HeadTooLarge { host: host() },
            Broken::Late { which, sent } => self.late(which, sent),
        })?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let cause = "it switched protocols, which nobody asked for".into();
            return Err(SendError::NoAnswer { host: host(), cause });
        }
        self.reader.read(answer, deadline, self.pools.own()).await.map_err(|error| match error {
            BodyError::Late => self.late(Late::Deadline, true),
            BodyError::Broken(error) => {
                SendError::Truncated { host: host(), cause: client::Cause::of(&error) }
            }
        })
    }

    fn late(&self, which: Late, sent: bool) -> SendError {
        let settings = &self.settings;
        let (what, setting, after) = match which {
            Late::Write => {
                ("the request was not taken by", "upstream.write_timeout_ms", settings.write_timeout)
            }
            Late::FirstByte => {
                ("no answer began from", "upstream.first_byte_timeout_ms", settings.first_byte_timeout)
            }
            Late::Deadline => ("no whole answer from", "upstream.call_timeout_ms", settings.call_timeout),
        };
        SendError::TimedOut { what, host: self.base.to_string(), setting, after, sent }
    }
}
