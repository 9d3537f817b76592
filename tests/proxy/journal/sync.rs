//! `journal.sync`: whether a row is on the disk, or only the system's, before its call goes on.

use std::process::Command;

use super::{pay, with_journal};
use crate::support::{FakeUpstream, Launch, Stage};

#[test]
fn with_sync_each_payment_waits_for_the_disk_and_without_it_none_does() {
    if !Command::new("strace").arg("-V").output().is_ok_and(|done| done.status.success()) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "strace is missing");
        return;
    }
    for (sync, waits) in [(true, true), (false, false)] {
        let upstream = FakeUpstream::start();
        let launch = with_journal(Launch::new(&Stage::config(&format!("http://{}", upstream.address))));
        let strace = ["strace", "-D", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", "{folder}/calls"];
        let sidecar = launch.through(&strace).set(&format!("journal.sync={sync}")).start();
        let calls = || std::fs::read_to_string(sidecar.folder.path().join("calls")).unwrap();
        let at_start = calls().lines().count();
        for number in 1..=5 {
            let before = calls().lines().count();
            assert_eq!(pay(&sidecar, &format!("S-{number}")).status, 200);
            assert_eq!(calls().lines().count() > before, waits, "sync={sync}, {number}: {}", calls());
        }
        assert!(waits || calls().lines().count() == at_start, "{}", calls());
    }
}
