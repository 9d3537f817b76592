//! `/tool/v1/get_weixin_oauth_code`: the URL at which WeChat tells QFPay who the customer is.

use super::{BrowserUrl, BrowserUrlError, Pages, refuse_ambiguous, refuse_unknown, required, sign, url};
use crate::credentials::{App, HexCase, SignType};
use crate::sign::Params;

/// The parameters of this page (CAM and SITE; SEED's table leaves out `mchid`).
const KNOWN: [&str; 3] = ["app_code", "mchid", "redirect_uri"];

impl Pages {
    /// Signs with MD5, whatever the app uses elsewhere: no source of QFPay's knows another hash here.
    pub(super) fn weixin_oauth(&self, mut params: Params, app: &App) -> Result<BrowserUrl, BrowserUrlError> {
        required(&params, "redirect_uri")?;
        self.check_redirect(&params, "redirect_uri")?;
        params.remove("appcode");
        params.set("app_code", app.app_code.as_str());
        refuse_unknown(&params, &KNOWN)?;
        refuse_ambiguous(&params, &KNOWN)?;
        // The raw redirect_uri is signed; it is encoded in the URL only.
        let signature = sign(&params, app, SignType::Md5, HexCase::Upper);
        params.set("sign", signature);
        let query = url::encode(params.iter());
        Ok(BrowserUrl(format!("{}/tool/v1/get_weixin_oauth_code?{query}", self.base)))
    }
}
