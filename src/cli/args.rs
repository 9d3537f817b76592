//! The arguments, described for clap; `--help` is the manual.

use std::env::VarError;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;
use zeroize::Zeroizing;

use super::Stop;
use crate::config;

mod journal;
mod offline;
mod order;

pub(super) use journal::{Format, JournalCommand, JournalOptions, ReplayOptions};
use journal::{JOURNAL_EXAMPLES, REPLAY_EXAMPLES};
use offline::{EXPLAIN_EXAMPLES, TRIGGER_EXAMPLES, VERIFY_EXAMPLES};
pub(super) use offline::{ExplainOptions, Kind, SignOptions, TriggerOptions, VerifyOptions};
use order::ORDER_EXAMPLES;
pub(super) use order::OrderOptions;

const AFTER_HELP: &str = "\
Examples:
  qfpay-sidecar demo                       see the whole thing work, offline
  qfpay-sidecar                            serve with the embedded sandbox (no account needed)
  qfpay-sidecar run --env production       serve with config/production.toml
  qfpay-sidecar check --env production     is the configuration right? prints every value and its source
  qfpay-sidecar sign txamt=100 txcurrcd=HKD    what would be signed, and the signature
  qfpay-sidecar explain --sign HEX txamt=100   which mistake makes this signature
  qfpay-sidecar trigger payment --to http://127.0.0.1:8080/notify.php    a signed notification for a receiver
  curl -d txamt=100 -d txcurrcd=HKD -d pay_type=800201 -d out_trade_no=1 \\
       --data-urlencode 'txdtm=2026-01-31 12:00:00' http://127.0.0.1:8787/trade/v1/payment

Every setting stands in config/default.toml and can be given four ways, later ones win:
  the compiled-in default; the file of --env or --config; a variable such as QFPAY__LISTEN__API; a flag.
Keys are never settings: an app names a file, a variable or a systemd credential that holds its client_key.";

const SANDBOX_EXAMPLES: &str = "\
Examples:
  qfpay-sidecar sandbox --time-scale 1000
  qfpay-sidecar sandbox --set sandbox.notify_url=http://127.0.0.1:8080/notify.php";

/// Signs QFPay API calls for the shops on this machine, so that no shop holds the client_key.
///
/// The sidecar listens on localhost. A shop sends it the requests that it would send to QFPay, unsigned; the sidecar
/// sorts and signs the parameters, adds X-QF-APPCODE and X-QF-SIGN, and forwards the request over verified TLS.
#[derive(Clone, Debug, Parser)]
#[command(name = "qfpay-sidecar", version, after_long_help = AFTER_HELP, after_help = "--help shows examples.")]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) config: ConfigArgs,
}

/// Which configuration.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Configuration")]
pub(super) struct ConfigArgs {
    /// The environment: reads CONFIG_DIR/NAME.toml. Without --env and --config the variable QFPAY_SIDECAR_ENV says it,
    /// for containers whose health check runs without these flags; without that, too: sandbox.
    #[arg(long, global = true, value_name = "NAME", value_parser = ["sandbox", "test", "production"])]
    env: Option<String>,

    /// A configuration file to read instead of an environment's.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "env")]
    config: Option<PathBuf>,

    /// The folder that holds the environments' files.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "QFPAY_SIDECAR_CONFIG_DIR",
        default_value = "config"
    )]
    config_dir: PathBuf,

    /// Where callers connect: IP:PORT (port 0: any) or unix:/path, several with commas. Sets listen.api.
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,

    /// Where probes connect; an empty text turns it off. Sets listen.admin.
    #[arg(long, global = true, value_name = "ADDRESS")]
    admin_listen: Option<String>,

    /// text or json. Sets log.format.
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,

    /// error, warn, info, debug or trace. Sets log.level.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,

    /// Any setting, such as --set upstream.call_timeout_ms=30000. May be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Command {
    /// Serve until SIGTERM (the default command).
    ///
    /// Prints one banner, then `ready` once calls are answered. The first SIGTERM or Ctrl-C lets calls in flight
    /// finish; a second one ends at once.
    Run,
    /// Start sandbox and sidecar, send them the WeChat JSAPI calls and an MPM payment, and show every step.
    Demo {
        /// Exit when the calls are done, instead of serving on and printing curl lines to paste.
        #[arg(long)]
        once: bool,
    },
    /// Run only the offline QFPay stand-in, on sandbox.listen.
    ///
    /// It takes the keys of the configured apps, which must begin with SANDBOX. docs/sandbox.md lists the amounts
    /// that make it answer slowly, wrongly or not at all.
    #[command(after_help = SANDBOX_EXAMPLES)]
    Sandbox {
        /// How many times faster than QFPay notifications are repeated: 1000 turns 2 minutes into 120 ms.
        /// Sets sandbox.time_scale.
        #[arg(long, value_name = "N")]
        time_scale: Option<u32>,
    },
    /// Validate the configuration without starting; print every value and where it comes from.
    Check {
        /// Print only the values that differ from config/default.toml.
        #[arg(long)]
        changed: bool,
    },
    /// Print the canonical string and the signature of parameters, offline.
    ///
    /// Uses the key of an app of the configuration; prints it nowhere. The signature is as good as a signed request:
    /// treat it like one.
    Sign(SignOptions),
    /// Name the mistake behind a signature, offline.
    ///
    /// Prints the text that should have been hashed, whether the signature is that of it, and otherwise the mistake
    /// that reproduces it with the first difference. Prints neither a key nor a signature. Exits with 0 if the
    /// signature is right, with 1 if it is wrong.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainOptions),
    /// Check the signature of a notification or of an answer, offline.
    ///
    /// The signature is that of the raw bytes: give the body as it was received. Exits with 0 if it is valid, with 1
    /// and the reason if it is not. Without --app the key of every configured app is tried.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyOptions),
    /// Send one signed notification to a receiver, and show what it answered.
    ///
    /// Signs with a sandbox key and refuses any other. Exits with 0 if the receiver answered HTTP 200 with SUCCESS, as
    /// QFPay wants it, with 1 otherwise.
    #[command(after_help = TRIGGER_EXAMPLES)]
    Trigger(TriggerOptions),
    /// Read the journal: one order, what is in doubt, whether it was changed; or export it.
    ///
    /// Reads beside a running sidecar, and no keys.
    #[command(after_help = JOURNAL_EXAMPLES)]
    Journal(JournalOptions),
    /// Post notifications again that no receiver has acknowledged, from the journal.
    ///
    /// The same bytes go to the receiver of the route that takes them today, with X-Sidecar-Replay: true, the oldest first. Runs
    /// beside the sidecar or without it. Exits with 0 when all that has a route was taken; what has none is listed and left.
    #[command(after_help = REPLAY_EXAMPLES)]
    Replay(ReplayOptions),
    /// Show what an order went through, as the running sidecar remembers it.
    ///
    /// Asks /sidecar/v1/order on listen.api and prints a line for each call of late that names the order, and what is known
    /// of it now. Exits with 1 if none does.
    #[command(after_help = ORDER_EXAMPLES)]
    Order(OrderOptions),
    /// Let the running sidecar read its configuration, keys and certificates again, without a restart.
    ///
    /// Everything is read and checked as at the start, and put in force as a whole. Exits with 1 and the reasons if
    /// nothing was changed, with 2 if listen.admin cannot be read here. Only root and the sidecar's own user may ask; SIGHUP does the same and tells it in the log.
    Reload {
        /// How long to wait for the answer, in milliseconds.
        #[arg(long, default_value_t = 60_000, value_name = "MS")]
        timeout_ms: u64,
    },
    /// Ask /readyz of the running sidecar; exit 0 if it is ready. For container health checks.
    Healthcheck {
        /// How long to wait for the answer, in milliseconds.
        #[arg(long, default_value_t = 2000, value_name = "MS")]
        timeout_ms: u64,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages, one for each command, into a folder that exists.
    Man {
        /// The folder, such as ~/.local/share/man/man1.
        folder: PathBuf,
    },
}

impl Args {
    /// The environment that was asked for, by flag or else by variable.
    fn environment(&self) -> Result<Option<String>, Stop> {
        if self.config.config.is_some() || self.config.env.is_some() {
            return Ok(self.config.env.clone());
        }
        match std::env::var("QFPAY_SIDECAR_ENV") {
            Err(VarError::NotPresent) => Ok(None),
            // A name that was meant and got lost must not become the sandbox, which says yes to every payment.
            Ok(name) if ["sandbox", "test", "production"].contains(&name.as_str()) => Ok(Some(name)),
            Ok(_) | Err(VarError::NotUnicode(_)) => Err(Stop::Usage(
                "QFPAY_SIDECAR_ENV: it must be sandbox, test or production, or not be set".to_owned(),
            )),
        }
    }

    /// Whether a flag names a configuration.
    pub(super) fn names_a_configuration(&self) -> bool {
        self.config.config.is_some() || self.config.env.as_deref().is_some_and(|name| name != "sandbox")
    }

    /// Which layers of configuration to read.
    pub(super) fn config_request(&self) -> Result<config::Request, Stop> {
        let args = &self.config;
        let mut overrides = Vec::new();
        for setting in &args.set {
            let Some((key, value)) = setting.split_once('=') else {
                // Not repeated: it may be a pasted key.
                return Err(Stop::Usage(
                    "--set: write it as KEY=VALUE, e.g. --set log.level=debug".to_owned(),
                ));
            };
            overrides.push((key.to_owned(), value.to_owned()));
        }
        let flags = [
            ("listen.api", &args.listen),
            ("listen.admin", &args.admin_listen),
            ("log.format", &args.log_format),
            ("log.level", &args.log_level),
        ];
        for (key, value) in flags {
            if let Some(value) = value {
                overrides.push((key.to_owned(), value.clone()));
            }
        }
        if let Some(Command::Sandbox { time_scale: Some(scale) }) = self.command {
            overrides.push(("sandbox.time_scale".to_owned(), scale.to_string()));
        }
        Ok(config::Request {
            environment: self.environment()?,
            file: args.config.clone(),
            config_dir: args.config_dir.clone(),
            runs_programs: true,
            overrides,
            env: variables()?,
        })
    }
}

/// The environment. A variable that is not UTF-8 is skipped, unless its name begins like a setting's.
fn variables() -> Result<Vec<config::Variable>, Stop> {
    let mut variables = Vec::new();
    for (name, value) in std::env::vars_os() {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => variables.push((name, Zeroizing::new(value))),
            (Ok(name), Err(_)) if name.starts_with("QFPAY__") => {
                return Err(Stop::Usage(format!("environment variable {name}: its value is not UTF-8")));
            }
            _ => {}
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_description_is_consistent() {
        super::Args::command().debug_assert();
    }
}
