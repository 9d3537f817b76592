//! `sign`: what would be signed, and the signature. Offline.

use super::args::{Args, SignOptions};
use super::{Stop, input, load};
use crate::decode::form;
use crate::endpoint;
use crate::outbound;
use crate::sign::{Canonical, Params, Signer};

pub(super) fn run(args: &Args, options: &SignOptions) -> Result<(), Stop> {
    let config = load(args)?;
    let app = input::app(&config, options.app.as_deref())?;
    let params = parameters(options)?.apply(config.empty).map_err(|error| Stop::Usage(error.to_string()))?;
    let endpoint = endpoint::find(&options.path).map_err(|error| Stop::Usage(format!("--path: {error}")))?;
    if let Some(page) = endpoint.browser_page() {
        let what =
            format!("{page:?} is signed in its URL: ask the sidecar for it with Accept: application/json");
        return Err(Stop::Usage(format!("--path {}: {what}", options.path)));
    }
    let params = outbound::complete(params, app, endpoint);
    if params.names().next().is_none() {
        return Err(Stop::Usage("there is nothing to sign: give NAME=VALUE or --form".to_owned()));
    }
    let canonical = Canonical::of(&params);
    let signer = Signer { key: &app.client_key, sign_type: app.sign_type };
    let signature = signer.sign_params(&params);
    say!("app        {} ({})", app.name, app.app_code.shortened());
    say!("canonical  {}", input::printable(&config, canonical.as_str()));
    say!("sign_type  {}", app.sign_type.as_str());
    say!("signature  {}", signature.to_hex(app.hex_case));
    for name in params.ambiguous() {
        complain!(
            "note: the value of {name} holds '&name=', so this signature fits other parameters as well"
        );
    }
    Ok(())
}

fn parameters(options: &SignOptions) -> Result<Params, Stop> {
    if let Some(text) = &options.form {
        let sent = form::decode(text.as_bytes());
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
