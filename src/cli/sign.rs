//! `sign`: what would be signed, and the signature, of a call or of a page by the shop's own key. Offline.

use super::args::{Args, SignOptions};
use super::{Stop, input, load};
use crate::browser::PublicPrefix;
use crate::config::Config;
use crate::credentials::{LocalKey, SignType};
use crate::decode::{Charset, form};
use crate::endpoint;
use crate::endpoint::BrowserPage;
use crate::outbound;
use crate::sign::{Canonical, Params, Signer, sign_locally};

pub(super) fn run(args: &Args, options: &SignOptions) -> Result<(), Stop> {
    let config = load(args)?;
    if options.local_key {
        return locally(&config, options);
    }
    let app = input::app(&config, options.app.as_deref())?;
    let params = parameters(options)?.apply(config.empty).map_err(|error| Stop::Usage(error.to_string()))?;
    let endpoint = endpoint::find(&options.path).map_err(|error| Stop::Usage(format!("--path: {error}")))?;
    if let Some(page) = endpoint.browser_page() {
        let what = format!(
            "{page:?} is signed in its URL: ask the sidecar for it with Accept: application/json, or sign it as the shop \
             with --local-key"
        );
        return Err(Stop::Usage(format!("--path {}: {what}", options.path)));
    }
    let params = outbound::complete(params, app.mchid.as_deref(), endpoint);
    if params.names().next().is_none() {
        return Err(Stop::Usage("there is nothing to sign: give NAME=VALUE or --form".to_owned()));
    }
    let canonical = Canonical::of(&params);
    let signer = Signer { key: &app.client_key, sign_type: app.sign_type };
    let signature = signer.sign_params(&params);
    outln!("app        {} ({})", app.name, app.app_code.shortened());
    outln!("canonical  {}", input::printable(&config, canonical.as_str()));
    outln!("sign_type  {}", app.sign_type.as_str());
    outln!("signature  {}", signature.to_hex(app.hex_case));
    for name in params.ambiguous() {
        errln!("note: the value of {name} holds '&name=', so this signature fits other parameters as well");
    }
    Ok(())
}

/// The URL of a page as the shop's server hands it to a customer.
fn locally(config: &Config, options: &SignOptions) -> Result<(), Stop> {
    let key = local_key(config, options.caller.as_deref())?;
    let page = endpoint::find(&options.path).ok().and_then(|endpoint| endpoint.browser_page());
    let usual = match page {
        Some(BrowserPage::WeixinOauth) => SignType::Md5,
        Some(BrowserPage::Checkstand) => config.checkout.sign_type,
        None if !config.access.is_open() => SignType::Md5,
        Some(BrowserPage::Direct) | None => {
            let what = "--local-key signs the pages /tool/v1/get_weixin_oauth_code and /checkstand/; name one with --path";
            return Err(Stop::Usage(what.to_owned()));
        }
    };
    let sign_type = match options.sign_type.as_deref() {
        Some("MD5") => SignType::Md5,
        Some(_) => SignType::Sha256,
        None => usual,
    };
    let params = parameters(options)?;
    if params.names().next().is_none() {
        return Err(Stop::Usage("there is nothing to sign: give NAME=VALUE or --form".to_owned()));
    }
    let signature = sign_locally(key, sign_type, &params).to_hex(sign_type.usual_case());
    let prefix =
        config.browser.public_prefix.as_ref().filter(|_| page.is_some()).map_or("", PublicPrefix::as_str);
    let query = format!("{}&sign={signature}", params.to_form());
    outln!("local key  {} from {}", key.fingerprint(), key.source());
    outln!("canonical  {}", input::printable(config, Canonical::of(&params).as_str()));
    outln!("sign_type  {}", sign_type.as_str());
    outln!("signature  {signature}");
    outln!("url        {prefix}{}?{}", options.path, input::printable(config, &query));
    Ok(())
}

/// The key of the shop that is meant.
fn local_key<'c>(config: &'c Config, caller: Option<&str>) -> Result<&'c LocalKey, Stop> {
    let mut callers = config.access.callers().iter();
    let mut keys = config.access.local_keys();
    let what = match (caller, config.local_keys.first(), keys.next(), keys.next()) {
        (Some(name), ..) => {
            let found =
                callers.find(|caller| caller.name == name).and_then(|caller| caller.local_key.as_ref());
            match found {
                Some(key) => return Ok(key),
                // The name is not repeated: it may be a pasted key.
                None => "--caller: no caller of that name has a local_key_file",
            }
        }
        (None, Some(key), ..) | (None, None, Some(key), None) => return Ok(key),
        (None, None, Some(_), Some(_)) => "--local-key: several callers have one; name one with --caller",
        (None, None, None, _) => "--local-key: browser.local_key_file names no key, and no caller has one",
    };
    Err(Stop::Usage(what.to_owned()))
}

fn parameters(options: &SignOptions) -> Result<Params, Stop> {
    if let Some(text) = &options.form {
        let sent = form::decode(text.as_bytes(), Charset::UTF_8);
        return sent.map(|sent| sent.params).map_err(|error| Stop::Usage(format!("--form: {error}")));
    }
    let mut params = Params::new();
    for (i, pair) in options.parameters.iter().enumerate() {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Stop::Usage(format!("argument number {} is not NAME=VALUE", i + 1)));
        };
        params.push(name.as_bytes(), value.as_bytes()).map_err(|error| Stop::Usage(error.to_string()))?;
    }
    Ok(params)
}
