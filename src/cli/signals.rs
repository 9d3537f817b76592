//! Signals: those that ask for the end, those that do nothing here, and none that ends a payment by surprise.
//!
//! Every signal whose default ends the process, and which is no fault of the program, gets a handler: a process that dies
//! in the middle of a payment tells its caller nothing. The kernel resets handlers, and not ignored signals, when another
//! program is run, and tokio needs no unsafe code for them. Left alone are KILL, which no process can handle; faults (SEGV, BUS,
//! ILL, FPE, ABRT, SYS, TRAP); and 32 and 33, which the C library keeps for itself.

use std::future::poll_fn;
use std::process;
use std::sync::{Arc, mpsc};
use std::task::Poll;
use std::time::{Duration, Instant};

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, oneshot};

use super::{Stop, no_thread};
use crate::runtime;

/// How often the log names a signal that did nothing: a timer may send it many times a second.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// What asks for the end. XCPU comes when the processor time of `ulimit -t` is used up: KILL follows, so it is the last
/// moment at which callers can be told.
const ENDING: [(&str, SignalKind); 4] = [
    ("SIGTERM", SignalKind::terminate()),
    ("SIGINT", SignalKind::interrupt()),
    ("SIGQUIT", SignalKind::quit()),
    ("SIGXCPU", SignalKind::from_raw(Number::XCPU.as_raw())),
];

/// What has no meaning here, beside the real-time signals; HUP may have one.
const IGNORED: [(&str, SignalKind); 9] = [
    ("SIGHUP", SignalKind::hangup()),
    ("SIGUSR1", SignalKind::user_defined1()),
    ("SIGUSR2", SignalKind::user_defined2()),
    ("SIGPIPE", SignalKind::pipe()),
    ("SIGALRM", SignalKind::alarm()),
    ("SIGIO", SignalKind::io()),
    ("SIGVTALRM", SignalKind::from_raw(Number::VTALARM.as_raw())),
    ("SIGPROF", SignalKind::from_raw(Number::PROF.as_raw())),
    ("SIGXFSZ", SignalKind::from_raw(Number::XFSZ.as_raw())),
];

/// Signals that not every system has, such as the one for a coprocessor's stack and the real-time ones.
#[cfg(target_os = "linux")]
fn numbered() -> impl Iterator<Item = (String, SignalKind)> {
    let named = [("SIGPWR", Number::POWER), ("SIGSTKFLT", Number::STKFLT)];
    let named = named.map(|(name, number)| (name.to_owned(), SignalKind::from_raw(number.as_raw())));
    let real_time =
        (34..=64).map(|number| (format!("SIG{number} (real-time)"), SignalKind::from_raw(number)));
    named.into_iter().chain(real_time)
}

#[cfg(not(target_os = "linux"))]
fn numbered() -> impl Iterator<Item = (String, SignalKind)> {
    std::iter::empty()
}

/// What HUP does.
enum Hangup {
    /// It asks for the end.
    Ends,
    /// It is told here.
    Reloads(Arc<Notify>),
    /// Nothing.
    Ignored,
}

/// A signal, by name and number, and the stream of its arrivals.
type Listened = (String, SignalKind, Signal);

/// Listens for the signals that end a process, in a thread of its own: the second one ends it however busy it is.
pub(super) struct Signals {
    /// Hears the name of the first signal that asks for the end.
    first: oneshot::Receiver<String>,
}

impl Signals {
    /// Installs every handler. From here on no signal ends the process by itself; the first one that asks for the end is
    /// kept until [`Signals::first`] is awaited, and at the second the process ends at once, with 128 + the signal's
    /// number.
    pub(super) fn install() -> Result<Self, Stop> {
        Self::with(Hangup::Ignored)
    }

    /// The same for a command that reads its configuration again at HUP. Several that come while it does are one.
    pub(super) fn install_with_reload() -> Result<(Self, Arc<Notify>), Stop> {
        let hangups = Arc::new(Notify::new());
        Ok((Self::with(Hangup::Reloads(hangups.clone()))?, hangups))
    }

    /// The same for a command that is watched: a terminal that is closed (HUP) asks for the end too, or the process would stay
    /// behind and keep its ports.
    pub(super) fn install_at_a_terminal() -> Result<Self, Stop> {
        Self::with(Hangup::Ends)
    }

    fn with(hangup: Hangup) -> Result<Self, Stop> {
        let (tell, first) = oneshot::channel();
        let (installed, outcome) = mpsc::channel();
        runtime::on_a_thread("signals", move || async move {
            match handlers(matches!(hangup, Hangup::Ends)) {
                Ok((ending, ignored)) => {
                    let _ = installed.send(Ok(()));
                    tokio::join!(end(ending, tell), ignore(ignored, hangup));
                }
                Err(stop) => _ = installed.send(Err(stop)),
            }
        })
        .map_err(|cause| no_thread(&cause))?;
        outcome.recv().unwrap_or_else(|_| Err(Stop::Failed("the thread for signals ended".to_owned())))?;
        Ok(Self { first })
    }

    /// Completes at the first signal.
    pub(super) async fn first(self) {
        let Ok(name) = self.first.await else { return std::future::pending().await };
        tracing::info!(
            signal = name,
            "shutting down: finishing calls in flight; a second signal ends at once"
        );
    }
}

/// What asks for the end, and what does not.
fn handlers(hangup_ends: bool) -> Result<(Vec<Listened>, Vec<Listened>), Stop> {
    let is_more = |kind| hangup_ends && kind == SignalKind::hangup();
    let (more, ignored): (Vec<_>, Vec<_>) = IGNORED.into_iter().partition(|(_, kind)| is_more(*kind));
    let named = |(name, kind): (&str, SignalKind)| (name.to_owned(), kind);
    let ending = listen(ENDING.into_iter().chain(more).map(named))?;
    Ok((ending, listen(ignored.into_iter().map(named).chain(numbered()))?))
}

/// Tells of the first signal, and ends the process at the second.
async fn end(mut signals: Vec<Listened>, tell: oneshot::Sender<String>) {
    let (name, _) = next(&mut signals).await;
    let _ = tell.send(name);
    // It comes again every second.
    signals.retain(|(name, ..)| name != "SIGXCPU");
    let (_, kind) = next(&mut signals).await;
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever asks twice does not want to wait for destructors"
    )]
    process::exit(128 + kind.as_raw_value());
}

fn listen(kinds: impl IntoIterator<Item = (String, SignalKind)>) -> Result<Vec<Listened>, Stop> {
    let listened = kinds.into_iter().map(|(name, kind)| match signal(kind) {
        Ok(arrivals) => Ok((name, kind, arrivals)),
        Err(cause) => Err(Stop::Failed(format!("no handler for {name}: {cause}"))),
    });
    listened.collect()
}

/// The next of these signals that arrives.
async fn next(signals: &mut [Listened]) -> (String, SignalKind) {
    poll_fn(|context| {
        for (name, kind, arrivals) in &mut *signals {
            if arrivals.poll_recv(context).is_ready() {
                return Poll::Ready((name.clone(), *kind));
            }
        }
        Poll::Pending
    })
    .await
}

/// Takes signals and says so, each at most once in [`TOLD_EVERY`]; HUP may have a meaning.
async fn ignore(mut signals: Vec<Listened>, hangup: Hangup) {
    let mut told: Vec<(SignalKind, Instant)> = Vec::new();
    loop {
        let (name, kind) = next(&mut signals).await;
        if let (Hangup::Reloads(hangups), true) = (&hangup, kind == SignalKind::hangup()) {
            hangups.notify_one();
            continue;
        }
        told.retain(|(_, at)| at.elapsed() < TOLD_EVERY);
        if told.iter().any(|(other, _)| *other == kind) {
            continue;
        }
        told.push((kind, Instant::now()));
        if kind == SignalKind::hangup() {
            tracing::warn!(
                signal = name,
                "this command reads nothing anew at this signal; restart it to change the configuration"
            );
        } else {
            tracing::warn!(signal = name, "a signal without meaning here was ignored; said once a minute");
        }
    }
}
