//! The example in PHP acts on what it is told, against the embedded sandbox.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::Sidecar;

#[test]
fn the_php_example_ships_what_is_paid_and_nothing_else() {
    let found = Command::new("php").arg("--version").stdout(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!in_ci, "php is missing, and CI=true");
        let _ = writeln!(std::io::stderr(), "SKIPPED: the example in PHP: no php");
        return;
    }
    let config = "listen.api = \"127.0.0.1:0\"\nlisten.admin = \"127.0.0.1:0\"\nsandbox.listen = \"127.0.0.1:0\"\n\
        [apps.shop]\napp_code = \"A1B2\"\n";
    let sidecar = Sidecar::start(config);
    let run = |number: &str, txamt: &str| {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/outcome/outcome.php");
        let mut php = Command::new("php");
        php.env("SIDECAR_URL", sidecar.url("")).args([
            "-d",
            "date.timezone=Asia/Hong_Kong",
            file,
            number,
            txamt,
        ]);
        let done = php.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    assert_eq!(run("A", "100"), "paid: ship it\n");
    // The sandbox closes the connection without an answer, and has booked the payment.
    assert_eq!(run("B", "4200001"), "paid: ship it\n");
    assert_eq!(run("C", "4201205"), "not paid: the customer may pay again, under a new number\n");
}
