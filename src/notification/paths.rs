//! What is taken at a path: whose keys verify there, from where, and which of its routes a notification goes to.

use std::net::IpAddr;

use bytes::Bytes;

use super::RouteSettings;
use crate::credentials::Keyring;
use crate::error::{Code, Failure};
use crate::selection::{self, Fields};
use crate::sign::{ReceivedSignature, VerifiedNotification, Verifier};

/// One path that QFPay posts to, with its routes.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) path: String,
    verifiers: Vec<Verifier>,
    routes: Vec<Route>,
}

/// One route, and what it is called in logs and metrics.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) config: RouteSettings,
    pub(super) label: String,
}

impl Path {
    /// Every path of these routes. From the keyring it takes what verifies, and keeps nothing that signs.
    pub(super) fn all(routes: &[RouteSettings], keyring: &Keyring) -> Vec<Self> {
        let mut paths: Vec<Self> = Vec::new();
        for route in routes {
            let alone = routes.iter().filter(|other| other.path == route.path).count() == 1;
            let label = match alone {
                true => route.path.clone(),
                false => format!("{} -> {}", route.path, route.receiver_url),
            };
            let route = Route { config: route.clone(), label };
            match paths.iter_mut().find(|path| path.path == route.config.path) {
                Some(path) => path.routes.push(route),
                None => {
                    let path = route.config.path.clone();
                    paths.push(Self { path, verifiers: Vec::new(), routes: vec![route] });
                }
            }
        }
        for path in &mut paths {
            let all = Verifier::all(keyring).into_iter();
            path.verifiers = all.filter(|verifier| path.takes_app(verifier.app())).collect();
        }
        paths
    }

    fn takes_app(&self, app: &str) -> bool {
        self.routes.iter().any(|route| route.app().is_none_or(|named| named == app))
    }

    /// Whether one of its routes takes what comes from there; which one it is for is not known before it was verified.
    pub(super) fn check_source(&self, source: Option<IpAddr>) -> Result<(), Failure> {
        let mut checked = self.routes.iter().map(|route| route.check_source(source));
        match checked.any(|checked| checked.is_ok()) {
            true => Ok(()),
            false => Err(source_refused(source)),
        }
    }

    /// The bytes as a notification of an app that has a route here.
    pub(super) fn verified(
        &self,
        body: Bytes,
        received: &ReceivedSignature,
    ) -> Result<VerifiedNotification, Failure> {
        VerifiedNotification::new(&self.verifiers, body, received).ok_or_else(|| {
            let apps: Vec<_> = self.verifiers.iter().map(Verifier::app).collect();
            let any = self.routes.iter().any(|route| route.app().is_none());
            let detail = match any {
                true => "no key of any app made this signature over these bytes".to_owned(),
                false => format!("no key of app {} made this signature over these bytes", apps.join(" or ")),
            };
            Failure::refused(Code::SignatureWrong, detail)
        })
    }

    /// The route that a verified notification goes to.
    pub(super) fn route(&self, notification: &VerifiedNotification) -> Result<&Route, Failure> {
        let fields = Fields::read(notification.body());
        let found =
            selection::select(&self.routes, |route| &route.config.selection, notification.app(), &fields);
        found.ok_or_else(|| {
            let detail = format!("no route of this path takes a notification with {fields}");
            Failure::refused(Code::NotificationUnrouted, detail)
        })
    }
}

impl Route {
    fn app(&self) -> Option<&str> {
        self.config.selection.app.as_deref()
    }

    /// Whether this route takes what comes from there.
    pub(super) fn check_source(&self, source: Option<IpAddr>) -> Result<(), Failure> {
        let allowed = &self.config.allowed_sources;
        match allowed.is_empty() || source.is_some_and(|source| allowed.contain(source)) {
            true => Ok(()),
            false => Err(source_refused(source)),
        }
    }
}

fn source_refused(source: Option<IpAddr>) -> Failure {
    let detail = match source {
        Some(source) => format!("{source} is not in allowed_sources"),
        None => "X-Forwarded-For does not say where this came from".to_owned(),
    };
    Failure::refused(Code::SourceRefused, detail)
}
