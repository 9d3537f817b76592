//! A notification that QFPay signed: it is verified, or comes from the journal, which keeps only verified ones.

use std::fmt;

use bytes::Bytes;

use super::{ReceivedSignature, Verifier};

/// The raw bytes of a notification, and the app whose key signed them.
#[derive(Clone)]
pub struct VerifiedNotification {
    app: String,
    body: Bytes,
}

impl VerifiedNotification {
    /// Whether these bytes may be a notification: QFPay's are JSON objects (CAM). It signs calls and browser URLs by the
    /// same rule, so the signature of such a text would verify too, but none begins with a brace.
    pub fn may_be(body: &[u8]) -> bool {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        body.trim_ascii_start().starts_with(b"{")
    }

    /// Verifies raw bytes; `None` when none of the verifiers made the signature.
    pub fn new<'v>(
        among: impl IntoIterator<Item = &'v Verifier>,
        body: Bytes,
        received: &ReceivedSignature,
    ) -> Option<Self> {
        let app = Verifier::find(among, &body, received)?.app().to_owned();
        Some(Self { app, body })
    }

    /// One that was verified before it was put on record, and comes from there: the signature is not kept.
    pub fn kept(app: String, body: Bytes) -> Self {
        Self { app, body }
    }

    /// The name of the app.
    pub fn app(&self) -> &str {
        &self.app
    }

    /// The bytes as QFPay sent them.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for VerifiedNotification {
    /// Without the body: it is a customer's payment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedNotification({}, {} bytes)", self.app, self.body.len())
    }
}
