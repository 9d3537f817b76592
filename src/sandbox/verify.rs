//! Checks signatures the way QFPay documents them (protocol sheet, section 2), independently of the proxy's code.
//!
//! Empty values: QFPay's sources disagree whether they are hashed. The sandbox hashes what it received, as received:
//! a client that drops empties from the signature must drop them from the wire too.

use std::sync::Arc;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::answer::{Refusal, refusal};
use super::received::Verdict;
use super::request::{Arrived, Pair};
use crate::credentials::{App, ClientKey, SignType};
pub(super) use crate::explain::canonical;
use crate::explain::{Attempt, Finding, Subject};

/// What the sandbox found out about who calls and whether the signature is right.
#[derive(Debug)]
pub(super) struct Check {
    pub app: Option<Arc<App>>,
    pub pairs: Vec<Pair>,
    pub canonical: Option<String>,
    pub verdict: Verdict,
    pub refusal: Option<Refusal>,
}

/// The digest over bytes, with the key where QFPay puts it: at the end.
pub(super) fn digest(sign_type: SignType, canonical: &str, key: &ClientKey) -> Vec<u8> {
    match sign_type {
        SignType::Md5 => {
            let mut hasher = Md5::new();
            hasher.update(canonical);
            key.feed(&mut hasher);
            hasher.finalize().to_vec()
        }
        SignType::Sha256 => {
            let mut hasher = Sha256::new();
            hasher.update(canonical);
            key.feed(&mut hasher);
            hasher.finalize().to_vec()
        }
    }
}

/// Whether a received text prints a digest, all upper or all lower case (both are in QFPay's samples).
///
/// Not constant in time: a sandbox key guards nothing.
pub(super) fn prints(received: &str, digest: &[u8]) -> bool {
    received == hex::encode(digest) || received == hex::encode_upper(digest)
}

/// Checks a call that carries its signature in headers.
pub(super) fn headers(arrived: &Arrived, apps: &[Arc<App>]) -> Check {
    let unread =
        Check { app: None, pairs: Vec::new(), canonical: None, verdict: Verdict::Unsigned, refusal: None };
    let mut check = match arrived.parameters() {
        Ok(pairs) => {
            let canonical = canonical(&pairs, &["sign"]);
            Check { pairs, canonical: Some(canonical), ..unread }
        }
        Err(refusal) => Check { refusal: Some(refusal), ..unread },
    };
    let signed = arrived.headers.contains_key("x-qf-sign");
    if let Err(refusal) = judge(arrived, apps, &mut check) {
        // A body that cannot be read comes first: its signature cannot be judged.
        let refusal = check.refusal.take().unwrap_or(refusal);
        if signed {
            check.verdict = Verdict::Failed { reason: refusal.respmsg.clone() };
        }
        check.refusal = Some(refusal);
    }
    check
}

fn judge(arrived: &Arrived, apps: &[Arc<App>], check: &mut Check) -> Result<(), Refusal> {
    let app_code = arrived
        .header("x-qf-appcode")?
        .ok_or_else(|| refusal("1108", "the header X-QF-APPCODE is missing"))?;
    check.app = apps.iter().find(|app| app.app_code.as_str() == app_code).cloned();
    let app = check.app.clone().ok_or_else(|| {
        let known: Vec<_> =
            apps.iter().map(|app| format!("{} ({})", app.name, app.app_code.shortened())).collect();
        refusal(
            "1108",
            format!("the app_code in X-QF-APPCODE is unknown; this sandbox knows {}", known.join(", ")),
        )
    })?;
    let Some(canonical) = check.canonical.clone() else {
        return Err(refusal("1103", "the parameters cannot be read"));
    };
    let received = arrived.header("x-qf-sign")?.ok_or_else(|| {
        refusal(
            "1108",
            format!("the header X-QF-SIGN is missing; hash this text followed by the key: {canonical}"),
        )
    })?;
    let sign_type = match arrived.header("x-qf-signtype")? {
        None | Some("MD5") => SignType::Md5,
        Some("SHA256") => SignType::Sha256,
        Some(_) => return Err(refusal("1108", "X-QF-SIGNTYPE is neither MD5 nor SHA256")),
    };
    check.verdict = compare(received, sign_type, &canonical, &check.pairs, &app, apps)?;
    Ok(())
}

/// Verified, or a refusal that names the mistake where it is a known one.
pub(super) fn compare(
    received: &str,
    sign_type: SignType,
    canonical: &str,
    pairs: &[Pair],
    app: &Arc<App>,
    apps: &[Arc<App>],
) -> Result<Verdict, Refusal> {
    if prints(received, &digest(sign_type, canonical, &app.client_key)) {
        return Ok(Verdict::Verified { sign_type });
    }
    let subject = Subject::Call { sent: pairs, left_out: &["sign"] };
    let said = match (Attempt { received, sign_type, subject, app, apps }.examine()) {
        Finding::Right(case) => format!("the digest is right, but it is printed as {case}"),
        finding => finding.to_string(),
    };
    Err(refusal("1108", format!("{said}; the sandbox hashed this text followed by the key: {canonical}")))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::credentials::{AppCode, HexCase};
    use crate::sandbox::answer::body_signature;
    use crate::sandbox::request::pairs;

    fn app(vector: &Value) -> Arc<App> {
        let key = vector["client_key"].as_str().unwrap().as_bytes().to_vec();
        Arc::new(App {
            name: "vector".into(),
            app_code: AppCode::new("VECTOR").unwrap(),
            client_key: ClientKey::new(key.into(), true).unwrap(),
            key_source: "the vectors".into(),
            mchid: None,
            sign_type: SignType::Md5,
            hex_case: HexCase::Upper,
        })
    }

    /// The form of a vector; the two checkout vectors have only their parameters.
    fn form(vector: &Value) -> String {
        if let Some(form) = vector["form"].as_str() {
            return form.to_owned();
        }
        let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let params = vector["params"].as_object().unwrap().iter();
        let pairs = params.map(|(name, value)| format!("{name}={}", encoded(value.as_str().unwrap())));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// The vectors were printed by QFPay, or made by Python and checked by Perl.
    #[test]
    fn every_vector_verifies() {
        let (mut forms, mut bodies) = (0, 0);
        for line in include_str!("../../tests/vectors/sign.jsonl").lines() {
            let vector: Value = serde_json::from_str(line).unwrap();
            let (name, sign) = (vector["name"].as_str().unwrap(), vector["sign"].as_str().unwrap());
            let app = app(&vector);
            let sign_type = match vector["alg"].as_str().unwrap() {
                "md5" => SignType::Md5,
                "sha256" => SignType::Sha256,
                _ => {
                    let made = body_signature(vector["body"].as_str().unwrap().as_bytes(), &app);
                    assert_eq!(made, sign.to_uppercase(), "{name}");
                    bodies += 1;
                    continue;
                }
            };
            let read = pairs(form(&vector).as_bytes()).unwrap();
            let left_out: &[&str] =
                if name.contains("lang_not_signed") { &["sign", "lang"] } else { &["sign"] };
            let canonical = canonical(&read, left_out);
            let judge =
                |sign: &str| compare(sign, sign_type, &canonical, &read, &app, std::slice::from_ref(&app));
            assert_eq!(judge(sign), Ok(Verdict::Verified { sign_type }), "{name}");
            forms += 1;
        }
        assert!(forms > 50 && bodies > 4, "{forms} forms, {bodies} bodies");
    }
}
