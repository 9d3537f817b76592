//! A call's turn: it goes, waits in line with others of its kind, or is refused.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::local::Ticket;
use super::queue::Queue;
use super::{AppQuota, Decision, Pass, Quota, Refused, Source};
use crate::credentials::App;

/// How often a payment looks whether the one that went ahead was answered; with a store, that may happen elsewhere.
const LOOK: Duration = Duration::from_millis(20);

impl Quota {
    /// The whole way of a call to its token: what came of it, who decided, and whether it had to wait.
    pub(super) async fn within(
        &self,
        quota: &AppQuota,
        app: &App,
        ticket: &mut Ticket,
    ) -> (Result<Pass, Refused>, Source, bool) {
        let now = Instant::now();
        let deadline = now + self.max_wait;
        let moves_money = ticket.moves_money;
        let queue = if moves_money { &quota.payments } else { &quota.others };
        let (mut decision, mut source) = match queue.len() {
            0 => self.decide(quota, app, ticket, now).await,
            // Calls that came before go first, and take at least so long.
            ahead => (self.behind(quota, moves_money, queue, ahead, now), Source::Local),
        };
        let mut line = None;
        loop {
            let name = || app.name.clone();
            let (wait, refused) = match decision {
                Decision::Go { remembered } => {
                    let at_once = line.is_none() && source == Source::Local;
                    let went = if at_once { now } else { Instant::now() };
                    return (Ok(Pass::new(moves_money, remembered, went)), source, line.is_some());
                }
                Decision::Pause(wait) => {
                    return (Err(Refused::Paused { app: name(), moves_money, wait }), source, false);
                }
                Decision::Wait(wait) => (wait, Refused::Exceeded { app: name(), moves_money, wait }),
                Decision::Behind(wait) => (wait.min(LOOK), Refused::Behind { app: name(), wait }),
            };
            if Instant::now().checked_add(wait).is_none_or(|end| end > deadline) {
                return (Err(refused), source, false);
            }
            if line.is_none() {
                let place = queue.join();
                let Some(first) = place.first(deadline).await else {
                    return (Err(refused), source, false);
                };
                line = Some((first, place));
            } else {
                queue.hold_up(matches!(decision, Decision::Behind(_)));
                sleep(wait).await;
            }
            (decision, source) = self.decide(quota, app, ticket, Instant::now()).await;
        }
    }

    /// What a call has to expect that comes to a line of waiting ones.
    fn behind(
        &self,
        quota: &AppQuota,
        moves_money: bool,
        queue: &Queue,
        ahead: u32,
        now: Instant,
    ) -> Decision {
        match quota.left(moves_money, now) {
            Some(left) => Decision::Pause(left),
            None if queue.is_held_up() => Decision::Behind(Duration::ZERO),
            None => Decision::Wait(
                self.rates.map_or(Duration::ZERO, |rates| rates.of(moves_money).period) * ahead,
            ),
        }
    }
}
