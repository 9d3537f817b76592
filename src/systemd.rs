//! What systemd is told over `NOTIFY_SOCKET`: that the service is ready, reads its configuration again, ends, how it does, and
//! that each of its runtimes still turns. A thread of its own tells it, so that a manager that does not listen stops no call.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// How often the status is looked at.
const TURN: Duration = Duration::from_secs(10);

/// What is told at once.
enum Message {
    Ready,
    Reloading,
    Stopping,
}

/// The service manager, or nothing where there is none. Clones are the same.
#[derive(Clone, Default)]
pub struct Manager(Option<Arc<Inner>>);

struct Inner {
    tell: Mutex<Option<Sender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    hearts: Arc<Hearts>,
}

/// When each runtime that serves turned last.
struct Hearts {
    since: Instant,
    /// How long systemd waits for a sign of life; `None` where it does not watch.
    watchdog: Option<Duration>,
    /// Milliseconds after `since`. One that is gone belonged to a runtime that has ended.
    beats: Mutex<Vec<Weak<AtomicU64>>>,
}

impl Hearts {
    /// How often a runtime shows that it turns, and systemd is told.
    fn interval(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| (watchdog / 4).max(Duration::from_millis(1)))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether every runtime turned within half of the time that systemd waits.
    fn all_beat(&self) -> bool {
        let Some(watchdog) = self.watchdog else { return false };
        let oldest = self.now().saturating_sub(u64::try_from(watchdog.as_millis() / 2).unwrap_or(u64::MAX));
        let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        beats.retain(|beat| beat.strong_count() > 0);
        beats.iter().filter_map(Weak::upgrade).all(|beat| beat.load(Relaxed) >= oldest)
    }
}

impl Manager {
    /// The one that started this process, if `NOTIFY_SOCKET` names one. `status` says in a few words how the service does.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn from_env(status: impl Fn() -> String + Send + 'static) -> io::Result<Self> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self(None));
        }
        let watchdog = sd_notify::watchdog_enabled().filter(|watchdog| !watchdog.is_zero());
        let hearts = Arc::new(Hearts { since: Instant::now(), watchdog, beats: Mutex::default() });
        let (tell, told) = mpsc::channel();
        let watched = hearts.clone();
        let thread = thread::Builder::new().name("systemd".to_owned()).spawn(move || {
            let mut teller = Teller { hearts: watched, status, said: String::new(), failed: false };
            let turn = teller.hearts.interval().map_or(TURN, |interval| interval.min(TURN));
            loop {
                match told.recv_timeout(turn) {
                    Ok(message) => teller.tell(&message),
                    Err(RecvTimeoutError::Timeout) => teller.turn(),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Self(Some(Arc::new(Inner {
            tell: Mutex::new(Some(tell)),
            thread: Mutex::new(Some(thread)),
            hearts,
        }))))
    }

    /// Calls are answered from here on, or once more after a reload.
    pub fn ready(&self) {
        self.tell(Message::Ready);
    }

    /// The configuration is being read again; [`Manager::ready`] follows, whatever comes of it.
    pub fn reloading(&self) {
        self.tell(Message::Reloading);
    }

    /// Calls in flight are finished, and then the process ends.
    pub fn stopping(&self) {
        self.tell(Message::Stopping);
    }

    /// To be run on each runtime that serves: shows that it turns, as long as it does.
    pub fn beat(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let inner = self.0.as_ref();
        let beating = inner.and_then(|inner| {
            let hearts = inner.hearts.clone();
            let interval = hearts.interval()?;
            let beat = Arc::new(AtomicU64::new(hearts.now()));
            hearts.beats.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&beat));
            Some((hearts, interval, beat))
        });
        async move {
            let Some((hearts, interval, beat)) = beating else { return };
            loop {
                tokio::time::sleep(interval).await;
                beat.store(hearts.now(), Relaxed);
            }
        }
    }

    fn tell(&self, message: Message) {
        let Some(inner) = &self.0 else { return };
        if let Some(tell) = &*inner.tell.lock().unwrap_or_else(PoisonError::into_inner) {
            // The thread ends with this process only.
            let _ = tell.send(message);
        }
    }

    /// Waits until everything was told. Nothing is told afterwards.
    pub fn finish(&self) {
        let Some(inner) = &self.0 else { return };
        drop(inner.tell.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Teller<S> {
    hearts: Arc<Hearts>,
    status: S,
    said: String,
    failed: bool,
}

impl<S: Fn() -> String> Teller<S> {
    fn tell(&mut self, message: &Message) {
        match message {
            Message::Ready => self.send(&[NotifyState::Ready]),
            // Newer systemd matches a reload with what it asked for by this clock.
            Message::Reloading => match NotifyState::monotonic_usec_now() {
                Ok(clock) => self.send(&[NotifyState::Reloading, clock]),
                Err(_) => self.send(&[NotifyState::Reloading]),
            },
            Message::Stopping => self.send(&[NotifyState::Stopping]),
        }
        self.turn();
    }

    /// How the service does, if that has changed, and a sign of life.
    fn turn(&mut self) {
        let status = (self.status)();
        if status != self.said {
            self.send(&[NotifyState::Status(&status)]);
            self.said = status;
        }
        if self.hearts.all_beat() {
            self.send(&[NotifyState::Watchdog]);
        }
    }

    fn send(&mut self, states: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(states)
            && !std::mem::replace(&mut self.failed, true)
        {
            tracing::warn!(%error, "systemd cannot be told how the service does (NOTIFY_SOCKET)");
        }
    }
}
