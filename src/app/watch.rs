//! `watch`: a change of a file that the configuration was read from, or that it names, asks for a reload.
//!
//! The system only wakes: whether something changed is seen by looking at the files. So a burst is one reload, what happens
//! beside them in their folders is none, and no event can be missed for good by coming while its watch is being laid.

mod chain;
mod stamps;

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::admin::Reload;
use crate::config::Files;
use crate::runtime;
use chain::Chains;
use stamps::Stamps;

/// How long nothing may happen to the files before they are read: whoever changes several does so at once.
const QUIET: Duration = Duration::from_millis(200);
/// How long a file that is open for writing is waited for since it was last written to. Half of it may well be valid.
const WRITING: Duration = Duration::from_secs(10);
/// How long files that never come to rest are waited for.
const LONGEST: Duration = Duration::from_secs(30);

/// What has to be looked at, and since when.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub on: bool,
    pub files: Files,
    /// When they began to be read.
    pub read_at: SystemTime,
}

/// Watches in a thread of its own, since looking at files may block.
///
/// # Errors
/// The system gives no thread.
pub(super) fn start(watched: watch::Receiver<Watched>, reload: Reload) -> io::Result<()> {
    runtime::behind_calls("watch", move || run(watched, reload)).map(drop)
}

/// Ends with the sender of `watched`.
async fn run(mut watched: watch::Receiver<Watched>, reload: Reload) {
    let mut told = false;
    // For which a reload was asked for: a clock that was set back leaves files in the future, which never look read.
    let mut asked_for: Option<Stamps> = None;
    // Outlives each watcher: a file may be open for writing from one to the next.
    let events = Arc::new(Events::default());
    loop {
        let now = watched.borrow_and_update().clone();
        if !now.on {
            if watched.changed().await.is_err() {
                return;
            }
            continue;
        }
        let chains = Chains::of(&now.files);
        // Laid before the files are looked at: what happens after the look wakes.
        let laid = lay(&chains, &events);
        if let Err(why) = &laid
            && !std::mem::replace(&mut told, true)
        {
            tracing::warn!(%why, "watch: a folder cannot be watched, so that a change there reloads nothing by itself");
        }
        let before = Stamps::of(&now.files);
        let missed = before.changed_since(now.read_at) && asked_for.as_ref() != Some(&before);
        if !missed {
            tokio::select! {
                () = events.happened() => {}
                changed = watched.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
            }
        }
        events.settled().await;
        let after = Stamps::of(&now.files);
        if missed || after != before {
            asked_for = Some(after);
            // What came of it stands in the log.
            let _ = reload.ask("watch").await;
        }
    }
}

/// What the system told of the files.
#[derive(Debug, Default)]
struct Events {
    state: Mutex<State>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    /// Files that are open for writing, and when they were last written to.
    writing: HashMap<PathBuf, Instant>,
}

impl Events {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears of something that happened to one of the names that matter.
    fn hear(&self, event: &Event, matter: &HashSet<PathBuf>, listed: &HashSet<PathBuf>) {
        let concerns = |path: &&PathBuf| {
            let in_listed = path.parent().is_some_and(|folder| listed.contains(folder));
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            matter.contains(*path) || (in_listed && !hidden)
        };
        let lost = event.need_rescan();
        let mut concerned = event.paths.iter().filter(concerns).peekable();
        if concerned.peek().is_none() && !lost {
            return;
        }
        let mut state = self.state();
        let now = Instant::now();
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Remove(_) => {
                concerned.for_each(|path| _ = state.writing.remove(path));
            }
            EventKind::Modify(ModifyKind::Data(_)) => {
                state.writing.extend(concerned.map(|path| (path.clone(), now)));
                return;
            }
            EventKind::Create(CreateKind::File) => {
                // A link is whole when it is made; a file is when it is closed.
                let files = concerned.filter(|path| {
                    path.symlink_metadata().is_ok_and(|file| file.is_file() && is_alone(&file))
                });
                state.writing.extend(files.map(|path| (path.clone(), now)));
            }
            EventKind::Access(_) if !lost => return,
            _ => {}
        }
        state.last = Some(now);
        drop(state);
        self.woken.notify_one();
    }

    async fn happened(&self) {
        self.woken.notified().await;
    }

    /// Waits until nothing happens to the files any more.
    async fn settled(&self) {
        let begun = Instant::now();
        while begun.elapsed() < LONGEST {
            let left = {
                let mut state = self.state();
                state.writing.retain(|_, since| since.elapsed() < WRITING);
                let since = state.last.map_or(QUIET, |last| last.elapsed()).min(begun.elapsed());
                match state.writing.is_empty() {
                    true => QUIET.saturating_sub(since),
                    false => QUIET,
                }
            };
            if left.is_zero() {
                return;
            }
            let _ = timeout(left, self.woken.notified()).await;
            // Events come in heaps.
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Whether a file has this one name: a hard link is made of a file that was whole before.
fn is_alone(file: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(file) == 1
}

/// Watches every folder in which a name stands that matters.
fn lay(chains: &Chains, events: &Arc<Events>) -> notify::Result<RecommendedWatcher> {
    let (matter, listed) = (chains.names.clone(), chains.listed.clone());
    let events = events.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if let Ok(event) = event {
            events.hear(&event, &matter, &listed);
        }
    })?;
    for folder in &chains.folders {
        let watching = watcher.watch(folder, RecursiveMode::NonRecursive);
        // Folders above may be closed to this user; they are seldom renamed.
        if chains.needed.contains(folder) && folder.is_dir() {
            watching?;
        }
    }
    Ok(watcher)
}
