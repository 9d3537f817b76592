//! The sandbox on a listener of its own, embedded or alone.

use std::time::Duration;

use http_body_util::Full;
use hyper::Request;

use super::{StartError, bind, refusals};
use crate::base_url::UpstreamUrl;
use crate::config::Config;
use crate::error::Failure;
use crate::gate::{self, Hosts};
use crate::sandbox::{self, Sandbox};
use crate::server::{
    Address, CloseConnection, Limits, Listener, Passed, Peer, RequestBody, Server, Shutdown,
};

/// Binds the sandbox, which must know its own address to show pages to browsers.
pub(super) async fn start_sandbox(config: &Config) -> Result<(Listener, Sandbox, UpstreamUrl), StartError> {
    let listener = bind("sandbox.listen", &config.sandbox.listen, config, &mut Passed::default()).await?;
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

/// The sandbox behind the gate that every listener has. Which of its pages other pages may lead to is its own to say.
pub(super) async fn serve_sandbox(
    listener: Listener,
    sandbox: Sandbox,
    hosts: impl Fn() -> Hosts + Send + Sync + 'static,
    limits: Limits,
    shutdown: Shutdown,
) -> bool {
    let handler = move |request: Box<Request<RequestBody>>, peer: Peer| {
        let (sandbox, hosts) = (sandbox.clone(), hosts());
        async move {
            let (head, body) = request.into_parts();
            let answered = match gate::refuse_other_hosts(&head, &peer, &hosts) {
                Ok(()) => sandbox.handle(Request::from_parts(head, body)).await,
                Err(denied) => {
                    let failure = Failure::from(denied);
                    tracing::warn!(detail = failure.detail(), "a request to the sandbox was refused");
                    Ok(failure.into_plain_text().map(Full::new))
                }
            };
            answered.map(sandbox::for_the_wire).map_err(|sandbox::Dropped| CloseConnection)
        }
    };
    let refuse = |refusal| refusals::tell("sandbox", refusal);
    Server::new(handler, refuse, limits, shutdown).serve(listener).await
}

/// The sandbox alone, for a sidecar or a shop in another process.
pub struct StandaloneSandbox {
    listener: Listener,
    sandbox: Sandbox,
    hosts: Hosts,
    limits: Limits,
}

impl StandaloneSandbox {
    /// Binds `sandbox.listen`.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let (listener, sandbox, _) = start_sandbox(config).await?;
        let limits = Limits { grace_period: Duration::ZERO, ..config.limits.server };
        Ok(Self { listener, sandbox, hosts: config.listen.allowed_hosts.clone(), limits })
    }

    /// Where it listens.
    pub fn address(&self) -> &Address {
        self.listener.address()
    }

    /// Serves until `stop` completes. What hangs on purpose is cut off after [`Shutdown::TIME_TO_TELL`].
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let shutdown = Shutdown::new();
        let stopped = async {
            stop.await;
            shutdown.begin(Duration::ZERO);
        };
        let hosts = move || self.hosts.clone();
        let served = serve_sandbox(self.listener, self.sandbox, hosts, self.limits, shutdown.clone());
        tokio::join!(served, stopped);
    }
}
