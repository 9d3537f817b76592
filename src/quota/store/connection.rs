//! What is asked of Redis, with a bound on every wait, and failures in words that hold no secret.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    Script,
};
use tokio::time::timeout;

use super::super::pause::Lengths;
use super::super::{Decision, Rate, StoreHost, StoreSettings};

/// No entry of a number is kept longer: a call's longest time, its wait and the longest hold together are less.
const LONGEST_FLIGHT: Duration = Duration::from_secs(1800);

/// What Redis runs: one decision.
pub(super) const SCRIPT: &str = include_str!("quota.lua");

/// What Redis runs for numbers that are on their way.
const FLIGHTS: &str = include_str!("flights.lua");

/// The way to Redis.
#[derive(Debug)]
pub(super) struct Redis {
    client: Client,
    name: String,
    script: Script,
    flights: Script,
    timeout: Duration,
}

/// Why Redis does not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// Within `quota.store_timeout_ms`.
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// It answered an error, such as `WRONGPASS` or `READONLY`. Only the code: a text could repeat what was sent.
    #[error("it answered {0}")]
    Refused(String),
    /// Something that the script never answers.
    #[error("it answered what the script never answers")]
    Odd,
    /// No connection, or a broken one.
    #[error("{0}")]
    Unreachable(String),
}

/// What `quota.lua` is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    /// May one call go?
    Take { all: Rate, lesser: Option<Rate>, pauses: Lengths },
    /// So much was let go without asking.
    Charge { all: Rate, owed: Duration },
    /// QFPay answered 429.
    Refused { moves_money: bool, age: Duration, retry_after: Option<Duration>, pauses: Lengths },
    /// QFPay answered something else.
    Answered { moves_money: bool, age: Duration, pauses: Lengths },
}

/// What `flights.lua` is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    Take,
    Free,
    Doubt,
    Named,
}

impl Ask {
    pub fn name(self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Free => "free",
            Self::Doubt => "doubt",
            Self::Named => "named",
        }
    }
}

impl Redis {
    pub fn new(settings: &StoreSettings) -> Self {
        let address = match &settings.address.host {
            StoreHost::Tcp(host, port) => ConnectionAddr::Tcp(host.clone(), *port),
            StoreHost::Unix(path) => ConnectionAddr::Unix(path.clone()),
        };
        let mut login = RedisConnectionInfo::default().set_db(settings.address.database);
        if let Some(user) = &settings.address.user {
            login = login.set_username(user);
        }
        if let Some(password) = &settings.password {
            login = login.set_password(password.reveal());
        }
        let info = address
            .into_connection_info()
            .expect("an address is enough to connect")
            .set_redis_settings(login);
        Self {
            client: Client::open(info).expect("plain TCP and unix sockets are supported"),
            name: settings.address.to_string(),
            script: Script::new(SCRIPT),
            flights: Script::new(FLIGHTS),
            timeout: settings.timeout,
        }
    }

    /// Where it is, for people; without user and password.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        self.bounded(self.client.get_multiplexed_async_connection_with_config(&config)).await
    }

    pub async fn ping(&self, mut connection: MultiplexedConnection) -> Result<(), StoreError> {
        self.bounded(redis::cmd("PING").query_async(&mut connection)).await
    }

    /// Runs the script for one app, whose hash says nothing any more when no call came for `forget`. It is loaded where Redis
    /// does not know it yet.
    pub async fn ask(
        &self,
        mut connection: MultiplexedConnection,
        key: &str,
        forget: Duration,
        question: Question,
    ) -> Result<Decision, StoreError> {
        let mut run = self.script.key(key);
        run.arg(question.name()).arg(forget.as_millis() as u64);
        for figure in question.figures() {
            run.arg(figure);
        }
        let answer: Vec<u64> = self.bounded(run.invoke_async(&mut connection)).await?;
        // No wait and no pause is longer than the hash is kept.
        let time = |micros| Duration::from_micros(micros).min(forget);
        match answer[..] {
            [0, _, remembered] => Ok(Decision::Go { remembered: remembered > 0 }),
            [1, wait, _] => Ok(Decision::Wait(time(wait))),
            [2, wait, _] => Ok(Decision::Pause(time(wait))),
            [3, wait, _] => Ok(Decision::Behind(time(wait))),
            _ => Err(StoreError::Odd),
        }
    }

    /// Runs the script for a number on its way.
    pub async fn ask_of_flight(
        &self,
        mut connection: MultiplexedConnection,
        ask: Ask,
        key: &str,
        mark: &str,
        kept: Duration,
    ) -> Result<(u64, Duration), StoreError> {
        let mut run = self.flights.key(key);
        let kept = kept.min(LONGEST_FLIGHT).as_millis().max(1) as u64;
        run.arg(ask.name()).arg(mark).arg(kept).arg(LONGEST_FLIGHT.as_millis() as u64);
        let answer: Vec<u64> = self.bounded(run.invoke_async(&mut connection)).await?;
        match answer[..] {
            [held @ 0..=2, left] => Ok((held, Duration::from_millis(left).min(LONGEST_FLIGHT))),
            _ => Err(StoreError::Odd),
        }
    }

    async fn bounded<T>(&self, asked: impl Future<Output = Result<T, RedisError>>) -> Result<T, StoreError> {
        match timeout(self.timeout, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_timeout() => Err(StoreError::Silent(self.timeout)),
            Ok(Err(error)) => Err(StoreError::of(&error)),
            Err(_) => Err(StoreError::Silent(self.timeout)),
        }
    }
}

impl StoreError {
    fn of(error: &RedisError) -> Self {
        match error.code() {
            Some(code) => Self::Refused(code.to_owned()),
            None if error.is_io_error() => Self::Unreachable(error.to_string()),
            None => Self::Unreachable(error.category().to_owned()),
        }
    }
}

impl Question {
    fn name(self) -> &'static str {
        match self {
            Self::Take { .. } => "take",
            Self::Charge { .. } => "charge",
            Self::Refused { .. } => "refused",
            Self::Answered { .. } => "answered",
        }
    }

    /// In the order in which `quota.lua` reads them, in microseconds.
    fn figures(self) -> Vec<u64> {
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        // Rounded up: no rate may become faster.
        let period = |rate: Rate| micros(rate.period + Duration::from_nanos(999));
        let tolerance = |rate: Rate| period(rate) * u64::from(rate.burst - 1);
        match self {
            Self::Take { all, lesser, pauses } => {
                let lesser = lesser.map_or([1, 0, 0], |rate| [0, period(rate), tolerance(rate)]);
                let pauses = [pauses.step(), pauses.longest, pauses.longest_of_payments()].map(micros);
                [&[period(all), tolerance(all)], &lesser[..], &pauses[..]].concat()
            }
            Self::Charge { all, owed } => vec![period(all), tolerance(all), micros(owed)],
            Self::Refused { moves_money, age, retry_after, pauses } => {
                let wanted = retry_after.unwrap_or_default();
                let times = [age, wanted, pauses.first, pauses.longest, pauses.longest_of_payments()];
                [&[u64::from(moves_money)], &times.map(micros)[..]].concat()
            }
            Self::Answered { moves_money, age, pauses } => {
                vec![u64::from(moves_money), micros(age), micros(pauses.longest)]
            }
        }
    }
}
