//! `sandbox`: only the QFPay stand-in.

use std::time::Instant;

use super::args::Args;
use super::signals::Signals;
use super::{Stop, banner, block_on, load, start_log};
use crate::app::StandaloneSandbox;
use crate::config::{Config, Environment, Target};

pub(super) fn run(args: &Args) -> Result<(), Stop> {
    let since = Instant::now();
    // First of all: a signal that comes during the start is not lost.
    let signals = Signals::install()?;
    block_on(async {
        let config = config(args)?;
        let _written_at_the_end = start_log(config.log)?;
        let sandbox = StandaloneSandbox::start(&config).await?;
        outln!("qfpay-sidecar {} sandbox", env!("CARGO_PKG_VERSION"));
        banner::line("sandbox", &sandbox.address().to_string());
        banner::line("use it", &format!("qfpay-sidecar run --set upstream.base_url={}", sandbox.address()));
        banner::ready(since);
        sandbox.serve(signals.first()).await;
        Ok(())
    })
}

/// The configuration, unless it is one for real money.
fn config(args: &Args) -> Result<Config, Stop> {
    let config = load(args)?;
    if let Target::Live(url) = &config.upstream.target
        && url.is_production()
    {
        return Err(Stop::Usage(format!(
            "the sandbox does not start with a configuration for {url}: upstream.base_url must be \"sandbox\""
        )));
    }
    if config.environment == Environment::Production {
        return Err(Stop::Usage("the sandbox does not start in the production environment".to_owned()));
    }
    Ok(config)
}
