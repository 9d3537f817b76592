//! Single-threaded runtimes: signing takes microseconds and the rest is waiting, so one thread does it all without waking
//! another. Further workers are threads with a runtime of their own each. What would block has a thread apart.

use std::cell::Cell;
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::settings::section;

section! {
    /// The threads that serve.
    #[derive(Clone, Copy, Debug)]
    pub struct Settings {
        /// Each with a single-threaded runtime and with connections to QFPay of its own.
        pub workers: usize = number("runtime.workers", "workers", 1..=64),
    }
}

/// How long a thread behind the calls works at a time, about, and how long it rests then: several calls are answered meanwhile.
const WORK: Duration = Duration::from_micros(100);
const REST: Duration = Duration::from_micros(100);

thread_local! {
    /// The number of the worker that this thread is; 0 where it is none, as for the first.
    static WORKER: Cell<usize> = const { Cell::new(0) };
    /// Since when this thread works without a rest, if it stands behind the calls.
    static WORKS_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs a future on this thread to its end, and with it all that it spawns.
///
/// # Errors
/// The system gives no runtime.
pub fn block_on<F: Future>(future: F) -> io::Result<F::Output> {
    Ok(run(single_threaded()?, future))
}

fn single_threaded() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn run<F: Future>(runtime: Runtime, future: F) -> F::Output {
    let done = runtime.block_on(future);
    // A name lookup that hangs in the system's resolver must not hold up the end.
    runtime.shutdown_background();
    done
}

/// Starts a thread with a runtime of its own, and in it the future that `start` makes. What it brings is received here;
/// nothing is, when it panics.
///
/// # Errors
/// The system gives no thread or no runtime.
pub fn on_a_thread<F: Future>(
    name: &str,
    start: impl FnOnce() -> F + Send + 'static,
) -> io::Result<oneshot::Receiver<F::Output>>
where
    F::Output: Send + 'static,
{
    let runtime = single_threaded()?;
    let (done, receiver) = oneshot::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        // The receiver may have been dropped.
        let _ = done.send(run(runtime, async { start().await }));
    })?;
    Ok(receiver)
}

/// The same with less priority than calls have, for work that [gives way](give_way) to them. Where the system forbids the
/// priority, they share.
///
/// # Errors
/// The system gives no thread or no runtime.
pub fn behind_calls<F: Future>(
    name: &str,
    start: impl FnOnce() -> F + Send + 'static,
) -> io::Result<oneshot::Receiver<F::Output>>
where
    F::Output: Send + 'static,
{
    on_a_thread(name, || {
        // Of this thread; elsewhere than on Linux it would be that of the process.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::setpriority_process(None, 10);
        WORKS_SINCE.set(Some(Instant::now()));
        start()
    })
}

/// On a thread behind the calls it rests for a moment, when it has worked for long enough; on others it does nothing. Work of
/// milliseconds asks this in each of its small steps: the scheduler alone would let it run for milliseconds at a time, with every
/// call waiting.
#[expect(clippy::disallowed_methods, reason = "no runtime of a call is on this thread")]
pub fn give_way() {
    if WORKS_SINCE.get().is_some_and(|since| since.elapsed() >= WORK) {
        thread::sleep(REST);
        WORKS_SINCE.set(Some(Instant::now()));
    }
}

/// A thread as worker `number`, of which the first, 0, is the thread that is there already.
///
/// # Errors
/// The system gives no thread or no runtime.
pub fn worker<F: Future>(
    number: usize,
    start: impl FnOnce() -> F + Send + 'static,
) -> io::Result<oneshot::Receiver<F::Output>>
where
    F::Output: Send + 'static,
{
    on_a_thread(&format!("worker-{number}"), move || {
        WORKER.set(number);
        start()
    })
}

/// One value for each worker, such as connections, which belong to the runtime that opened them.
#[derive(Debug)]
pub struct PerWorker<T>(Box<[T]>);

impl<T> PerWorker<T> {
    /// A value for each of so many workers, at least one.
    pub fn new(workers: usize, make: impl FnMut() -> T) -> Self {
        Self(std::iter::repeat_with(make).take(workers.max(1)).collect())
    }

    /// The value of the worker that asks.
    pub fn own(&self) -> &T {
        self.0.get(WORKER.get()).unwrap_or(&self.0[0])
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_worker_has_a_value_of_its_own() {
        let count = AtomicUsize::new(0);
        let values = Arc::new(PerWorker::new(3, || count.fetch_add(1, Ordering::Relaxed)));
        let ask = |number| {
            let values = values.clone();
            worker(number, move || async move { *values.own() }).unwrap().blocking_recv().unwrap()
        };
        assert_eq!([*values.own(), ask(2), ask(1), ask(0), ask(7)], [0, 2, 1, 0, 0]);
    }

    #[test]
    fn behind_calls_long_work_is_cut_by_rests() {
        let begun = Instant::now();
        let work = || async {
            for _ in 0..20 {
                let step = Instant::now();
                while step.elapsed() < WORK {}
                give_way();
            }
        };
        behind_calls("behind", work).unwrap().blocking_recv().unwrap();
        assert!(begun.elapsed() >= (WORK + REST) * 20);
    }

    #[test]
    fn a_panic_is_the_end_of_its_thread_only() {
        let panics = on_a_thread("panics", || async { assert!(std::hint::black_box(false)) });
        assert!(panics.unwrap().blocking_recv().is_err());
        assert_eq!(block_on(async { 1 }).unwrap(), 1);
    }
}
