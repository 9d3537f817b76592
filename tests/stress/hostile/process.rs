//! What a process takes up, and whether others are served meanwhile.

use std::fs;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::support::*;

/// What a sidecar may hold above what it holds when idle.
const ABOVE_IDLE_KB: u64 = 64 * 1024;
/// How long a fresh call may take while others attack: far shorter than the attackers wait, and longer than a busy machine
/// lets a process wait for its turn.
const SERVED_WITHIN: Duration = Duration::from_secs(5);

/// Those who measure take turns, so that they do not measure each other.
static ALONE: Mutex<()> = Mutex::new(());

/// A look at the memory of a sidecar that has served a call.
pub struct Memory {
    pid: u32,
    idle_kb: u64,
    _alone: MutexGuard<'static, ()>,
}

impl Memory {
    pub fn when_idle(stage: &Stage) -> Self {
        let memory = Self::of(stage);
        assert_eq!(fresh(stage).status, 200);
        Self { idle_kb: field(memory.pid, "VmRSS:"), ..memory }
    }

    /// The same before any call.
    pub fn of(stage: &Stage) -> Self {
        let pid = stage.sidecar.pid();
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { pid, idle_kb: field(pid, "VmRSS:"), _alone: alone }
    }

    /// The most that it ever held, which may not be too much.
    #[track_caller]
    pub fn assert_bounded(&self, what: &str) {
        let most = field(self.pid, "VmHWM:").saturating_sub(self.idle_kb);
        println!("{what}: at most {} MB above idle ({} MB)", most / 1024, self.idle_kb / 1024);
        assert!(most < ABOVE_IDLE_KB, "{what}: {most} kB above idle");
    }
}

/// A figure of `/proc/PID/status`, in kB.
fn field(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The processor time of a process so far, in ticks of 10 ms.
pub fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, behind_the_name) = stat.rsplit_once(')').unwrap();
    let fields: Vec<_> = behind_the_name.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// A call on a connection of its own.
pub fn fresh(stage: &Stage) -> Answer {
    stage.sidecar.raw(
        "POST /trade/v1/query HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 7\r\n\r\nsyssn=1",
    )
}

/// Fresh calls are served, each in time.
#[track_caller]
pub fn assert_served(stage: &Stage, what: &str) {
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let since = Instant::now();
        let answer = fresh(stage);
        assert_eq!((answer.status, answer.is_failure()), (200, false), "{what}: {}", answer.text());
        slowest = slowest.max(since.elapsed());
    }
    println!("{what}: a fresh call took at most {} ms", slowest.as_millis());
    assert!(slowest < SERVED_WITHIN, "{what}: a fresh call took {slowest:?}");
}
