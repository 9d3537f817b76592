//! Wiring: a configuration becomes listeners, services and a way to QFPay. Nothing else happens here.

mod notifications;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use tokio::sync::{Semaphore, watch};

use crate::admin::Admin;
use crate::api::Api;
use crate::base_url::UpstreamUrl;
use crate::browser::Pages;
use crate::config::{Config, Target, files};
use crate::metrics::Metrics;
use crate::notification::Notifications;
use crate::sandbox::{self, Sandbox};
use crate::server::{self, Address, CloseConnection, Limits, Listener};
use crate::sign::Verifier;
use crate::upstream::{BadRoots, Settings, Upstream};

/// Why the process cannot start although its configuration is right.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken, or not ours.
    #[error("{setting}: cannot listen on {address}: {cause}; choose another address or stop what uses it")]
    Bind {
        /// The setting that holds the address.
        setting: &'static str,
        /// The address.
        address: Address,
        /// What the system says.
        cause: io::Error,
    },
    /// The file of certificate authorities.
    #[error("{setting}: {file}: {cause}")]
    CaFile {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A key that has no business in a sandbox.
    #[error(transparent)]
    Sandbox(#[from] sandbox::Refused),
}

impl StartError {
    fn ca_file(setting: &'static str, path: &Path, cause: impl fmt::Display) -> Self {
        Self::CaFile { setting, file: path.display().to_string(), cause: cause.to_string() }
    }
}

/// For answers to callers whose calls are given up at the end.
const TIME_TO_TELL: Duration = Duration::from_secs(1);

/// Bound and ready to serve.
pub struct Sidecar {
    api: Arc<Api>,
    admin: Admin,
    cut_off: watch::Sender<bool>,
    api_listener: Listener,
    admin_listener: Option<Listener>,
    notifications: Option<(Listener, Arc<Notifications>)>,
    sandbox: Option<(Listener, Sandbox)>,
    limits: Limits,
    in_flight: u32,
}

impl Sidecar {
    /// Binds every listener and prepares the way to QFPay. Calls are accepted from here on, and answered once
    /// [`Sidecar::serve`] runs.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let sandbox = match &config.upstream.target {
            Target::Sandbox => Some(start_sandbox(config).await?),
            Target::Live(_) => None,
        };
        let (base, browser_base) = match (&config.upstream.target, &sandbox) {
            (Target::Live(base), _) => (base.clone(), config.upstream.browser_base_url.clone()),
            (Target::Sandbox, Some((_, _, base))) => (base.clone(), base.clone()),
            (Target::Sandbox, None) => unreachable!("the sandbox was started above"),
        };
        let api_listener = bind("listen.api", &config.listen.api).await?;
        let admin_listener = match &config.listen.admin {
            Some(address) => Some(bind("listen.admin", address).await?),
            None => None,
        };

        let notification_listener = match &config.listen.notifications {
            Some(address) => Some(bind("listen.notifications", address).await?),
            None => None,
        };

        let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
        let draining = Arc::new(AtomicBool::new(false));
        let (cut_off, given_up) = watch::channel(false);
        let api = Api {
            keyring: config.keyring.clone(),
            verifiers: Verifier::all(&config.keyring),
            verify_responses: config.upstream.verify_responses,
            notification_bytes: config.notifications.body_bytes,
            routes: config.routes.clone(),
            empty: config.empty,
            body_bytes: config.limits.body_bytes,
            body_timeout: config.limits.body_timeout,
            pages: Pages {
                base: base.clone(),
                browser_base,
                allowed_redirect_hosts: config.browser.allowed_redirect_hosts.clone(),
                checkout_sign_type: config.checkout.sign_type,
                checkout_sign_type_spelling: config.checkout.sign_type_spelling.clone(),
                checkout_sign_lang: config.checkout.sign_lang,
            },
            upstream: upstream(config, base)?,
            metrics: metrics.clone(),
            in_flight: Arc::new(Semaphore::new(config.limits.in_flight)),
            draining: draining.clone(),
            cut_off: given_up,
            allowed_hosts: config.listen.allowed_hosts.clone(),
            browser_pages: config.browser.pages.clone(),
        };
        let notifications = match notification_listener {
            Some(listener) => {
                Some((listener, Arc::new(notifications::prepare(config, &metrics, &draining)?)))
            }
            None => None,
        };
        Ok(Self {
            api: Arc::new(api),
            admin: Admin { metrics, draining },
            cut_off,
            api_listener,
            admin_listener,
            notifications,
            sandbox: sandbox.map(|(listener, sandbox, _)| (listener, sandbox)),
            limits: Limits {
                connections: config.limits.connections,
                header_timeout: config.limits.header_timeout,
                idle_timeout: config.limits.idle_timeout,
                drain: config.limits.shutdown_timeout,
            },
            in_flight: u32::try_from(config.limits.in_flight).unwrap_or(u32::MAX),
        })
    }

    /// Where callers connect.
    pub fn api_address(&self) -> &Address {
        self.api_listener.address()
    }

    /// Where probes and scrapers connect.
    pub fn admin_address(&self) -> Option<&Address> {
        self.admin_listener.as_ref().map(Listener::address)
    }

    /// Where QFPay's notifications arrive.
    pub fn notification_address(&self) -> Option<&Address> {
        self.notifications.as_ref().map(|(listener, _)| listener.address())
    }

    /// Where the embedded sandbox listens.
    pub fn sandbox_address(&self) -> Option<&Address> {
        self.sandbox.as_ref().map(|(listener, _)| listener.address())
    }

    /// The embedded sandbox.
    pub fn sandbox(&self) -> Option<Sandbox> {
        self.sandbox.as_ref().map(|(_, sandbox)| sandbox.clone())
    }

    /// Serves until `shutdown` completes, then finishes what is in flight.
    ///
    /// Returns whether everything was finished within `limits.shutdown_timeout_ms`.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> bool {
        // Dropped at the end, when calls in flight need neither probes nor the sandbox any more.
        let (alive, ended) = watch::channel(());
        let end = || gone(ended.clone());
        if let Some((listener, sandbox)) = self.sandbox {
            tokio::spawn(serve_sandbox(listener, sandbox, self.limits, end()));
        }
        let draining = self.admin.draining.clone();
        if let Some(listener) = self.admin_listener {
            let admin = self.admin;
            let handler = move |request: Request<Incoming>| {
                let response = admin.handle(&request);
                async move { Ok(response) }
            };
            tokio::spawn(server::serve(listener, handler, self.limits, end()));
        }

        let api = self.api.clone();
        let handler = move |request: Request<Incoming>| {
            let api = api.clone();
            async move { Ok(api.handle(request).await) }
        };
        let (open, closed) = watch::channel(());
        let shutdown = async move {
            shutdown.await;
            draining.store(true, Ordering::Relaxed);
            drop(open);
            // At the deadline calls are given up, and a moment is left in which their callers are told.
            tokio::spawn(async move {
                tokio::time::sleep(self.limits.drain).await;
                self.cut_off.send_replace(true);
            });
        };
        let until_told = Limits { drain: self.limits.drain + TIME_TO_TELL, ..self.limits };
        let calls = async {
            let drained = server::serve(self.api_listener, handler, until_told, shutdown).await;
            // Calls whose caller hung up have no connection any more, but their outcome is still awaited: at the latest
            // the deadline ends them.
            let _all = self.api.in_flight.acquire_many(self.in_flight).await;
            drained && !self.api.is_given_up()
        };
        let notifications =
            notifications::serve(self.notifications, self.in_flight, self.limits, gone(closed));
        let (calls, notifications) = tokio::join!(calls, notifications);
        drop(alive);
        calls && notifications
    }
}

/// Completes when the sender is gone, which is the signal.
async fn gone(mut sender: watch::Receiver<()>) {
    // The error is what was waited for: nothing is ever sent.
    let _ = sender.changed().await;
}

/// Whether every place is free again in time.
async fn all_free(places: &Semaphore, all: u32, limits: Limits) -> bool {
    tokio::time::timeout(limits.drain, places.acquire_many(all)).await.is_ok()
}

async fn bind(setting: &'static str, address: &Address) -> Result<Listener, StartError> {
    let bound = Listener::bind(address).await;
    bound.map_err(|cause| StartError::Bind { setting, address: address.clone(), cause })
}

/// Binds the sandbox, which must know its own address to show pages to browsers.
async fn start_sandbox(config: &Config) -> Result<(Listener, Sandbox, UpstreamUrl), StartError> {
    let listener = bind("sandbox.listen", &config.sandbox.listen).await?;
    let base = UpstreamUrl::parse(&listener.address().to_string())
        .expect("the configuration takes only loopback TCP addresses for the sandbox");
    let options = sandbox::Options {
        base: base.to_string(),
        quota_per_second: config.sandbox.quota_per_second,
        quota_per_minute: config.sandbox.quota_per_minute,
        notify_url: config.sandbox.notify_url.clone(),
        time_scale: config.sandbox.time_scale,
    };
    let sandbox = Sandbox::new(config.keyring.apps(), options)?;
    Ok((listener, sandbox, base))
}

async fn serve_sandbox(
    listener: Listener,
    sandbox: Sandbox,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> bool {
    let handler = move |request: Request<Incoming>| {
        let sandbox = sandbox.clone();
        async move {
            let answered = sandbox.handle(request).await;
            answered.map(sandbox::for_the_wire).map_err(|sandbox::Dropped| CloseConnection)
        }
    };
    server::serve(listener, handler, limits, shutdown).await
}

fn upstream(config: &Config, base: UpstreamUrl) -> Result<Upstream, StartError> {
    let settings = Settings {
        connect_timeout: config.upstream.connect_timeout,
        call_timeout: config.upstream.call_timeout,
        pool_idle_timeout: config.upstream.pool_idle_timeout,
        answer_whole_bytes: config.limits.answer_whole_bytes,
    };
    with_roots("upstream.ca_file", config.upstream.ca_file.as_deref(), |roots| {
        Upstream::new(base, settings, roots)
    })
}

/// Makes a client with the authorities of a file, or with the built-in ones.
fn with_roots<C>(
    setting: &'static str,
    ca_file: Option<&Path>,
    make: impl FnOnce(Option<&[u8]>) -> Result<C, BadRoots>,
) -> Result<C, StartError> {
    let Some(path) = ca_file else {
        return Ok(make(None).unwrap_or_else(|_| unreachable!("the built-in authorities are usable")));
    };
    let pem = files::read(path).map_err(|cause| StartError::ca_file(setting, path, cause))?;
    make(Some(&pem)).map_err(|cause| StartError::ca_file(setting, path, cause))
}

/// The sandbox alone, for a sidecar or a shop in another process.
pub struct StandaloneSandbox {
    listener: Listener,
    sandbox: Sandbox,
    limits: Limits,
}

impl StandaloneSandbox {
    /// Binds `sandbox.listen`.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let (listener, sandbox, _) = start_sandbox(config).await?;
        let limits = Limits {
            connections: config.limits.connections,
            header_timeout: config.limits.header_timeout,
            idle_timeout: config.limits.idle_timeout,
            drain: Duration::from_secs(1),
        };
        Ok(Self { listener, sandbox, limits })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        self.listener.address()
    }

    /// Serves until `shutdown` completes. What hangs on purpose is cut off after a second.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        serve_sandbox(self.listener, self.sandbox, self.limits, shutdown).await;
    }
}
