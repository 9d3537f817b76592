//! `replay`: posts again what is on record and was never acknowledged.

use std::collections::HashMap;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Args, ReplayOptions};
use super::{Stop, block_on, load, since};
use crate::app::with_roots;
use crate::caller::RequestId;
use crate::config::Config;
use crate::error::{Code, Failure};
use crate::notification::Replay;
use crate::orders::journal::{Appender, CannotOpen, Facts, Kept, Reader, Which};
use crate::receiver::Receivers;
use crate::sign::VerifiedNotification;

/// After so many failures in a row the rest of a route is left for the next time: a receiver that is away takes its whole time
/// limit for each.
const IN_A_ROW: u32 = 5;

/// What became of all that was looked at.
#[derive(Default)]
struct Outcome {
    taken: usize,
    refused: usize,
    /// Left, since their receiver is away.
    left: usize,
    unkept: usize,
    unrouted: Vec<String>,
    /// Failures in a row, by route.
    failures: HashMap<String, u32>,
}

pub(super) fn run(args: &Args, options: &ReplayOptions) -> Result<(), Stop> {
    let config = load(args)?;
    let Some(file) = &config.journal.file else {
        return Err(Stop::Usage(
            "journal.file is empty: this configuration keeps no notifications".to_owned(),
        ));
    };
    let which = Which {
        since: options.since.as_deref().map(since::parse).transpose()?.unwrap_or_default(),
        order: options.order.clone(),
        path: options.route.clone(),
        acknowledged: options.all,
    };
    let outcome = block_on_with(replay(&config, file, &which, options.unrouted))?;
    outcome.tell()
}

/// Runs the command to its end.
fn block_on_with<T>(command: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let mut done = None;
    block_on(async {
        done = Some(command.await?);
        Ok(())
    })?;
    done.ok_or_else(|| Stop::Failed("the replay did not run".to_owned()))
}

async fn replay(config: &Config, file: &Path, which: &Which, unrouted: bool) -> Result<Outcome, Stop> {
    let failed = |cause: CannotOpen| Stop::Failed(format!("{}: {cause}", file.display()));
    let (journal, appender) = (Reader::open(file).map_err(failed)?, Appender::open(file).map_err(failed)?);
    let settings = &config.notifications;
    let receivers = with_roots("notifications.ca_file", settings.ca_file.as_deref(), |roots| {
        Receivers::new(settings.receiver_timeout, roots)
    })?;
    let replay = Replay::new(&config.notification_routes, &config.keyring, receivers);
    let wanted = journal.notifications(which).map_err(failed)?;
    let bar = bar(wanted.len());
    let mut outcome = Outcome::default();
    for kept in wanted {
        outcome.one(&replay, &journal, &appender, kept, unrouted).await.map_err(failed)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(outcome)
}

impl Outcome {
    /// Posts one notification, if it has a route, and puts on record what became of it.
    async fn one(
        &mut self,
        replay: &Replay,
        journal: &Reader,
        appender: &Appender,
        wanted: Kept,
        unrouted: bool,
    ) -> Result<(), CannotOpen> {
        let was_unrouted = wanted.failure.as_deref() == Some(Code::NotificationUnrouted.row().name);
        let Some(body) = journal.body(wanted.id)? else {
            self.unkept += 1;
            return Ok(());
        };
        let notification = VerifiedNotification::kept(wanted.app.clone(), body);
        let route = replay.route(&wanted.path, &notification).filter(|_| unrouted || !was_unrouted);
        let Some(route) = route else {
            let order = wanted.out_trade_no.as_deref().unwrap_or("none");
            self.unrouted.push(format!(
                "{} row {}, order {}, app {}, path {}",
                wanted.at,
                wanted.id,
                order.escape_debug(),
                wanted.app,
                wanted.path
            ));
            return Ok(());
        };
        let in_a_row = self.failures.entry(route.label().to_owned()).or_default();
        if *in_a_row >= IN_A_ROW {
            self.left += 1;
            return Ok(());
        }
        let request_id = RequestId::fresh();
        let delivered = replay.post(route, &notification, &request_id, wanted.acknowledged).await;
        let failure = delivered.err().map(Failure::from);
        appender.attempt(
            wanted.id,
            &Facts {
                request_id: Some(request_id.as_str()),
                route: Some(route.label()),
                delivery: Some(failure.as_ref().map_or("answered", |failure| failure.delivery.as_str())),
                failure: failure.as_ref().map(|failure| failure.code.row().name),
                ..Facts::default()
            },
        )?;
        match failure {
            None => (self.taken, *in_a_row) = (self.taken + 1, 0),
            Some(failure) => {
                (self.refused, *in_a_row) = (self.refused + 1, *in_a_row + 1);
                if *in_a_row <= 1 {
                    errln!("row {}: {}: {}", wanted.id, route.label(), failure.detail());
                }
            }
        }
        Ok(())
    }

    /// Says what became of them; only what has a route and was not taken is a failure.
    fn tell(self) -> Result<(), Stop> {
        outln!("taken: {}", self.taken);
        for unrouted in &self.unrouted {
            outln!("no route: {unrouted}");
        }
        if !self.unrouted.is_empty() {
            outln!(
                "{} without a route, left as they are: add a [[notifications.routes]] section, then replay --unrouted",
                self.unrouted.len()
            );
        }
        if self.unkept > 0 {
            outln!("{} are on record without their bytes (journal.notification_bodies = false)", self.unkept);
        }
        let missed = self.refused + self.left + self.unkept;
        match missed {
            0 => Ok(()),
            _ => Err(Stop::Failed(format!(
                "{missed} were not taken: {} refused or unanswered, {} not tried since their receiver is away, {} not kept; \
                 run replay again",
                self.refused, self.left, self.unkept
            ))),
        }
    }
}

/// How far it has come, on a terminal only.
fn bar(count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
