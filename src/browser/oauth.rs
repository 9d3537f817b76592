//! `/tool/v1/get_weixin_oauth_code`: the URL at which WeChat tells QFPay who the customer is.

use super::names::refuse_ambiguous;
use super::{BrowserUrl, BrowserUrlError, Pages, required, sign, url};
use crate::credentials::{App, HexCase, SignType};
use crate::sign::Params;

/// The parameters of this page (CAM and SITE; SEED's table leaves out `mchid`).
const KNOWN: [&str; 3] = ["app_code", "mchid", "redirect_uri"];

/// The same and the other spelling of `app_code`, as callers may send them.
pub(super) const TAKEN: [&str; 4] = ["app_code", "appcode", "mchid", "redirect_uri"];

impl Pages {
    /// Signs with MD5, whatever the app uses elsewhere: no source of QFPay's knows another hash here.
    pub(super) fn weixin_oauth(&self, mut params: Params, app: &App) -> Result<BrowserUrl, BrowserUrlError> {
        required(&params, "redirect_uri")?;
        self.check_redirect(&params, "redirect_uri")?;
        params.remove("appcode");
        params.set("app_code", app.app_code.as_str());
        refuse_ambiguous(&params, &KNOWN, &self.settings.allowed_in_urls)?;
        // The raw redirect_uri is signed; it is encoded in the URL only.
        let signature = sign(&params, app, SignType::Md5, HexCase::Upper);
        params.set("sign", signature);
        let query = url::encode(params.iter());
        let url = format!("{}/tool/v1/get_weixin_oauth_code?{query}", self.base);
        Ok(BrowserUrl { url, missing: Vec::new() })
    }
}
