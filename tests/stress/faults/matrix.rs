//! The fault matrix: every case is one payment into one fault, then a second payment that must not notice.
//!
//! `list` has the cases, `rules` what must come of each, `run` plays one. `UPDATE_DOCS=1` writes what was measured into
//! docs/faults.md. `FAULTS="Tls13, connection: Reused"` plays only the cases whose description holds that text.
//!
//! A second pass keeps a journal, and follows each payment that ends `unknown` to its end: what the upstream has booked is told as
//! paid, what it has not is never told as paid, and nothing as not paid. It takes every 17th case; `DOUBTS=all` takes each.

mod caller;
mod case;
mod channel;
mod check;
mod doubt;
mod list;
mod odd;
mod play;
mod reply;
mod rules;
mod run;
mod script;
mod sidecar;
mod table;
mod tls;
mod upstream;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use case::Case;
use run::Stage;
use table::Outcome;

/// Cases at once, most of which wait for a deadline. Each holds six sockets, of the 1024 files that a process has.
const AT_ONCE: usize = 120;
/// With journals, which have files of their own.
const AT_ONCE_WITH_JOURNALS: usize = 48;
/// Of so many cases one is followed to its end: a prime, so that all kinds are met.
const FOLLOWED: usize = 17;

#[test]
fn every_fault_is_told_as_what_it_is() {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap(); // on every processor
    runtime.block_on(matrix());
}

async fn matrix() {
    let begun = Instant::now();
    let stage = Arc::new(Stage::new(false));
    let (cases, only) = cases(&stage).await;
    let count = cases.len();
    let (outcomes, failures) = play_all(&stage, cases, AT_ONCE).await;
    let table = table::table(&outcomes);
    println!("{table}");
    println!("{count} cases in {:.1} s", begun.elapsed().as_secs_f64());
    none_failed(&failures, count);
    if !only {
        compare_with_the_document(&table);
    }
}

#[test]
fn every_doubt_ends_in_the_upstreams_truth() {
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(doubts());
}

async fn doubts() {
    let begun = Instant::now();
    let stage = Arc::new(Stage::new(true));
    let (mut cases, only) = cases(&stage).await;
    if !only && std::env::var("DOUBTS").is_err() {
        cases = cases.into_iter().step_by(FOLLOWED).collect();
    }
    let count = cases.len();
    let (_, failures) = play_all(&stage, cases, AT_ONCE_WITH_JOURNALS).await;
    println!("{count} cases in {:.1} s: {}", begun.elapsed().as_secs_f64(), stage.doubts);
    none_failed(&failures, count);
}

/// The cases, and whether only some of them are asked for.
async fn cases(stage: &Stage) -> (Vec<Case>, bool) {
    let measured = run::measure(stage).await;
    let mut cases = list::cases(&measured, run::OUT_TRADE_NO);
    let only = std::env::var("FAULTS").ok();
    if let Some(only) = &only {
        cases.retain(|case| format!("{case:?}").contains(only));
    }
    (cases, only.is_some())
}

#[track_caller]
fn none_failed(failures: &[String], count: usize) {
    let shown: Vec<_> = failures.iter().take(20).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {count} cases failed:\n{}", failures.len(), shown.join("\n"));
}

/// Plays every case. Returns the outcomes as the rules foresaw them, and what was otherwise.
async fn play_all(stage: &Arc<Stage>, cases: Vec<Case>, at_once: usize) -> (Vec<Outcome>, Vec<String>) {
    let places = Arc::new(Semaphore::new(at_once));
    let mut playing = JoinSet::new();
    // Those that wait come first, so that the others fill the time.
    let (waiting, others): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.fault.waits());
    for case in waiting.into_iter().chain(others) {
        let (stage, places) = (stage.clone(), places.clone());
        playing.spawn(async move {
            let _place = places.acquire().await.unwrap();
            (case, run::run(&stage, &case).await)
        });
    }
    let (mut outcomes, mut failures) = (Vec::new(), Vec::new());
    while let Some(played) = playing.join_next().await {
        match played {
            Ok((case, Ok(outcome))) => outcomes.push((case, outcome)),
            Ok((case, Err(what))) => failures.push(format!("{case:?}: {what}")),
            Err(panic) => failures.push(panic.to_string()),
        }
    }
    (outcomes, failures)
}

const BEGIN: &str = "<!-- outcomes -->\n";
const END: &str = "<!-- end of outcomes -->\n";

fn compare_with_the_document(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}\n{table}\n{END}{after}")).unwrap();
        return;
    }
    let differs = shown.trim().lines().zip(table.trim().lines()).find(|(shown, measured)| shown != measured);
    assert!(
        shown.trim() == table.trim(),
        "docs/faults.md is not what was measured; run again with UPDATE_DOCS=1 and look at what changes. It begins \
         with (shown, measured): {differs:#?}"
    );
}
