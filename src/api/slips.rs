//! Slips that cost money, or the key, when they pass: refused before anything is signed.

use hyper::http::request::Parts;

use super::Api;
use crate::access::is_another_spelling;
use crate::credentials::App;
use crate::decode::{DecodeError, Decoded};
use crate::endpoint::{Effect, Endpoint};
use crate::error::{Code, Failure};
use crate::sign::Params;

/// What names the app.
const APP: [&str; 2] = ["appcode", "x-qf-appcode"];
/// What names the merchant. QFPay's calls read the parameter `mchid`, so that its old header `X-QF-MCHCODE`, or the checkout's
/// `mchntid`, alone charges another one.
const MERCHANT: [&str; 5] = ["mchid", "mchntid", "mchcode", "x-qf-mchid", "x-qf-mchcode"];

impl Api {
    /// Refuses a head that holds a configured key as a header's value or as a segment of its path.
    pub(super) fn refuse_keys_in_head(&self, head: &Parts) -> Result<(), Failure> {
        if head.headers.values().any(|value| self.known_keys.include(value.as_bytes())) {
            return Err(key_in("a header"));
        }
        match head
            .uri
            .path()
            .as_bytes()
            .split(|byte| *byte == b'/')
            .any(|segment| self.known_keys.include(segment))
        {
            true => Err(key_in("the path")),
            false => Ok(()),
        }
    }

    /// Refuses a configured key among the parameters: QFPay's own refund sample sends one as `key`.
    pub(super) fn refuse_keys_in_params(&self, decoded: &Decoded) -> Result<(), Failure> {
        let known = |text: &str| self.known_keys.include(text.as_bytes());
        for (name, value) in decoded.params.iter() {
            match (known(name), known(value)) {
                (true, _) => return Err(key_in("the name of a parameter")),
                (_, true) => return Err(key_in(&format!("parameter '{name}'"))),
                _ => {}
            }
        }
        match decoded.nulls.iter().any(|name| known(name)) {
            true => Err(key_in("the name of a parameter")),
            false => Ok(()),
        }
    }

    /// Why nothing could be decoded, unless that would show a key that was sent as a name.
    pub(super) fn undecoded(&self, error: DecodeError) -> Failure {
        match self.known_keys.stand_in(&error.to_string()) {
            true => key_in("the name of a parameter"),
            false => error.into(),
        }
    }
}

fn key_in(place: &str) -> Failure {
    Failure::refused(Code::ClientKeyInRequest, format!("{place} is a configured client_key"))
}

/// Refuses a call that moves money and says nothing: what it would do is up to QFPay's defaults. `params` are the caller's.
pub(super) fn refuse_silence(endpoint: &Endpoint, params: &Params) -> Result<(), Failure> {
    match endpoint.effect == Effect::MovesMoney && params.names().next().is_none() {
        true => {
            let detail = "the call moves money and has no parameters; a body that was read before, or never written, is \
                          empty";
            Err(Failure::refused(Code::ParameterMissing, detail))
        }
        false => Ok(()),
    }
}

/// Refuses an app or a merchant in a spelling that neither the sidecar nor QFPay reads (`appCode`, `mch_id`, `X-QF-MCHCODE`),
/// unless it is the one that is signed: the default would be taken in its place. `params` are complete.
pub(super) fn refuse_other_names(head: &Parts, app: &App, params: &Params) -> Result<(), Failure> {
    let merchant = params.get("mchid").or(params.get("mchntid")).or(app.mchid.as_deref()).unwrap_or_default();
    let means = |name: &str, known: &[&str]| {
        known.iter().any(|known| name == *known || is_another_spelling(name, known))
    };
    let in_head = head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let in_params = params.iter().map(|(name, value)| (name, value.as_bytes()));
    for (name, value) in in_head.chain(in_params) {
        if means(name, &MERCHANT) && value != merchant.as_bytes() {
            let detail =
                format!("'{name}' names another merchant than the parameter mchid, which is what is signed");
            return Err(Failure::refused(Code::MerchantConflict, detail));
        }
        if means(name, &APP) && !value.is_empty() && value != app.app_code.as_str().as_bytes() {
            let detail = format!("'{name}' names another app than the one that signs");
            return Err(Failure::refused(Code::AppConflict, detail));
        }
    }
    Ok(())
}
