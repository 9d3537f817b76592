//! `sign`: what would be signed, and the signature. Offline.

use super::args::{Args, SignOptions};
use super::{Stop, input, load};
use crate::decode::form;
use crate::sign::{Canonical, Params, Signer};

pub(super) fn run(args: &Args, options: &SignOptions) -> Result<(), Stop> {
    let config = load(args)?;
    let app = input::app(&config, options.app.as_deref())?;
    let params = parameters(options)?.apply(config.empty).map_err(|error| Stop::Usage(error.to_string()))?;
    let canonical = Canonical::of(&params);
    let signer = Signer { key: &app.client_key, sign_type: app.sign_type };
    let signature = signer.sign(canonical.as_str().as_bytes());
    println!("app        {} ({})", app.name, app.app_code.shortened());
    println!("canonical  {}", canonical.as_str());
    println!("sign_type  {}", app.sign_type.as_str());
    println!("signature  {}", signature.to_hex(app.hex_case));
    Ok(())
}

fn parameters(options: &SignOptions) -> Result<Params, Stop> {
    if let Some(text) = &options.form {
        return form::decode(text.as_bytes()).map_err(|error| Stop::Usage(format!("--form: {error}")));
    }
    let mut params = Params::new();
    for pair in &options.parameters {
        let Some((name, value)) = pair.split_once('=') else {
            return Err(Stop::Usage(format!("'{pair}' is not NAME=VALUE")));
        };
        params.push(name.as_bytes(), value.as_bytes()).map_err(|error| Stop::Usage(error.to_string()))?;
    }
    Ok(params)
}
