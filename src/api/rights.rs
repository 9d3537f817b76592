//! Who calls, and whether he may: what `access` decides becomes a refusal, or with `access.mode = "report"` a warning.
//!
//! Every refusal goes through [`Api::refuse_unless_reported`]: what is to be told or kept of one belongs there.

use std::sync::Arc;

use hyper::http::HeaderMap;
use hyper::http::header::AUTHORIZATION;
use hyper::http::request::Parts;

use super::{Api, Record};
use crate::access::{self, Asked, Caller, Denied, Presented, Purpose, Unknown};
use crate::caller::{self, Named};
use crate::credentials::{App, LocalKey};
use crate::decode::Decoded;
use crate::endpoint::Endpoint;
use crate::error::{Code, Failure};
use crate::outbound;
use crate::server::Peer;
use crate::sign::Params;

impl Api {
    /// What the head and the connection prove of who calls; `None` where nothing has to be proved: without `[callers]`, below
    /// the public prefix, where a page's own signature does, and for a stranger that is only reported.
    pub(super) fn presented(
        &self,
        head: &Parts,
        peer: &Peer,
        record: &mut Record,
    ) -> Result<Option<Presented>, Failure> {
        if self.access.is_open() || record.is_public {
            return Ok(None);
        }
        record.user = Some(peer.user);
        let authorization = head.headers.get_all(AUTHORIZATION).iter().map(|value| value.as_bytes());
        match self.access.presented(authorization, peer.user.uid()) {
            Ok(presented) => Ok(Some(presented)),
            Err(unknown) => self.refuse_stranger(unknown, record).map(|()| None),
        }
    }

    /// Who calls, from the parameters as they came; `None` as for [`Api::presented`].
    pub(super) fn caller(
        &self,
        presented: Option<Presented>,
        sent: &Decoded,
        purpose: Purpose,
        record: &mut Record,
    ) -> Result<Option<Arc<Caller>>, Failure> {
        let Some(presented) = presented else { return Ok(None) };
        let proved = self.access.proved(presented, &sent.params, &sent.own_signature, purpose);
        self.known(proved, record)
    }

    /// Who calls where no parameter can prove it.
    pub(super) fn caller_by_head(
        &self,
        presented: Option<Presented>,
        record: &mut Record,
    ) -> Result<Option<Arc<Caller>>, Failure> {
        let Some(presented) = presented else { return Ok(None) };
        self.known(self.access.known(presented), record)
    }

    fn known(
        &self,
        proved: Result<&Arc<Caller>, Unknown>,
        record: &mut Record,
    ) -> Result<Option<Arc<Caller>>, Failure> {
        match proved {
            Ok(caller) => {
                record.caller = Some(caller.clone());
                Ok(Some(caller.clone()))
            }
            Err(unknown) => self.refuse_stranger(unknown, record).map(|()| None),
        }
    }

    /// The keys with which shops sign pages: callers' own, or without `[callers]` the one of `browser.local_key_file`.
    pub(super) fn page_keys(&self) -> impl Iterator<Item = &LocalKey> {
        self.access.local_keys().chain(self.local_keys.iter())
    }

    /// The app that signs: the one that is named, else the caller's only one, else the default.
    pub(super) fn choose_app<'a>(
        &'a self,
        caller: Option<&'a Caller>,
        endpoint: &Endpoint,
        headers: &HeaderMap,
        sent: &Decoded,
        record: &mut Record,
    ) -> Result<&'a Arc<App>, Failure> {
        let Named { app, left_empty } = caller::named_app(&self.keyring, endpoint, headers, sent)?;
        let default = self.keyring.default_app();
        let app = match (app.or_else(|| access::unnamed_app(caller, default)), caller) {
            (Some(app), _) => app,
            (None, caller) => {
                let denied = caller.and_then(|caller| caller.may_sign_with(None).err());
                denied.map_or(Ok(()), |denied| self.refuse_access(denied, record))?;
                default
            }
        };
        record.app = Some(app.clone());
        let is_added = access::unnamed_merchant(caller, app).is_some();
        let left_empty = left_empty.or(caller::empty_merchant(is_added, endpoint, sent)?);
        left_empty.inspect(|name| self.tell_empty(name));
        Ok(app)
    }

    /// The parameters as they are signed, if the caller has a right to that.
    pub(super) fn permitted(
        &self,
        caller: Option<&Caller>,
        (endpoint, path): (&Endpoint, &str),
        app: &App,
        params: Params,
        record: &mut Record,
    ) -> Result<Params, Failure> {
        let params = outbound::complete(params, access::unnamed_merchant(caller, app), endpoint);
        let Some(caller) = caller else { return Ok(params) };
        match caller.may(&Asked { app, endpoint, path, params: &params }) {
            Ok(()) => Ok(params),
            Err(denied) => {
                self.refuse_access(denied, record)?;
                // Only reported: as before there were callers.
                Ok(outbound::complete(params, app.mchid.as_deref(), endpoint))
            }
        }
    }

    fn refuse_access(&self, denied: Denied, record: &mut Record) -> Result<(), Failure> {
        let (caller, right) = (denied.caller.clone(), denied.right.as_str());
        let refused = self.refuse_unless_reported(&caller, right, denied.into(), record);
        // A stranger gets no row: one that goes on asking would push those of payments out of the journal.
        refused.inspect_err(|failure| self.refusal_on_record(&caller, failure.code, record))
    }

    fn refuse_stranger(&self, unknown: Unknown, record: &mut Record) -> Result<(), Failure> {
        record.is_strangers = true;
        let failure = match record.user.filter(|_| self.access.names_users()) {
            Some(user) => {
                Failure::refused(Code::CallerUnknown, format!("{unknown}; the process's user is {user}"))
            }
            None => unknown.into(),
        };
        self.refuse_unless_reported("unknown", "proof", failure, record)
    }

    /// Refuses, or with `access.mode = "report"` tells of it. A call counts once: enforce would go no further.
    fn refuse_unless_reported(
        &self,
        caller: &str,
        right: &'static str,
        failure: Failure,
        record: &mut Record,
    ) -> Result<(), Failure> {
        let is_first = !std::mem::replace(&mut record.is_without_right, true);
        if is_first {
            self.lasting.metrics.refused_access(caller, right);
        }
        if !self.access.only_reports() {
            return Err(failure);
        }
        if is_first {
            record.would_be_refused(&failure);
        }
        Ok(())
    }
}
