//! `demo`: the main job, on the embedded sandbox, through real sockets, with every step shown.
//!
//! The sandbox's key is no secret, so this is the one place that shows what the sidecar sends with its signature.

mod client;
mod steps;

use std::pin::pin;
use std::time::Instant;

use super::args::Args;
use super::signals::Signals;
use super::{Stop, block_on, screen};
use crate::app::{Sidecar, StartError};
use crate::config::{self, Config};
use crate::server::Address;
use crate::telemetry;
use client::Client;

pub(super) fn run(args: &Args, once: bool) -> Result<(), Stop> {
    let since = Instant::now();
    let mut config = config(args, once)?;
    let _written_at_the_end = telemetry::init(config.log);
    block_on(async {
        let signals = Signals::install()?;
        let sidecar = match Sidecar::start(&config).await {
            // Somebody else, perhaps an earlier demo, has the usual ports: any others do.
            Err(StartError::Bind { .. }) => {
                any_ports(&mut config);
                Sidecar::start(&config).await?
            }
            started => started?,
        };
        screen::print(&config, &sidecar);
        screen::ready(since);
        let sandbox = sidecar
            .sandbox()
            .ok_or_else(|| Stop::Failed("the demo needs the embedded sandbox".to_owned()))?;
        let api = base(sidecar.api_address())?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(sidecar.serve(async {
            let _ = stopped.await;
        }));
        let client = Client::new(api.clone());
        let mut asked_to_end = pin!(signals.first());
        let interrupted = || Stop::Failed("the demo was ended before its last step".to_owned());
        let walked = tokio::select! {
            walked = steps::walk(&client, &sandbox) => walked,
            () = &mut asked_to_end => Err(interrupted()),
        };
        if walked.is_ok() && !once {
            print_curl_lines(&api);
            asked_to_end.await;
        }
        let _ = stop.send(());
        let _ = serving.await;
        walked
    })
}

/// The sandbox environment, whatever else is configured; quiet, so that the steps can be read.
fn config(args: &Args, once: bool) -> Result<Config, Stop> {
    let mut request = args.config_request()?;
    if args.names_a_configuration() {
        return Err(Stop::Usage(
            "the demo runs on the embedded sandbox only; leave out --env and --config".to_owned(),
        ));
    }
    request.environment = Some("sandbox".to_owned());
    if !request.overrides.iter().any(|(key, _)| key == "log.level") {
        request.overrides.push(("log.level".to_owned(), "warn".to_owned()));
    }
    let mut config = config::load(&request)?;
    if once {
        any_ports(&mut config);
    }
    Ok(config)
}

fn any_ports(config: &mut Config) {
    let any = Address::Tcp(([127, 0, 0, 1], 0).into());
    config.listen.api = any.clone();
    config.listen.admin = Some(any.clone());
    config.sandbox.listen = any;
}

fn base(api: &Address) -> Result<String, Stop> {
    match api {
        Address::Tcp(_) => Ok(api.to_string()),
        Address::Unix(_) => {
            Err(Stop::Usage("the demo's own client needs a TCP address in listen.api".to_owned()))
        }
    }
}

fn print_curl_lines(api: &str) {
    say!("\nThe sidecar goes on serving. Paste these into another terminal; Ctrl-C ends it.\n");
    say!(
        "  curl -d txamt=1200 -d txcurrcd=HKD -d pay_type=800201 -d out_trade_no=try-$RANDOM \\\n       \
         --data-urlencode \"txdtm=$(date '+%F %T')\" --data-urlencode 'goods_name=奶茶 & 菠蘿包' {api}/trade/v1/payment\n"
    );
    say!("  curl '{api}/trade/v1/query?page_size=5'\n");
    say!(
        "  curl -i '{api}/tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.example%2Fcallback'\n"
    );
    say!(
        "  curl -d txamt=1 -d txamt=2 {api}/trade/v1/payment     # refused: which one is signed is not defined\n"
    );
}
