//! Pages in the customer's browser: the URL is made here and never forwarded.
//!
//! Server code asks for it as it likes. Below the public prefix strangers ask: there the shop's server must have signed
//! what they send, as it was the shop's own signature that protected these pages at QFPay.

use std::sync::Arc;

use hyper::Response;
use hyper::http::{HeaderMap, request};

use super::answer::to_browser;
use super::{Api, Holder, Record, hong_kong_time, slips};
use crate::access::{Caller, Presented, Purpose};
use crate::browser::{refuse_unknown, with_own_names};
use crate::credentials::App;
use crate::decode::Decoded;
use crate::endpoint::{BrowserPage, Endpoint};
use crate::error::{Code, Failure};
use crate::sign::{OwnSignature, Params, Vouched};
use crate::upstream::AnswerBody;

impl Api {
    /// The answer with the URL of a page.
    pub(super) fn page(
        &self,
        page: BrowserPage,
        endpoint: &'static Endpoint,
        decoded: Decoded,
        head: &request::Parts,
        presented: Option<Presented>,
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Failure> {
        let (decoded, caller) = match record.is_public {
            true => self.vouched_for(page, decoded)?,
            false => {
                let caller = self.caller(presented, &decoded, Purpose::Page, record)?;
                (decoded, caller)
            }
        };
        record.caller = caller.clone();
        let who = caller.as_deref();
        // A customer's headers prove nothing, so none of them is read.
        let (none, caller) = (HeaderMap::new(), &head.headers);
        let headers = if record.is_public { &none } else { caller };
        let app = self.choose_app(who, endpoint, headers, &decoded, record)?;
        if record.is_public && page != BrowserPage::Direct {
            self.refuse_others(&decoded.params, app, who)?;
        }
        record.place = Some(self.place(Holder::of(app, endpoint))?);
        let params = with_own_names(page, decoded.params.apply(self.empty)?)?;
        let params = self.permitted(who, (endpoint, endpoint.path), app, params, record)?;
        if !record.is_public {
            slips::refuse_other_names(head, app, &params)?;
        }
        let url = self.pages.url(page, params, app, &hong_kong_time())?;
        record.lacks(url.missing());
        Ok(to_browser(&url, head))
    }

    /// What may be made into a page for a stranger, and the caller whose server signed it.
    fn vouched_for(
        &self,
        page: BrowserPage,
        decoded: Decoded,
    ) -> Result<(Decoded, Option<Arc<Caller>>), Failure> {
        refuse_unknown(page, &decoded.params)?;
        // `/q/direct` carries no signature, at QFPay as well. Without a key only the sign-in gets here.
        if page == BrowserPage::Direct || self.page_keys().next().is_none() {
            return Ok((decoded, None));
        }
        // The shop signs bytes. A label that makes another text of them is the customer's.
        let is_read_as_signed = decoded.is_text_in(self.charset);
        let vouched = Vouched::find(self.page_keys(), decoded.params, &decoded.own_signature);
        match vouched.filter(|_| is_read_as_signed) {
            Some(Vouched { params, key }) => {
                let decoded = Decoded { params, own_signature: OwnSignature::default(), ..decoded };
                Ok((decoded, self.access.owner_of(key).cloned()))
            }
            None => {
                let detail = "sign is not one signature over these parameters with a local key (browser.local_key_file, callers)";
                Err(Failure::refused(Code::PageNotVouched, detail))
            }
        }
    }

    /// Holds a page for strangers to what is the app's own: its merchant, if QFPay issued one (an app without one may serve
    /// many, if the shop signs which, and so may a caller, those that it has a right to), and where the shop signs nothing,
    /// the default app.
    fn refuse_others(&self, params: &Params, app: &Arc<App>, caller: Option<&Caller>) -> Result<(), Failure> {
        let mut merchants = ["mchid", "mchntid"].into_iter().filter_map(|name| params.get(name));
        let is_signed = self.page_keys().next().is_some();
        let is_callers =
            |named: &str| caller.is_some_and(|caller| caller.rights.mchids.iter().any(|own| own == named));
        let others = match &app.mchid {
            Some(own) => merchants.any(|named| named != own && !is_callers(named)),
            None => !is_signed && merchants.any(|named| !named.is_empty()),
        };
        let detail = if others {
            "the page names a merchant that is not the app's mchid"
        } else if !is_signed && !Arc::ptr_eq(app, self.keyring.default_app()) {
            "without browser.local_key_file a page is for the default app only"
        } else {
            return Ok(());
        };
        Err(Failure::refused(Code::PageNotVouched, detail))
    }
}
