//! Allocations of one call, everything on, with peers that make none.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::{env, thread};

use qfpay_sidecar::app::Sidecar;
use qfpay_sidecar::{config, runtime, telemetry};

use crate::peers::{self, Caller};
use crate::support::{CLIENT_KEY, Stage};

/// Blocks per call: 26, and what the clock brings, such as a further connection where the processor was away for a while.
const BLOCKS: f64 = 26.5;
/// Bytes per call: 11,000, and the same.
const BYTES: f64 = 11_300.0;
/// Blocks more per call with a journal: two for each of its two rows, what its caller waits with, and two texts of the answer; the
/// rest are a commit's.
const OF_THE_JOURNAL: f64 = 11.0;

const CHILD: &str = "BUDGET_OF_ALLOCATIONS";
const WITH_JOURNAL: &str = "with a journal";

/// The sidecar as a library in a process of its own, where no other test allocates. Does nothing when it is not asked to.
#[test]
fn child_that_counts() {
    let Ok(journal) = env::var(CHILD) else { return };
    const WARM_UP: u64 = 300;
    const CALLS: u64 = 500;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidecar.toml");
    let text = Stage::config(&format!("http://{}", peers::upstream()));
    fs::write(&file, text.replace("{folder}", folder.path().to_str().unwrap())).unwrap();
    let key = folder.path().join("key");
    fs::write(&key, CLIENT_KEY).unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let file_of_it = folder.path().join("journal.db").to_str().unwrap().to_owned();
    let settings = [
        ("log.level", "info"),
        ("quota.per_second", "100000"),
        ("quota.per_minute", "1000000"),
        ("orders.one_flight", "true"),
        ("orders.follow_ms", "600000"),
        ("journal.file", if journal == WITH_JOURNAL { file_of_it.as_str() } else { "" }),
    ];
    let overrides = settings.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
    let request = config::Request { overrides, file: Some(file), ..config::Request::default() };
    let config = config::load(&request).unwrap();
    let _flush = telemetry::init(config.log).unwrap();
    let _counts = dhat::Profiler::builder().testing().build();
    let (bound, api) = std::sync::mpsc::channel();
    thread::spawn(move || {
        runtime::block_on(async {
            let sidecar = Sidecar::start(&config).await.unwrap();
            bound.send(sidecar.api_address().to_string()).unwrap();
            sidecar.serve(std::future::pending()).await
        })
    });
    let api = api.recv().unwrap();
    let mut caller = Caller::connect(api.strip_prefix("http://").unwrap());
    (0..WARM_UP).for_each(|_| caller.pay());
    let before = dhat::HeapStats::get();
    (0..CALLS).for_each(|_| caller.pay());
    let after = dhat::HeapStats::get();
    let per_call = |before: u64, after: u64| (after - before) as f64 / CALLS as f64;
    println!(
        "per call: {:.1} blocks, {:.0} bytes",
        per_call(before.total_blocks, after.total_blocks),
        per_call(before.total_bytes, after.total_bytes)
    );
}

#[test]
fn a_call_allocates_no_more_than_its_budget() {
    let (blocks, bytes) = count("");
    assert!(
        blocks <= BLOCKS && bytes <= BYTES,
        "{blocks} and {bytes}; the budget is {BLOCKS} blocks, {BYTES} bytes"
    );
    let more = count(WITH_JOURNAL).0 - blocks;
    assert!(
        more > 0.0 && more <= OF_THE_JOURNAL,
        "{more:.1} more with a journal; the budget is {OF_THE_JOURNAL}"
    );
}

/// Blocks and bytes of a call, counted by a process of its own.
fn count(journal: &str) -> (f64, f64) {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "allocations::child_that_counts", "--nocapture"]).env(CHILD, journal);
    // The log is on, and goes nowhere.
    let done = child.stderr(Stdio::null()).output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}");
    let counted =
        said.lines().find_map(|line| line.split_once("per call: ")).unwrap_or_else(|| panic!("{said}")).1;
    println!("{counted} {journal}");
    let mut figures = counted.split(' ').filter_map(|word| word.parse::<f64>().ok());
    (figures.next().unwrap(), figures.next().unwrap())
}
