//! Signatures from elsewhere: `tests/vectors/sign.jsonl` (printed by QFPay, or computed by Python and checked by Perl),
//! and the `md5sum` program for parameters that no vector has.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use serde::Deserialize;

/// A row of the file.
#[derive(Clone, Deserialize)]
pub struct Vector {
    pub name: String,
    pub alg: String,
    pub hex_case: String,
    pub params: BTreeMap<String, String>,
    pub client_key: String,
    pub canonical: String,
    pub sign: String,
    #[serde(default)]
    pub empty_policy: String,
    pub form: Option<String>,
}

impl Vector {
    /// The parameters without empty ones, as they are signed and sent under the default policy.
    pub fn filled(&self) -> Vec<(String, String)> {
        let filled = self.params.iter().filter(|(_, value)| !value.is_empty());
        filled.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

pub fn vectors() -> Vec<Vector> {
    include_str!("../vectors/sign.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn vector(name: &str) -> Vector {
    let found = vectors().into_iter().find(|vector| vector.name == name);
    found.unwrap_or_else(|| panic!("there is no vector {name}"))
}

/// The MD5 signature of parameters, upper case: sorted and joined here, hashed by the `md5sum` of the system.
pub fn md5_elsewhere(params: &[(String, String)], client_key: &str) -> String {
    hashed_by("md5sum", preimage(params, client_key).as_bytes()).to_uppercase()
}

/// The SHA256 signature of parameters, lower case, by the `sha256sum` of the system.
pub fn sha256_elsewhere(params: &[(String, String)], client_key: &str) -> String {
    hashed_by("sha256sum", preimage(params, client_key).as_bytes())
}

fn preimage(params: &[(String, String)], client_key: &str) -> String {
    let mut pairs: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.sort_by(|a, b| a.split('=').next().cmp(&b.split('=').next()));
    format!("{}{client_key}", pairs.join("&"))
}

/// The signature of a notification or an answer: over its bytes and the key, hashed by the `md5sum` of the system.
pub fn md5_of_body(body: &[u8], client_key: &str) -> String {
    hashed_by("md5sum", &[body, client_key.as_bytes()].concat()).to_uppercase()
}

/// What `md5sum` or `sha256sum` prints.
fn hashed_by(program: &str, preimage: &[u8]) -> String {
    let spawned = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.unwrap_or_else(|error| {
        panic!("{program} (coreutils) is the independent hasher of these tests: {error}")
    });
    child.stdin.take().unwrap().write_all(preimage).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    String::from_utf8(output).unwrap().split(' ').next().unwrap().to_owned()
}
