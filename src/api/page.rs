//! Pages in the customer's browser: the URL is made here and never forwarded.
//!
//! Server code asks for it as it likes. Below the public prefix strangers ask: there the shop's server must have signed
//! what they send, as it was the shop's own signature that protected these pages at QFPay.

use std::sync::Arc;

use hyper::Response;
use hyper::http::{HeaderMap, request};

use super::answer::to_browser;
use super::{Api, Holder, Record, hong_kong_time, slips};
use crate::browser::refuse_unknown;
use crate::caller::{self, Chosen};
use crate::credentials::App;
use crate::decode::Decoded;
use crate::endpoint::{BrowserPage, Endpoint};
use crate::error::{Code, Failure};
use crate::outbound;
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
        record: &mut Record,
    ) -> Result<Response<AnswerBody>, Failure> {
        let decoded = match record.is_public {
            true => self.vouched_for(page, decoded)?,
            false => decoded,
        };
        // A customer's headers prove nothing, so none of them is read.
        let (none, caller) = (HeaderMap::new(), &head.headers);
        let headers = if record.is_public { &none } else { caller };
        let Chosen { app, left_empty } = caller::choose_app(&self.keyring, endpoint, headers, &decoded)?;
        record.app = Some(app.clone());
        if record.is_public && page != BrowserPage::Direct {
            self.refuse_others(&decoded.params, app)?;
        }
        record.place = Some(self.place(Holder::of(app, endpoint))?);
        left_empty.inspect(|name| self.tell_empty(name));
        let params = outbound::complete(decoded.params.apply(self.empty)?, app, endpoint);
        if !record.is_public {
            slips::refuse_other_merchants(head, endpoint, app, &params)?;
        }
        let url = self.pages.url(page, params, app, &hong_kong_time())?;
        record.lacks(url.missing());
        Ok(to_browser(&url, head))
    }

    /// What may be made into a page for a stranger.
    fn vouched_for(&self, page: BrowserPage, decoded: Decoded) -> Result<Decoded, Failure> {
        refuse_unknown(page, &decoded.params)?;
        // `/q/direct` carries no signature, at QFPay as well. Without a key only the sign-in gets here.
        if page == BrowserPage::Direct || self.local_keys.is_empty() {
            return Ok(decoded);
        }
        // The shop signs bytes. A label that makes another text of them is the customer's.
        let is_read_as_signed = decoded.is_text_in(self.charset);
        let vouched = Vouched::find(&self.local_keys, decoded.params, &decoded.own_signature);
        match vouched.filter(|_| is_read_as_signed) {
            Some(Vouched { params, .. }) => {
                Ok(Decoded { params, own_signature: OwnSignature::default(), ..decoded })
            }
            None => {
                let detail =
                    "sign is not one signature over these parameters with the key of browser.local_key_file";
                Err(Failure::refused(Code::PageNotVouched, detail))
            }
        }
    }

    /// Holds a page for strangers to what is the app's own: its merchant, if QFPay issued one (an app without one may serve
    /// many, if the shop signs which), and where the shop signs nothing, the default app.
    fn refuse_others(&self, params: &Params, app: &Arc<App>) -> Result<(), Failure> {
        let mut merchants = ["mchid", "mchntid"].into_iter().filter_map(|name| params.get(name));
        let is_signed = !self.local_keys.is_empty();
        let others = match &app.mchid {
            Some(own) => merchants.any(|named| named != own),
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
