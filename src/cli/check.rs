//! `check`: is the configuration right, and where does each value come from?

use super::args::Args;
use super::{Stop, banner};
use crate::app;
use crate::config::{self, Effective};

pub(super) fn run(args: &Args, changed: bool) -> Result<(), Stop> {
    let request = args.config_request()?;
    let mut all = config::explain(&request)?;
    let loaded = config::load(&request);
    if loaded.is_err() {
        // Only where it is right does it stand fast that no key was written there.
        all.iter_mut().for_each(Effective::leave_out_code);
    }
    let settings: Vec<_> = all.iter().filter(|setting| !changed || setting.differs).collect();
    let key_width = settings.iter().map(|setting| setting.key.len()).max().unwrap_or(0);
    let value_width = settings.iter().map(|setting| setting.value.len().min(40)).max().unwrap_or(0);
    for setting in &settings {
        outln!("{:<key_width$}  {:<value_width$}  {}", setting.key, setting.value, setting.source);
    }
    if changed {
        outln!("{} further values are those of config/default.toml", all.len() - settings.len());
    }
    let config = loaded?;
    outln!();
    banner::apps(&config);
    banner::callers(&config);
    banner::rights(&config);
    banner::pages(&config);
    let missing = app::look(&config)?;
    for advice in config.advice.iter().chain(&missing) {
        banner::line("advice", advice);
    }
    for note in &config.upgrade {
        banner::line("upgrade", note);
    }
    outln!("the configuration is right");
    Ok(())
}
