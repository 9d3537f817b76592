//! The settings of notifications.

use std::path::PathBuf;
use std::time::Duration;

use super::Networks;
use crate::receiver::{Acknowledge, ReceiverUrl};
use crate::selection::Selection;
use crate::settings::{TIME, section};

section! {
    /// What holds for all routes.
    #[derive(Clone, Debug)]
    pub struct Settings {
        /// The largest notification, in bytes.
        pub body_bytes: usize = number("notifications.body_bytes", "bytes", 1..=16 << 20),
        /// How long a receiver may take, connecting included.
        pub receiver_timeout: Duration = milliseconds("notifications.receiver_timeout_ms", TIME),
        /// How many acknowledged notifications are known again.
        pub remember: usize = number("notifications.remember", "notifications", 0..=1_000_000),
        /// A PEM file that replaces the built-in certificate authorities for receivers.
        pub ca_file: Option<PathBuf> = ca_file("notifications.ca_file"),
        /// Whose `X-Forwarded-For` is believed.
        pub trusted_proxies: Networks =
            list("notifications.trusted_proxies", |entries| Networks::parse(&entries, false)),
    }
}

/// One receiver of what QFPay posts to a path.
#[derive(Clone, Debug)]
pub struct RouteSettings {
    /// The raw path, compared to the letter.
    pub path: String,
    /// Which notifications it takes; its app is the one whose keys verify.
    pub selection: Selection,
    /// The shop's endpoint.
    pub receiver_url: ReceiverUrl,
    /// What counts as acknowledged.
    pub acknowledge: Acknowledge,
    /// What becomes of a notification that was acknowledged before.
    pub duplicates: Duplicates,
    /// Where notifications may come from; empty takes any.
    pub allowed_sources: Networks,
}

/// What becomes of a notification that was acknowledged before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// It goes to the receiver, marked.
    Pass,
    /// It is answered with SUCCESS, and the receiver hears nothing.
    Absorb,
}

impl Duplicates {
    /// How configurations write them.
    pub const WORDS: [(&str, Self); 2] = [("pass", Self::Pass), ("absorb", Self::Absorb)];
}
