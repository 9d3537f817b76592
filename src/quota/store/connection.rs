//! What is asked of Redis, with a bound on every wait, and failures in words that hold no secret.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisError,
    Script,
};
use tokio::time::timeout;

use super::super::pause::Lengths;
use super::super::{Decision, Rate};
use crate::config::{QuotaStore, StoreHost};

/// The way to Redis.
#[derive(Debug)]
pub(super) struct Redis {
    client: Client,
    name: String,
    script: Script,
    timeout: Duration,
    /// After how long without a call an app's hash says nothing any more.
    forget: Duration,
}

/// Why Redis does not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Away {
    /// Within `quota.store_timeout_ms`.
    #[error("no answer within {} ms", .0.as_millis())]
    Silent(Duration),
    /// It answered an error, such as `WRONGPASS` or `READONLY`. Only the code: a text could repeat what was sent.
    #[error("it answered {0}")]
    Refused(String),
    /// No connection, or a broken one.
    #[error("{0}")]
    Unreachable(String),
}

/// What `quota.lua` is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    /// May one call go?
    Take { all: Rate, reads: Option<Rate>, longest_pause: Duration },
    /// So much was let go without asking.
    Charge { all: Rate, owed: Duration },
    /// QFPay answered 429.
    Refused { age: Duration, retry_after: Option<Duration>, pauses: Lengths },
    /// QFPay answered something else.
    Answered { age: Duration },
}

impl Redis {
    pub fn new(settings: &QuotaStore, forget: Duration) -> Self {
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
            script: Script::new(include_str!("quota.lua")),
            timeout: settings.timeout,
            forget,
        }
    }

    /// Where it is, for people; without user and password.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub async fn connect(&self) -> Result<MultiplexedConnection, Away> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.timeout))
            .set_response_timeout(Some(self.timeout));
        self.bounded(self.client.get_multiplexed_async_connection_with_config(&config)).await
    }

    pub async fn ping(&self, mut connection: MultiplexedConnection) -> Result<(), Away> {
        self.bounded(redis::cmd("PING").query_async(&mut connection)).await
    }

    /// Runs the script for one app. It is loaded where Redis does not know it yet.
    pub async fn ask(
        &self,
        mut connection: MultiplexedConnection,
        key: &str,
        question: Question,
    ) -> Result<Decision, Away> {
        let mut run = self.script.key(key);
        run.arg(question.name()).arg(self.forget.as_millis() as u64);
        for figure in question.figures() {
            run.arg(figure);
        }
        let (outcome, wait, strikes): (u8, u64, u64) =
            self.bounded(run.invoke_async(&mut connection)).await?;
        let wait = Duration::from_micros(wait);
        Ok(match outcome {
            0 => Decision::Go { strikes: strikes > 0 },
            1 => Decision::Wait(wait),
            _ => Decision::Pause(wait),
        })
    }

    async fn bounded<T>(&self, asked: impl Future<Output = Result<T, RedisError>>) -> Result<T, Away> {
        match timeout(self.timeout, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_timeout() => Err(Away::Silent(self.timeout)),
            Ok(Err(error)) => Err(Away::of(&error)),
            Err(_) => Err(Away::Silent(self.timeout)),
        }
    }
}

impl Away {
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
            Self::Take { all, reads, longest_pause } => {
                let read = reads.map_or([0, 0, 0], |rate| [1, period(rate), tolerance(rate)]);
                [&[period(all), tolerance(all)], &read[..], &[micros(longest_pause)]].concat()
            }
            Self::Charge { all, owed } => vec![period(all), tolerance(all), micros(owed)],
            Self::Refused { age, retry_after, pauses } => {
                let wanted = micros(retry_after.unwrap_or_default());
                vec![micros(age), wanted, micros(pauses.first), micros(pauses.longest)]
            }
            Self::Answered { age } => vec![micros(age)],
        }
    }
}
