//! What a configuration says, as services: made as a whole, swapped as a whole. Each call takes them once, at its begin, so
//! that none sees half of two configurations.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::{Lasting, StartError, with_roots};
use crate::api::Api;
use crate::base_url::UpstreamUrl;
use crate::body;
use crate::browser::Pages;
use crate::config::Config;
use crate::credentials::{Keyring, KnownKeys, SignType};
use crate::gate::Hosts;
use crate::notification::Notifications;
use crate::quota::Quota;
use crate::receiver::Receivers;
use crate::runtime;
use crate::sign::{ReceivedSignature, Signer, Verifier};
use crate::upstream::{Target, Upstream};

/// Everything that one configuration says about requests.
#[derive(Debug)]
pub(super) struct Services {
    pub api: Api,
    /// Nothing when `listen.notifications` is off.
    pub notifications: Option<Notifications>,
    /// Further hosts under which the listeners for operators and of the sandbox are reached.
    pub hosts: Hosts,
    /// How long open calls may finish when the process ends.
    pub shutdown_timeout: Duration,
}

impl AsRef<Api> for Services {
    fn as_ref(&self) -> &Api {
        &self.api
    }
}

/// The services in force. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Current(Arc<RwLock<Arc<Services>>>);

impl Current {
    pub fn new(services: Services) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(services))))
    }

    /// The services for one request, from its begin to its end. Costs a reference count.
    pub fn get(&self) -> Arc<Services> {
        // A swap is one assignment, so nothing panics half-way.
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts others in force, for every request that begins from now on. Returns those before them.
    pub fn swap(&self, services: Services) -> Arc<Services> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, Arc::new(services))
    }
}

impl Services {
    /// Prepares what the first configuration says, beside what lives on.
    pub async fn new(config: &Config, lasting: &Lasting) -> Result<Self, StartError> {
        let (apps, metrics) = (config.keyring.apps(), lasting.api.metrics.clone());
        let quota = Quota::start(&config.quota, config.quota_store.as_ref(), apps, metrics).await;
        Self::of(config, lasting, quota, None)
    }

    /// Prepares what another configuration says. What these count and keep goes over to it.
    pub fn renewed(&self, config: &Config, lasting: &Lasting) -> Result<Self, StartError> {
        let quota = self.api.quota.renewed(&config.quota, config.keyring.apps());
        Self::of(config, lasting, quota, Some(&self.api.upstream))
    }

    fn of(
        config: &Config,
        lasting: &Lasting,
        quota: Quota,
        before: Option<&Upstream>,
    ) -> Result<Self, StartError> {
        try_keys(&config.keyring)?;
        let (base, browser_base) = bases(config, lasting);
        let bodies = body::Bounds {
            bytes: config.limits.body_bytes,
            timeout: config.limits.body_timeout,
            memory: lasting.call_bodies.clone(),
        };
        let api = Api {
            keyring: config.keyring.clone(),
            verifiers: Verifier::all(&config.keyring),
            verify_responses: config.upstream.verify_responses,
            notification_bodies: body::Bounds { bytes: config.notifications.body_bytes, ..bodies.clone() },
            routes: config.routes.clone(),
            empty: config.empty,
            charset: config.charset,
            known_keys: KnownKeys::new(
                config.keyring.keys(),
                config.local_keys.iter().chain(config.access.secrets()),
            ),
            bodies,
            own_status: config.own_status,
            pages: Pages {
                base: base.clone(),
                browser_base,
                settings: config.browser.clone(),
                checkout: config.checkout.clone(),
            },
            quota,
            orders: config.orders,
            upstream: with_roots("upstream.ca_file", config.upstream.ca_file.as_deref(), |roots| {
                let (settings, proxy) = (config.upstream.clone(), config.proxy.clone());
                let workers = config.runtime.workers;
                match before {
                    Some(before) => before.renewed(base, settings, proxy, workers, roots),
                    None => Upstream::new(base, settings, proxy, workers, roots),
                }
            })?,
            unread_proxy: config.unread_proxy.clone(),
            places: lasting.places.renewed(config.quota.reserved_percent, config.keyring.apps().len()),
            hosts: config.listen.allowed_hosts.clone(),
            allow_forwarded: config.listen.allow_forwarded,
            local_keys: config.local_keys.clone(),
            access: config.access.clone(),
            lasting: lasting.api.clone(),
        };
        let notifications = match &config.listen.notifications {
            Some(_) => Some(notifications(config, lasting)?),
            None => None,
        };
        let hosts = config.listen.allowed_hosts.clone();
        Ok(Self { api, notifications, hosts, shutdown_timeout: config.limits.shutdown_timeout })
    }
}

/// Where calls go, and where the pages of customers' browsers are.
fn bases(config: &Config, lasting: &Lasting) -> (UpstreamUrl, UpstreamUrl) {
    match (&config.upstream.target, &lasting.sandbox) {
        (Target::Live(base), _) => (base.clone(), config.upstream.browser_base_url.clone()),
        (Target::Sandbox, Some(sandbox)) => (sandbox.clone(), sandbox.clone()),
        (Target::Sandbox, None) => unreachable!("the sandbox was started, since the configuration names it"),
    }
}

/// Prepares the service: from the keyring it takes what verifies, and nothing that signs.
fn notifications(config: &Config, lasting: &Lasting) -> Result<Notifications, StartError> {
    let settings = &config.notifications;
    let receivers = with_roots("notifications.ca_file", settings.ca_file.as_deref(), |roots| {
        Receivers::new(settings.receiver_timeout, roots)
    })?;
    let bodies = body::Bounds {
        bytes: settings.body_bytes,
        timeout: config.limits.body_timeout,
        memory: lasting.notification_bodies.clone(),
    };
    Ok(Notifications::new(
        &config.notification_routes,
        settings,
        &config.keyring,
        receivers,
        bodies,
        config.listen.allowed_hosts.clone(),
        lasting.notifications.clone(),
    ))
}

/// Signs with every key, and looks whether its verifier takes that.
///
/// # Errors
/// [`StartError::Key`] names the first app of which it does not.
fn try_keys(keyring: &Keyring) -> Result<(), StartError> {
    const PROBE: &[u8] = b"a=1";
    for app in keyring.apps() {
        runtime::give_way();
        let signs = [SignType::Md5, SignType::Sha256].into_iter().all(|sign_type| {
            let signature = Signer { key: &app.client_key, sign_type }.sign(PROBE).to_hex(app.hex_case);
            let received = ReceivedSignature::read([signature.as_bytes()], sign_type);
            received.is_ok_and(|received| Verifier::of(app, keyring).verifies(PROBE, &received))
        });
        if !signs {
            return Err(StartError::Key { app: app.name.clone() });
        }
    }
    Ok(())
}
