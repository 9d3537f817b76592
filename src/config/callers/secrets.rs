//! Every secret is of one use and of one caller: else a token would prove two callers, or a customer's page a call.

use std::collections::HashMap;

use super::super::raw::Raw;
use crate::access::Access;
use crate::credentials::{Holders, Keyring, LocalKey};

/// Refuses secrets that stand twice, and those that QFPay issued.
pub(super) fn apart(raw: &mut Raw, access: &Access, keyring: Option<&Keyring>) {
    let mut seen: HashMap<String, Vec<(String, &LocalKey)>> = HashMap::new();
    let issued = keyring.map(Holders::of);
    for caller in access.callers() {
        for (name, secret) in [("token_file", &caller.token), ("local_key_file", &caller.local_key)] {
            let Some(secret) = secret else { continue };
            let key = raw.caller_key(&caller.name, name);
            if let Some(Err(not)) = issued.as_ref().map(|issued| secret.is_apart_from(issued)) {
                raw.problem(&key, not.to_string());
            }
            let named = format!("callers.{}.{name}", caller.name);
            // Fingerprints are four bytes, so that two may be alike by chance.
            let alike = seen.entry(secret.fingerprint()).or_default();
            if let Some((twin, _)) = alike.iter().find(|(_, other)| other.equals(secret)) {
                let place = raw.place(twin);
                let what = format!(
                    "{twin} ({place}) holds the same secret, and each proves one thing; make another with: openssl rand -hex 32"
                );
                raw.problem(&named, what);
            }
            alike.push((named, secret));
        }
    }
}
