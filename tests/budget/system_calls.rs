//! System calls of one call, of all threads, with the log on: the difference of two runs, so that start and end do not count.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::peers::{self, Caller};
use crate::support::{Launch, SOON, Stage};

/// Per call with one caller, without the log's and without acknowledging: each waits for the caller and for QFPay (2), reads both
/// and looks whether the kept connection is quiet (3), and writes to both (2).
const ONE: f64 = 7.1;
/// Per call with sixteen callers, without these: many are awaited at once.
const SIXTEEN: f64 = 5.5;
/// An answer is acknowledged once, where less than 1,600 calls are made a second: no program under strace makes more.
const ACKNOWLEDGED: f64 = 1.05;
const OF_ACKNOWLEDGING: &str = "setsockopt";
/// What gathering and writing lines takes. A batch is a matter of time, so under strace, or on a machine that is busy, it
/// holds fewer lines than usual. A thread that is woken for each line takes 7.
const LOG: f64 = 2.5;
const OF_THE_LOG: [&str; 2] = ["futex", "write"];
/// What a connection over loopback TCP costs more where a section names a user: the question, its answer, and a look whether our
/// own end is still connected.
const USER: f64 = 3.0;

#[test]
fn a_call_makes_no_more_system_calls_than_its_budget() {
    if !Command::new("strace").arg("-V").output().is_ok_and(|done| done.status.success()) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "strace is missing");
        eprintln!("SKIPPED: strace is missing, so nobody counts system calls");
        return;
    }
    for (callers, budget) in [(1, ONE), (16, SIXTEEN)] {
        let (few, many) = (count(callers, 100), count(callers, 1100));
        let per_call = |few: u64, many: u64| (many as f64 - few as f64) / (1000 * callers) as f64;
        let each: Vec<_> = many
            .iter()
            .map(|(name, many)| {
                let few = few.iter().find(|(other, _)| other == name).map_or(0, |(_, few)| *few);
                (per_call(few, *many), name)
            })
            .filter(|(calls, name)| *calls >= 0.01 && *name != "total")
            .collect();
        let sum = |names: &[&str]| -> f64 {
            each.iter().filter(|(_, name)| names.contains(&name.as_str())).map(|(calls, _)| calls).sum()
        };
        let (log, acknowledged) = (sum(&OF_THE_LOG), sum(&[OF_ACKNOWLEDGING]));
        let all: f64 = each.iter().map(|(calls, _)| calls).sum();
        let sum = all - log - acknowledged;
        let shown: Vec<_> = each.iter().map(|(calls, name)| format!("{name} {calls:.2}")).collect();
        let told = format!(
            "{callers} callers: {sum:.2} system calls per call, {acknowledged:.2} of acknowledging and {log:.2} of the log: {}",
            shown.join(", ")
        );
        println!("{told}");
        assert!(
            sum <= budget && acknowledged <= ACKNOWLEDGED && log <= LOG,
            "{told}; the budget is {budget}, {ACKNOWLEDGED} and {LOG}"
        );
    }
}

/// One caller's calls wake the runtime for their rows, and not for the time that they would wait.
#[test]
fn a_row_of_the_journal_wakes_the_runtime_once() {
    if !Command::new("strace").arg("-V").output().is_ok_and(|done| done.status.success()) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "strace is missing");
        return;
    }
    let writes = |calls: u32| -> f64 {
        let journal = "[journal]\nfile = \"{folder}/journal.db\"\n";
        // Without a line a call: how many lines one write holds depends on how busy the machine is.
        let counted = count_with("warn", journal, |api| {
            let mut caller = Caller::connect(api);
            (0..calls).for_each(|_| caller.pay());
        });
        counted.iter().find(|(name, _)| name == "write").unwrap().1 as f64
    };
    let per_call = (writes(700) - writes(100)) / 600.0;
    println!("{per_call:.2} calls of write");
    assert!((0.9..=1.3).contains(&per_call), "{per_call:.2} calls of write; the runtime is woken by one");
}

#[test]
fn a_user_is_looked_up_within_three_system_calls_a_connection() {
    if !Command::new("strace").arg("-V").output().is_ok_and(|done| done.status.success()) {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "strace is missing");
        return;
    }
    let me = rustix::process::geteuid().as_raw();
    let user = format!("[callers.shop]\nuser = \"{me}\"\n");
    let sum = |sections: &str, connections: u32| -> f64 {
        let counted =
            count_with("info", sections, |api| (0..connections).for_each(|_| Caller::connect(api).pay()));
        let others =
            counted.iter().filter(|(name, _)| !OF_THE_LOG.contains(&name.as_str()) && name != "total");
        // How often the runtime looks for work depends on how busy the machine is.
        others.filter(|(name, _)| name != "epoll_wait").map(|(_, calls)| *calls as f64).sum()
    };
    let per_connection = |sections| (sum(sections, 350) - sum(sections, 50)) / 300.0;
    let (without, with) = (per_connection(""), per_connection(&user));
    println!("{without:.2} system calls per connection with one call, {with:.2} where its user is looked up");
    let more = with - without;
    assert!(more > USER - 0.5 && more < USER + 0.5, "{more:.2} more, of {with:.2}; it should be {USER}");
}

/// The system calls of a whole process in which each caller pays so often.
fn count(callers: usize, payments: usize) -> Vec<(String, u64)> {
    count_with("info", "", |api| {
        thread::scope(|scope| {
            for _ in 0..callers {
                scope.spawn(|| {
                    let mut caller = Caller::connect(api);
                    (0..payments).for_each(|_| caller.pay());
                });
            }
        });
    })
}

/// The system calls of a whole process with this level of the log and these sections that is called so.
fn count_with(level: &str, sections: &str, call: impl FnOnce(&str)) -> Vec<(String, u64)> {
    let config = Stage::config(&format!("http://{}", peers::upstream())) + sections;
    // As a grandchild, so that signals meet the sidecar itself.
    let strace = ["strace", "-D", "-f", "-qq", "-c", "-o", "{folder}/calls"];
    let launch = Launch::new(&config).through(&strace).set(&format!("log.level={level}"));
    let launch = launch.set("quota.per_second=100000").set("quota.per_minute=1000000");
    let mut sidecar = launch.start();
    call(&sidecar.api);
    sidecar.signal("TERM");
    assert_eq!(sidecar.wait_for_exit(), Some(0));
    read(&sidecar.folder.path().join("calls"))
}

/// Reads strace's table, which is written a moment after the end.
fn read(table: &Path) -> Vec<(String, u64)> {
    let deadline = Instant::now() + SOON;
    loop {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        if text.lines().any(|line| line.ends_with(" total")) {
            // "% time, seconds, usecs/call, calls, errors, syscall"; errors may be left out.
            let row = |line: &str| {
                let columns: Vec<_> = line.split_whitespace().collect();
                Some(((*columns.last()?).to_owned(), columns.get(3)?.parse().ok()?))
            };
            return text.lines().filter_map(row).collect();
        }
        assert!(Instant::now() < deadline, "strace wrote no table: {text}");
        thread::sleep(Duration::from_millis(20));
    }
}
