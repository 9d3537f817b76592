//! Reload: files -> a whole new state, or none of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::changes::changes;
use super::services::{Current, Services};
use super::watch::Watched;
use super::{Lasting, StartError};
use crate::admin::{Asked, Outcome};
use crate::config::{Config, ConfigError, Files, NeedRestart, Written};
use crate::quota::StoreSettings;
use crate::runtime;
use crate::sandbox::Sandbox;
use crate::systemd::Manager;
use crate::telemetry;

/// How long after the begin of a reading the next one begins, at the earliest.
const PAUSE: Duration = Duration::from_secs(1);

/// How long calls in flight are waited for, to free on another thread than theirs what they began with.
const FREED_HERE: Duration = Duration::from_secs(2);

/// Reads the configuration as at the start, and notes the files. It may block.
pub type Read = Arc<dyn Fn(&mut Files) -> Result<Config, ConfigError> + Send + Sync>;

/// Reads when it is asked to, one at a time, and puts what it read in force.
pub(super) struct Reloader {
    pub asked: mpsc::Receiver<Asked>,
    pub reading: Arc<Reading>,
}

/// What one reading needs, on a thread of its own: files and commands may block, and calls wait for nothing of that.
pub(super) struct Reading {
    pub read: Read,
    pub services: Current,
    pub lasting: Arc<Lasting>,
    pub sandbox: Option<Sandbox>,
    /// What the start settled.
    pub settled: Settled,
    /// The settings that are in force.
    pub written: Mutex<Written>,
    pub watched: watch::Sender<Watched>,
}

/// What only a restart changes.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    settings: NeedRestart,
    store: Option<StoreSettings>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(
        "quota.store_password_file: the password in it needs a restart: the store of the quota is connected to once"
    )]
    Password,
    #[error("the reload ended in a defect of the sidecar, or the system gave it no thread")]
    Defect,
}

impl Settled {
    pub fn of(config: &Config) -> Self {
        Self { settings: config.need_restart.clone(), store: config.quota_store.clone() }
    }

    fn allows(&self, config: &Config) -> Result<(), Refused> {
        self.settings.unchanged_in(&config.need_restart)?;
        // The setting is the name of a file.
        match self.store == config.quota_store {
            true => Ok(()),
            false => Err(Refused::Password),
        }
    }
}

impl Reloader {
    /// Never ends by itself. The service manager hears of each reading.
    pub async fn run(mut self, manager: Manager) {
        let mut begun: Option<Instant> = None;
        while let Some(first) = self.asked.recv().await {
            if let Some(begun) = begun {
                sleep_until(begun + PAUSE).await;
            }
            let mut asked = vec![first];
            // All who ask until here are served by the reading that begins now.
            while let Ok(more) = self.asked.try_recv() {
                asked.push(more);
            }
            begun = Some(Instant::now());
            manager.reloading();
            let outcome = self.reading.clone().begin(asked[0].by()).await;
            manager.ready();
            asked.into_iter().for_each(|one| one.tell(outcome.clone()));
        }
    }
}

impl Reading {
    async fn begin(self: Arc<Self>, by: &'static str) -> Outcome {
        let (tell, told) = oneshot::channel();
        let reading = self.clone();
        let begun = runtime::behind_calls("reload", move || async move {
            let (outcome, before) = reading.reload(by);
            // Nobody waits any more when the asker has gone.
            let _ = tell.send(outcome);
            if let Some(before) = before {
                free(before).await;
            }
        });
        match begun {
            Ok(_) => told.await.unwrap_or_else(|_| Err(self.refused(by, &Refused::Defect))),
            Err(_) => Err(self.refused(by, &Refused::Defect)),
        }
    }

    /// Answers what came of it, and what was in force before.
    fn reload(&self, by: &'static str) -> (Outcome, Option<Arc<Services>>) {
        let read_at = SystemTime::now();
        let mut files = Files::default();
        let swapped = self.prepare(&mut files).and_then(|(config, services)| {
            if let Some(sandbox) = &self.sandbox {
                sandbox.take_apps(config.keyring.apps()).map_err(StartError::from)?;
            }
            // Asked before a call needs the answer, and as long as one may.
            let names_users = config.access.names_users();
            if names_users {
                self.lasting.users.set(true);
            }
            let before = self.services.swap(services);
            self.lasting.users.set(names_users);
            telemetry::set_level(config.log.level);
            Ok((config, before))
        });
        match swapped {
            Ok((config, before)) => {
                self.lasting.api.metrics.reload.read(true);
                self.watched.send_replace(Watched { on: config.watch, files, read_at });
                for advice in &config.advice {
                    tracing::warn!(advice, "this works, but look at it");
                }
                let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
                let changes = changes((&before.api.keyring, &written), (&config.keyring, &config.written));
                *written = config.written;
                drop(written);
                tracing::info!(by, changes, "the configuration was read again and is in force");
                (Ok(format!("reloaded: {changes}")), Some(before))
            }
            Err(refused) => {
                self.watched.send_modify(|watched| {
                    // What is mended may be a file that is named only now.
                    watched.files.read.extend(files.read);
                    watched.files.listed.extend(files.listed);
                    watched.read_at = read_at;
                });
                (Err(self.refused(by, &refused)), None)
            }
        }
    }

    /// Reads and checks everything, and makes the services of it. Nothing that is in force is touched.
    fn prepare(&self, files: &mut Files) -> Result<(Config, Services), Refused> {
        let config = (self.read)(files)?;
        self.settled.allows(&config)?;
        let services = self.services.get().renewed(&config, &self.lasting)?;
        Ok((config, services))
    }

    /// Nothing was changed: counts and tells it.
    fn refused(&self, by: &'static str, refused: &Refused) -> String {
        self.lasting.api.metrics.reload.read(false);
        let why = refused.to_string();
        let reason = why.replace('\n', "; ");
        tracing::warn!(by, reason, "the configuration was read again and is refused; nothing was changed");
        why
    }
}

/// Waits for the calls that began with what was in force, so that it is freed here. A call that takes long frees it itself.
async fn free(before: Arc<Services>) {
    let begun = Instant::now();
    while Arc::strong_count(&before) > 1 && begun.elapsed() < FREED_HERE {
        sleep(Duration::from_millis(20)).await;
    }
}
