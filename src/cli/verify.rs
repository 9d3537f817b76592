//! `verify`: is this the signature of this body? Offline.

use super::args::{Args, VerifyOptions};
use super::{Stop, input, load};
use crate::credentials::SignType;
use crate::explain::{Attempt, Finding, Subject};

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
            say!("valid: {} bytes, app '{}' ({})", body.len(), app.name, app.app_code.shortened());
            say!("the signature is {case}");
            return Ok(());
        }
    }
    let findings = || candidates.iter().map(examine);
    let known = findings().find(|finding| matches!(finding, Finding::Mistake { .. }));
    let told = known.unwrap_or_else(|| examine(app));
    Err(Stop::Failed(format!("invalid: {told}")))
}
