//! `verify`: is this the signature of this body? Offline.

use super::args::{Args, VerifyOptions};
use super::{Stop, input, load};
use crate::config::Config;
use crate::credentials::{App, SignType};
use crate::explain::{Attempt, Finding, Subject};
use crate::sign::{ReceivedSignature, Verifier};

pub(super) fn run(args: &Args, options: &VerifyOptions) -> Result<(), Stop> {
    let config = load(args)?;
    let app = input::app(&config, options.app.as_deref())?;
    let body = input::body(&options.body)?;
    let apps = config.keyring.apps();
    // Without a name any configured app will do, as on a path that several apps share.
    let candidates = if options.app.is_some() { std::slice::from_ref(app) } else { apps };
    let examine = |app| {
        let subject = Subject::Body(&body);
        Attempt { received: options.sign.trim(), sign_type: SignType::Md5, subject, app, apps }.examine()
    };
    for app in candidates {
        if let Finding::Right(case) = examine(app) {
            outln!("valid: {} bytes, app '{}' ({})", body.len(), app.name, app.app_code.shortened());
            outln!("the signature is {case}");
            return Ok(());
        }
    }
    if let Some(app) =
        candidates.iter().find(|app| is_by_previous_key(&config, app, &body, options.sign.trim()))
    {
        outln!("valid: {} bytes, app '{}' ({})", body.len(), app.name, app.app_code.shortened());
        outln!("the signature was made with its previous key");
        return Ok(());
    }
    let findings = || candidates.iter().map(examine);
    let known = findings().find(|finding| matches!(finding, Finding::Mistake { .. }));
    let told = known.unwrap_or_else(|| examine(app));
    Err(Stop::Failed(format!("invalid: {told}")))
}

/// Whether the key that the app had before made it: during a change of keys the listener takes it too.
fn is_by_previous_key(config: &Config, app: &App, body: &[u8], sign: &str) -> bool {
    let received = ReceivedSignature::read([sign.as_bytes()], SignType::Md5);
    received.is_ok_and(|received| Verifier::of(app, &config.keyring).verifies(body, &received))
}
