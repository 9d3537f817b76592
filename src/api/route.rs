//! Whether a request is let in, which endpoint it is for, by its raw path, and whether the sidecar signs for it.

use hyper::http::request;

use super::{Api, Record, answer};
use crate::endpoint::{self, BrowserPage, Endpoint};
use crate::error::{Code, Failure};
use crate::gate::{self, Denied};
use crate::server::Peer;

impl Api {
    /// The path of a request that may speak to this listener, without the public prefix of customers' pages, and without a
    /// second slash at its very beginning: that is the end of a base URL.
    pub(super) fn admitted<'h>(
        &self,
        head: &'h request::Parts,
        peer: &Peer,
        record: &mut Record,
    ) -> Result<&'h str, Denied> {
        let path = head.uri.path();
        let path = path.strip_prefix('/').filter(|rest| rest.starts_with('/')).unwrap_or(path);
        match self.pages.settings.public_prefix.as_ref().and_then(|prefix| prefix.page(path)) {
            Some(page) => {
                record.is_public = true;
                record.is_for_people = answer::is_for_people(head);
                gate::admit_customers(head).map(|()| page)
            }
            None => gate::admit_caller(head, path, peer, &self.hosts, self.allow_forwarded).map(|()| path),
        }
    }

    /// The endpoint of a request that the sidecar signs for. `path` is what [`Api::admitted`] gave.
    pub(super) fn route(
        &self,
        path: &str,
        head: &request::Parts,
        record: &mut Record,
    ) -> Result<&'static Endpoint, Failure> {
        if !endpoint::is_plain_path(path) {
            let detail = "the path has an empty segment, '.', '..', or characters outside A-Z a-z 0-9 _ . -";
            return Err(Failure::refused(Code::TargetRefused, detail));
        }
        let endpoint = endpoint::find(path)?;
        let served = match endpoint.browser_page() {
            // Below an allowed prefix of calls, so it needs both.
            Some(page @ BrowserPage::WeixinOauth) => self.signs(page) && self.routes.allows(path),
            Some(page) => self.signs(page),
            None => self.routes.allows(path),
        };
        if !served {
            return Err(self.not_served(path, endpoint));
        }
        if path.ends_with('/') && endpoint.browser_page().is_none() {
            return Err(Failure::refused(Code::PathUnknown, "endpoints have no slash at the end"));
        }
        if record.is_public
            && endpoint.browser_page() == Some(BrowserPage::Checkstand)
            && self.page_keys().next().is_none()
        {
            let detail = "there is no checkout below browser.public_prefix without browser.local_key_file";
            return Err(Failure::refused(Code::PathUnknown, detail));
        }
        record.endpoint = Some(endpoint);
        if !endpoint.is_documented()
            && let Some(meant) = endpoint::one_letter_away(path)
        {
            record.seems_misspelt(meant);
        }
        if !endpoint.methods.include(head.method.as_str()) {
            return Err(Failure::method_not_allowed(endpoint.methods.as_str()));
        }
        Ok(endpoint)
    }

    fn signs(&self, page: BrowserPage) -> bool {
        self.pages.settings.pages.contains(&page)
    }

    /// A path that exists at QFPay is forbidden here; any other is unknown.
    fn not_served(&self, path: &str, endpoint: &Endpoint) -> Failure {
        if self.pages.settings.public_prefix.as_ref().is_some_and(|prefix| prefix.covers(path)) {
            let detail = "below browser.public_prefix there are only the pages that customers' browsers open";
            Failure::refused(Code::PathUnknown, detail)
        } else if path.starts_with("/oauth/") {
            let detail =
                "calls below /oauth/ carry the client_key itself, so none is ever signed or forwarded";
            Failure::refused(Code::PathNotAllowed, detail)
        } else if endpoint.browser_page().is_some_and(|page| !self.signs(page)) {
            Failure::refused(Code::PathNotAllowed, "browser.pages does not name this page")
        } else if let Some(family) = endpoint::family(path) {
            let meant = match endpoint::one_letter_away(path) {
                Some(meant) if !endpoint.is_documented() => format!("; did you mean {meant}?"),
                _ => String::new(),
            };
            let detail = format!(
                "routes.allow has no \"{family}\", QFPay's prefix of this path, nor the path itself{meant}"
            );
            let known = endpoint.is_documented();
            Failure::refused(if known { Code::PathNotAllowed } else { Code::PathUnknown }, detail)
        } else {
            let meant = endpoint::one_letter_away(path).unwrap_or("/trade/v1/payment");
            let detail = format!("nothing in routes.allow covers this path; QFPay's look like {meant}");
            Failure::refused(Code::PathUnknown, detail)
        }
    }
}
