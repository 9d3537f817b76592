//! `explain`: the text that is right, whether a signature is that of it, and otherwise which mistake made it. Offline.

use std::sync::Arc;

use super::args::{Args, ExplainOptions};
use super::{Stop, input, load};
use crate::config::Config;
use crate::credentials::{App, SignType};
use crate::explain::{Attempt, Finding, Pair, Subject, add, canonical, pairs};
use crate::sign::EmptyPolicy;

pub(super) fn run(args: &Args, options: &ExplainOptions) -> Result<(), Stop> {
    let config = load(args)?;
    let app = input::app(&config, options.app.as_deref())?;
    outln!("app        {} ({})", app.name, app.app_code.shortened());
    let said = options.sign_type.as_deref();
    let finding = match &options.body {
        Some(path) => {
            let body = input::body(path)?;
            outln!("body       {} bytes, hashed as they are", body.len());
            let sign_type = sign_type(said, SignType::Md5);
            examine(&config, options, app, sign_type, Subject::Body(&body))
        }
        None => {
            let sent = parameters(options)?;
            let left_out = left_out(&sent, config.empty);
            outln!("canonical  {}", input::printable(&config, &canonical(&sent, &left_out)));
            let sign_type = sign_type(said, app.sign_type);
            examine(&config, options, app, sign_type, Subject::Call { sent: &sent, left_out: &left_out })
        }
    };
    match finding {
        Finding::Right(case) => {
            outln!("signature  matches, {case}");
            Ok(())
        }
        Finding::Mistake { faults, difference } => {
            outln!("signature  does not match");
            for fault in faults {
                outln!("mistake    {fault}");
            }
            match difference {
                Some(difference) => {
                    outln!("difference {}", input::printable(&config, &difference.to_string()));
                }
                None => outln!("difference none: the text itself is right"),
            }
            Err(Stop::Failed("the signature is wrong".to_owned()))
        }
        unexplained => {
            outln!("signature  does not match");
            Err(Stop::Failed(unexplained.to_string()))
        }
    }
}

fn examine(
    config: &Config,
    options: &ExplainOptions,
    app: &Arc<App>,
    sign_type: SignType,
    subject: Subject<'_>,
) -> Finding {
    outln!("sign_type  {}", sign_type.as_str());
    let received = options.sign.trim();
    Attempt { received, sign_type, subject, app, apps: config.keyring.apps() }.examine()
}

fn sign_type(said: Option<&str>, usual: SignType) -> SignType {
    match said {
        Some("MD5") => SignType::Md5,
        Some("SHA256") => SignType::Sha256,
        _ => usual,
    }
}

fn parameters(options: &ExplainOptions) -> Result<Vec<Pair>, Stop> {
    if let Some(text) = &options.form {
        return pairs(text.as_bytes()).map_err(|bad| Stop::Usage(format!("--form: {bad}")));
    }
    let mut sent = Vec::new();
    for parameter in &options.parameters {
        let Some((name, value)) = parameter.split_once('=') else {
            // Not repeated: it may be a pasted key.
            return Err(Stop::Usage("an argument is not NAME=VALUE".to_owned()));
        };
        let pair = Pair { name: name.to_owned(), value: value.to_owned(), wire: None };
        add(&mut sent, pair).map_err(|bad| Stop::Usage(bad.to_string()))?;
    }
    Ok(sent)
}

/// What does not belong to the text: `sign`, and empty values unless `parameters.empty` keeps them.
fn left_out(sent: &[Pair], empty: EmptyPolicy) -> Vec<&str> {
    let drops = empty != EmptyPolicy::Keep;
    let out = sent.iter().filter(|pair| pair.name == "sign" || (drops && pair.value.is_empty()));
    out.map(|pair| pair.name.as_str()).collect()
}
