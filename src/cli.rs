//! The command line: arguments -> configuration -> a command -> exit code.
//!
//! Exit codes: 0 done; 1 the command failed; 2 arguments or configuration are wrong; 128 + signal at a second signal.

#[macro_use]
mod output;

mod args;
mod banner;
mod check;
mod confinement;
mod demo;
mod explain;
mod hardening;
mod healthcheck;
mod input;
mod journal;
mod order;
mod paper;
mod reload;
mod replay;
mod run;
mod sandbox;
mod sign;
mod signals;
mod since;
mod trigger;
mod verify;

use std::fmt;
use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::app::StartError;
use crate::config::{self, Config, ConfigError, is_bidirectional};
use crate::runtime;
use crate::server::Passed;
use crate::telemetry;
use args::{Args, Command};

/// Parses the arguments of the process, does what they say, and gives the exit code.
pub fn main() -> ExitCode {
    hardening::forbid_dumps();
    // Changes the environment, hence before there are threads. Only `run` listens for shops.
    let passed = Passed::from_env();
    let args = match Args::try_parse() {
        Ok(args) => args,
        // clap repeats what was typed, or pasted.
        Err(error) if error.to_string().contains(is_bidirectional) => {
            errln!("{error}");
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    let done = match args.command.as_ref().unwrap_or(&Command::Run) {
        Command::Run => run::run(&args, passed),
        Command::Demo { once } => demo::run(&args, *once),
        Command::Sandbox { .. } => sandbox::run(&args),
        Command::Check { changed } => check::run(&args, *changed),
        Command::Sign(options) => sign::run(&args, options),
        Command::Explain(options) => explain::run(&args, options),
        Command::Verify(options) => verify::run(&args, options),
        Command::Trigger(options) => trigger::run(&args, options),
        Command::Journal(options) => journal::run(&args, options),
        Command::Replay(options) => replay::run(&args, options),
        Command::Order(options) => order::run(&args, options),
        Command::Reload { timeout_ms } => reload::run(&args, *timeout_ms),
        Command::Healthcheck { timeout_ms } => healthcheck::run(&args, *timeout_ms),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Args::command(), "qfpay-sidecar", &mut std::io::stdout());
            Ok(())
        }
        Command::Man { folder } => clap_mangen::generate_to(Args::command(), folder)
            .map_err(|cause| Stop::Failed(format!("{}: {cause}", folder.display()))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            errln!("qfpay-sidecar: {stop}");
            stop.exit_code()
        }
    }
}

/// Why a command ended without success.
#[derive(Debug)]
enum Stop {
    /// The configuration is wrong.
    Config(ConfigError),
    /// The configuration is right, but an address or a file is not to be had.
    Start(StartError),
    /// The arguments do not fit together.
    Usage(String),
    /// The command did not succeed.
    Failed(String),
}

impl Stop {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Start(_) | Self::Failed(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "the configuration is wrong\n{error}"),
            Self::Start(error) => write!(f, "cannot start\n{error}"),
            Self::Usage(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl From<ConfigError> for Stop {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<StartError> for Stop {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

/// Reads the configuration that the arguments name.
fn load(args: &Args) -> Result<Config, Stop> {
    Ok(config::load(&args.config_request()?)?)
}

/// Begins to log. What is logged before goes nowhere.
fn start_log(log: telemetry::Log) -> Result<telemetry::Flush, Stop> {
    telemetry::init(log).map_err(|cause| no_thread(&cause))
}

/// Runs a command to its end.
fn block_on(command: impl Future<Output = Result<(), Stop>>) -> Result<(), Stop> {
    runtime::block_on(command).unwrap_or_else(|cause| Err(no_thread(&cause)))
}

/// The system is out of threads, memory or descriptors.
fn no_thread(cause: &io::Error) -> Stop {
    Stop::Failed(format!("a thread or its runtime did not start: {cause}"))
}
