//! `upstream.proxy`: the HTTP proxy through which QFPay is reached, and the user and password for it.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::keys;
use super::quota::shown_path;
use super::raw::Raw;
use crate::client::Proxy;
use crate::settings::Reader;
use crate::upstream::Target;

const PROXY: &str = "upstream.proxy";
const CREDENTIALS: &str = "upstream.proxy_credentials_file";

/// Reads the proxy, if one is named. The outer `None` is a problem.
pub(super) fn proxy(raw: &mut Raw, target: Option<&Target>) -> Option<Option<Arc<Proxy>>> {
    let (proxy, file) = (raw.optional(PROXY, Proxy::parse), raw.text(CREDENTIALS));
    let (proxy, file) = (proxy?, file?);
    let Some(proxy) = proxy else {
        if file.is_empty() {
            return Some(None);
        }
        let what =
            format!("these are for {PROXY}, which is empty; name the proxy there, or leave both empty");
        raw.problem(CREDENTIALS, what);
        return None;
    };
    let unused = match target {
        Some(Target::Sandbox) => Some("the sandbox"),
        Some(Target::Live(url)) if !url.is_https() => Some("plain http on this machine"),
        _ => None,
    };
    if let Some(what) = unused {
        raw.advise(
            PROXY,
            &format!("this does nothing: upstream.base_url is {what}, which no proxy leads to"),
        );
    }
    if file.is_empty() {
        return Some(Some(Arc::new(proxy)));
    }
    match credentials(&file) {
        Ok(credentials) => Some(Some(Arc::new(proxy.with_credentials(credentials)))),
        Err(what) => {
            raw.problem(CREDENTIALS, what);
            None
        }
    }
}

/// Read as key files are: private, small, one line.
fn credentials(file: &str) -> Result<Zeroizing<String>, String> {
    let content = keys::secret_file(Path::new(file), &shown_path(file))?;
    let text = std::str::from_utf8(&content).map_err(|_| "what this file holds is not UTF-8 text")?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.split_once(':') {
        Some((user, _)) if !user.is_empty() && !text.contains(char::is_control) => {
            Ok(Zeroizing::new(text.to_owned()))
        }
        _ => Err("this file must hold USER:PASSWORD and nothing else, in one line".to_owned()),
    }
}
