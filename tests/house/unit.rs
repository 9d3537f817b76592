//! The unit for systemd: what systemd itself says about it, and what the sidecar needs of it.

use std::io::Write;
use std::path::Path;
use std::process::Command;

const UNIT: &str = "examples/deploy/qfpay-sidecar.service";

#[test]
fn the_unit_is_locked_down_as_systemd_counts() {
    let mut analyze = Command::new("systemd-analyze");
    // In tenths of its points.
    analyze.args(["security", "--no-pager", "--offline=true", "--threshold=20", UNIT]);
    match analyze.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).output() {
        Ok(said) => {
            let table = String::from_utf8_lossy(&said.stdout).into_owned();
            assert!(said.status.success(), "{table}{}", String::from_utf8_lossy(&said.stderr));
            assert!(table.contains("Overall exposure level"), "{table}");
        }
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: no systemd-analyze (Debian's package systemd): {error}"
            );
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"));
        }
    }
}

#[test]
fn the_unit_says_what_the_sidecar_relies_on() {
    let unit = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(UNIT)).unwrap();
    let lines: Vec<_> = unit.lines().collect();
    for line in [
        "Type=notify",
        "ExecReload=/bin/sh -c 'kill -HUP \"$MAINPID\"'",
        "WatchdogSec=30",
        "StateDirectory=qfpay-sidecar",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
        "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
        "SystemCallFilter=setpriority",
    ] {
        assert!(lines.contains(&line), "{line}");
    }
}
