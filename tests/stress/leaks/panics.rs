//! A panic is logged by its place: its message may quote a value.

use std::process::Command;

use qfpay_sidecar::telemetry::{Log, LogFormat};

use super::canaries::{KEY, Look, value};

const FORMAT: &str = "LEAKS_PANIC_FORMAT";

/// Panics in a thread and in a task of a process of its own, which has installed the product's hook. Does nothing when
/// it is not asked to.
#[test]
fn child_that_panics() {
    let Ok(format) = std::env::var(FORMAT) else { return };
    let format = if format == "json" { LogFormat::Json } else { LogFormat::Text };
    let written = qfpay_sidecar::telemetry::init(Log { format, level: tracing::Level::TRACE });
    let in_a_thread = std::thread::spawn(|| panic!("could not sign {} with {KEY}", value("card")));
    assert!(in_a_thread.join().is_err());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let in_a_task = runtime.block_on(async {
        // An error that quotes an order, and a proof that quotes a key.
        tokio::spawn(async { value("order").parse::<u64>().map_err(|_| value("order")).expect(KEY) }).await
    });
    assert!(in_a_task.is_err());
    drop(written);
}

#[test]
fn a_panic_is_logged_without_its_message() {
    let mut look = Look::for_all();
    for format in ["text", "json"] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "leaks::panics::child_that_panics", "--nocapture", "--test-threads=1"]);
        let done = child.env(FORMAT, format).env("RUST_BACKTRACE", "full").output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(done.status.success(), "{said}");
        // Both were seen, each with its place.
        assert_eq!(said.matches("a defect: the code panicked").count(), 2, "{said}");
        assert_eq!(said.matches("tests/stress/leaks/panics.rs:").count(), 2, "{said}");
        look.through(&format!("panics in {format}"), &said, &[]);
    }
    look.report("leaks, panics", 2);
}
