//! The journal: what stands in it and since when, whether it can be trusted, and what becomes of payments when it cannot be
//! written. The file is read with Python's SQLite.

mod chain;
mod commands;
mod doubts;
mod kept;
mod rows;
mod start;
mod sync;
mod trouble;
mod views;

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Answer, Launch, Sidecar, Stage, sqlite};

/// A sidecar with a journal in its folder.
fn stage(settings: &[&str]) -> Stage {
    Stage::launch(|launch| with_journal(settings.iter().fold(launch, |launch, setting| launch.set(setting))))
}

fn with_journal(launch: Launch) -> Launch {
    launch.set("journal.file={folder}/journal.db")
}

fn file(sidecar: &Sidecar) -> PathBuf {
    sidecar.folder.path().join("journal.db")
}

/// Pays for an order.
fn pay(sidecar: &Sidecar, order: &str) -> Answer {
    let order = format!("out_trade_no={order}");
    let form = ["-d", "txamt=100", "-d", "txcurrcd=HKD", "-d", "pay_type=800201", "-d", &order];
    sidecar.curl(&form, "/trade/v1/payment")
}

/// Waits until a statement gives this value; rows that no call waits for come a moment later.
#[track_caller]
fn wait_for(sidecar: &Sidecar, statement: &str, value: impl Into<Value>) {
    let value = value.into();
    let deadline = std::time::Instant::now() + crate::support::SOON;
    loop {
        let found = sqlite(&file(sidecar), statement);
        if found.first().is_some_and(|row| row[0] == value) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{statement}: {found:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// A command that reads the journal.
fn command(sidecar: &Sidecar, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.env_clear().arg("journal").args(arguments).arg("--file").arg(file(sidecar)).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
