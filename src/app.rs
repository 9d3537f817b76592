//! Wiring: a configuration becomes listeners, services and a way to QFPay. Nothing else happens here.

mod changes;
mod lasting;
mod look;
mod nofile;
mod notifications;
mod refusals;
mod reload;
mod sandbox;
mod serve;
mod services;
mod watch;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use crate::admin::Reload;
use crate::client::BadRoots;
use crate::config::{Config, Files, files};
use crate::orders::journal::CannotOpen;
use crate::sandbox::{Refused, Sandbox};
use crate::server::{Address, CannotListen, Limits, Listener, Passed, Stage, UserLookup};
use crate::systemd::Manager;
use crate::upstream::Target;

use lasting::Lasting;
pub use look::look;
pub use reload::Read;
use reload::{Reading, Reloader, Settled};
pub use sandbox::StandaloneSandbox;
use sandbox::start_sandbox;
use services::{Current, Services};
use watch::Watched;

/// Why the process cannot start although its configuration is right.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken, or not ours.
    #[error("{place}{setting}: cannot listen on {address}: {cause}; {}", remedy(.cause))]
    Bind {
        /// Where the setting was written.
        place: String,
        /// The setting that holds the address.
        setting: &'static str,
        /// The address.
        address: Address,
        /// What the system says.
        cause: io::Error,
    },
    /// `listen.socket_user` or `listen.socket_group` asks for more than the process may do.
    #[error(
        "{place}{setting}: {address}: listen.socket_user and listen.socket_group: {cause}; only root changes a file's user, and its \
         group only to one that the process belongs to. Or let systemd make the socket: \
         examples/deploy/qfpay-sidecar.socket"
    )]
    SocketOwner {
        /// Where the setting was written.
        place: String,
        /// The setting that holds the address.
        setting: &'static str,
        /// The address.
        address: Address,
        /// What the system says.
        cause: io::Error,
    },
    /// What systemd passed is no listening socket.
    #[error("systemd passed a descriptor that is no listening socket: {0}")]
    Passed(io::Error),
    /// systemd listens where no setting says so.
    #[error(
        "systemd passed a socket that listens on {0}, and no setting names this address: set listen.api, listen.admin or \
         listen.notifications to it, to the letter, or take it out of the socket unit"
    )]
    Unexpected(String),
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
    /// The journal.
    #[error("{place}journal.file: {file}: {cause}")]
    Journal {
        /// Where the setting was written.
        place: String,
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: CannotOpen,
    },
    /// A key with which nothing can be signed.
    #[error("app '{app}': what its client_key signs is not verified by it")]
    Key {
        /// The name of the app.
        app: String,
    },
    /// A key that has no business in a sandbox.
    #[error(transparent)]
    Sandbox(#[from] Refused),
}

impl StartError {
    fn journal(config: &Config, file: &Path, cause: CannotOpen) -> Self {
        let place = config.need_restart.place("journal.file");
        Self::Journal { place, file: file.display().to_string(), cause }
    }

    fn ca_file(setting: &'static str, path: &Path, cause: impl fmt::Display) -> Self {
        Self::CaFile { setting, file: path.display().to_string(), cause: cause.to_string() }
    }
}

/// Bound and ready to serve.
pub struct Sidecar {
    services: Current,
    lasting: Arc<Lasting>,
    reloader: Option<Reloader>,
    reload: Option<Reload>,
    /// At least one.
    api_listeners: Vec<Listener>,
    admin_listener: Option<Listener>,
    notification_listener: Option<Listener>,
    sandbox: Option<(Listener, Sandbox)>,
    limits: Limits,
    workers: usize,
    manager: Manager,
}

impl Sidecar {
    /// Binds every listener and prepares the way to QFPay. Calls are accepted from here on, and answered once
    /// [`Sidecar::serve`] runs.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_with(config, Passed::default()).await
    }

    /// The same, with sockets that are listening already (systemd's): each takes the place of the listener of its address.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault, or the socket that no setting wants.
    pub async fn start_with(config: &Config, mut passed: Passed) -> Result<Self, StartError> {
        nofile::provide(config);
        let (sandbox, sandbox_base) = match &config.upstream.target {
            Target::Live(_) => (None, None),
            Target::Sandbox => {
                let (listener, sandbox, base) = start_sandbox(config).await?;
                (Some((listener, sandbox)), Some(base))
            }
        };
        let listen = &config.listen;
        let lasting = Arc::new(Lasting::new(config, sandbox_base)?);
        let mut api_listeners = Vec::new();
        for address in &listen.api {
            let bound = bind("listen.api", address, config, &mut passed).await?;
            api_listeners.push(bound.with_users(&lasting.users));
        }
        let admin_listener = match &listen.admin {
            Some(address) => Some(bind("listen.admin", address, config, &mut passed).await?),
            None => None,
        };
        let notification_listener = match &listen.notifications {
            Some(address) => Some(bind("listen.notifications", address, config, &mut passed).await?),
            None => None,
        };
        if let Some(address) = passed.left().first() {
            return Err(StartError::Unexpected(address.to_string()));
        }

        let services = Current::new(Services::new(config, &lasting).await?);
        lasting.users.set(config.access.names_users());
        Ok(Self {
            services,
            lasting,
            api_listeners,
            reloader: None,
            reload: None,
            admin_listener,
            notification_listener,
            sandbox,
            limits: config.limits.server,
            workers: config.runtime.workers,
            manager: Manager::default(),
        })
    }

    /// Whom it tells how it does, and that its runtimes turn.
    pub fn under(self, manager: Manager) -> Self {
        Self { manager, ..self }
    }

    /// How it does, in a few words, whenever asked.
    pub fn status(&self) -> impl Fn() -> String + Send + use<> {
        let (metrics, shutdown) = (self.lasting.api.metrics.clone(), self.lasting.api.shutdown.clone());
        move || match shutdown.has_reached(Stage::Draining) {
            true => format!("ending: {}", metrics.figures()),
            false => format!("serving: {}", metrics.figures()),
        }
    }

    /// Lets the configuration be read again while it serves: `config` is the one that it was started with, `files` what that
    /// was read from since `read_at`, and `read` reads it anew. Whoever has what this returns may ask for it.
    ///
    /// # Errors
    /// The system gives no thread to watch the files.
    pub fn reload_with(
        &mut self,
        config: &Config,
        files: Files,
        read_at: SystemTime,
        read: Read,
    ) -> io::Result<Reload> {
        let (reload, asked) = Reload::channel();
        let watched = tokio::sync::watch::Sender::new(Watched { on: config.watch, files, read_at });
        watch::start(watched.subscribe(), reload.clone())?;
        let reading = Arc::new(Reading {
            read,
            services: self.services.clone(),
            lasting: self.lasting.clone(),
            sandbox: self.sandbox(),
            settled: Settled::of(config),
            written: Mutex::new(config.written.clone()),
            watched,
        });
        self.reloader = Some(Reloader { asked, reading });
        self.reload = Some(reload.clone());
        // Only root and the own user may ask over HTTP.
        let users = UserLookup::default();
        users.set(true);
        self.admin_listener = self.admin_listener.take().map(|listener| listener.with_users(&users));
        Ok(reload)
    }

    /// Where callers connect: the first of the addresses.
    pub fn api_address(&self) -> &Address {
        self.api_listeners[0].address()
    }

    /// Where callers connect: every address, in the order of `listen.api`.
    pub fn api_addresses(&self) -> impl Iterator<Item = &Address> {
        self.api_listeners.iter().map(Listener::address)
    }

    /// Where probes and scrapers connect.
    pub fn admin_address(&self) -> Option<&Address> {
        self.admin_listener.as_ref().map(Listener::address)
    }

    /// Where QFPay's notifications arrive.
    pub fn notification_address(&self) -> Option<&Address> {
        self.notification_listener.as_ref().map(Listener::address)
    }

    /// Where the embedded sandbox listens.
    pub fn sandbox_address(&self) -> Option<&Address> {
        self.sandbox.as_ref().map(|(listener, _)| listener.address())
    }

    /// The embedded sandbox.
    pub fn sandbox(&self) -> Option<Sandbox> {
        self.sandbox.as_ref().map(|(_, sandbox)| sandbox.clone())
    }
}

async fn bind(
    setting: &'static str,
    address: &Address,
    config: &Config,
    passed: &mut Passed,
) -> Result<Listener, StartError> {
    let bound = Listener::bind_or_take(address, &config.listen.socket_file, passed).await;
    bound.map_err(|cannot| cannot_listen(setting, address, config, cannot))
}

fn cannot_listen(
    setting: &'static str,
    address: &Address,
    config: &Config,
    cannot: CannotListen,
) -> StartError {
    let (place, address) = (config.need_restart.place(setting), address.clone());
    match cannot {
        CannotListen::System(cause) => StartError::Bind { place, setting, address, cause },
        CannotListen::Owner(cause) => StartError::SocketOwner { place, setting, address, cause },
    }
}

/// What helps where an address cannot be listened on.
fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "its folder is missing: make it, or let systemd do so (RuntimeDirectory=)",
        _ => "choose another address or stop what uses it",
    }
}

/// Makes a client with the authorities of a file, or with the built-in ones.
pub(crate) fn with_roots<C>(
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
