//! Slips that cost money, or the key, when they pass: refused before anything is signed.

use hyper::http::HeaderName;
use hyper::http::request::Parts;

use super::Api;
use crate::credentials::App;
use crate::decode::{DecodeError, Decoded};
use crate::endpoint::{Effect, Endpoint};
use crate::error::{Code, Failure};
use crate::headers;
use crate::sign::Params;

/// QFPay's old header for the merchant. Its calls read the parameter `mchid`, so that the header alone charges another one.
const MERCHANT_HEADER: HeaderName = HeaderName::from_static("x-qf-mchcode");

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

/// Refuses a merchant that is named where QFPay does not look, unless it is the one that is signed. `params` are complete.
pub(super) fn refuse_other_merchants(
    head: &Parts,
    endpoint: &Endpoint,
    app: &App,
    params: &Params,
) -> Result<(), Failure> {
    let in_checkout = params.get("mchntid");
    let signed = params.get("mchid").or(in_checkout).or(app.mchid.as_deref()).unwrap_or_default();
    let conflict = |place| {
        let detail =
            format!("{place} names another merchant than the parameter mchid, which is what is signed");
        Err(Failure::refused(Code::MerchantConflict, detail))
    };
    // In any spelling: X_QF_MCHCODE means the same to PHP.
    let mut named = head.headers.iter().filter(|(name, _)| headers::is_alike(name, &MERCHANT_HEADER));
    if named.any(|(_, value)| value.as_bytes() != signed.as_bytes()) {
        return conflict("X-QF-MCHCODE");
    }
    // The checkout's name for it is none of a call's: the app's own mchid was added beside it.
    match in_checkout {
        Some(other) if endpoint.browser_page().is_none() && other != signed => conflict("mchntid"),
        _ => Ok(()),
    }
}
