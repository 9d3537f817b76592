//! `[answers]`: how the sidecar's own answers look.

use super::raw::Raw;
use crate::api::OwnStatus;
use crate::settings::Reader;

/// Reads the section.
pub(super) fn own_status(raw: &mut Raw) -> Option<OwnStatus> {
    let key = "answers.own_status";
    let chosen = raw.choice(key, &[("http", OwnStatus::Http), ("200", OwnStatus::Ok)]);
    if chosen == Some(OwnStatus::Ok) {
        raw.advise(
            key,
            "failures of the sidecar's own look like QFPay's, HTTP 200: only for shops that read respcd in every answer; one \
             that takes HTTP 200 alone for success would take a failed payment for a paid one",
        );
    }
    chosen
}
