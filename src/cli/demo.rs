//! `demo`: the main job, on the embedded sandbox, through real sockets, with every step shown.
//!
//! The sandbox's key is no secret, so this is the one place that shows what the sidecar sends with its signature.

mod client;
mod steps;

use std::pin::pin;
use std::time::Instant;

use super::args::Args;
use super::signals::Signals;
use super::{Stop, banner, block_on, no_thread, start_log};
use crate::app::{Sidecar, StartError};
use crate::config::{self, Config};
use crate::runtime;
use crate::server::Address;
use client::Client;

pub(super) fn run(args: &Args, once: bool) -> Result<(), Stop> {
    let since = Instant::now();
    // First of all: a signal that comes during the start is not lost.
    let signals = Signals::install_at_a_terminal()?;
    block_on(async {
        let (mut config, chosen) = config(args)?;
        let _written_at_the_end = start_log(config.log)?;
        if once {
            chosen.any_other_ports(&mut config);
        }
        let sidecar = match Sidecar::start(&config).await {
            // Another process, perhaps an earlier demo, has a usual port: any others do, but for those that were asked for.
            Err(StartError::Bind { setting, .. }) if !chosen.has(setting) => {
                chosen.any_other_ports(&mut config);
                Sidecar::start(&config).await?
            }
            started => started?,
        };
        banner::print(&config, &sidecar);
        banner::ready(since);
        let sandbox = sidecar
            .sandbox()
            .ok_or_else(|| Stop::Failed("the demo needs the embedded sandbox".to_owned()))?;
        let api = base(&sidecar)?;
        let console =
            sidecar.sandbox_address().map(|address| format!("{address}/sandbox/")).unwrap_or_default();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(sidecar.serve(async {
            let _ = stopped.await;
        }));
        // It prints, and a terminal may stall.
        let walk = runtime::on_a_thread("demo", move || async move {
            let pay_page = steps::walk(&Client::new(api.clone()), &sandbox).await?;
            if !once {
                print_curl_lines(&api);
                // On lines of their own and whole, so that a terminal makes links of them.
                outln!("Open in a browser:\n\n  console    {console}\n  pay page   {pay_page}");
            }
            Ok(())
        });
        let mut asked_to_end = pin!(signals.first());
        let walked = tokio::select! {
            walked = walk.map_err(|cause| no_thread(&cause))? => {
                walked.unwrap_or_else(|_| Err(Stop::Failed("the demo ended in a defect".to_owned())))
            }
            () = &mut asked_to_end => Err(Stop::Failed("the demo was ended before its last step".to_owned())),
        };
        if walked.is_ok() && !once {
            asked_to_end.await;
        }
        let _ = stop.send(());
        let _ = serving.await;
        walked
    })
}

/// The addresses that a flag or a variable asks for. The demo obeys them; where none does, any port will do.
struct Chosen(Vec<&'static str>);

impl Chosen {
    fn of(request: &config::Request) -> Self {
        let mut settings = vec!["listen.api", "listen.admin", "sandbox.listen"];
        settings.retain(|setting| request.sets(setting));
        Self(settings)
    }

    fn has(&self, setting: &str) -> bool {
        self.0.contains(&setting)
    }

    fn any_other_ports(&self, config: &mut Config) {
        let any = || Address::Tcp(([127, 0, 0, 1], 0).into());
        if !self.has("listen.api") {
            config.listen.api = vec![any()];
        }
        if !self.has("listen.admin") {
            config.listen.admin = Some(any());
        }
        if !self.has("sandbox.listen") {
            config.sandbox.listen = any();
        }
    }
}

/// The sandbox environment, whatever else is configured; quiet, so that the steps can be read.
fn config(args: &Args) -> Result<(Config, Chosen), Stop> {
    let mut request = args.config_request()?;
    if args.names_a_configuration() {
        return Err(Stop::Usage(
            "the demo runs on the embedded sandbox only; leave out --env and --config".to_owned(),
        ));
    }
    request.environment = Some("sandbox".to_owned());
    let mut config = config::load(&request)?;
    if !request.sets("log.level") {
        // Warnings too stay out: one of the steps is a payment in doubt, of which the log warns.
        config.log.level = tracing::Level::ERROR;
    }
    Ok((config, Chosen::of(&request)))
}

fn base(sidecar: &Sidecar) -> Result<String, Stop> {
    let mut addresses = sidecar.api_addresses();
    let tcp = addresses.find(|address| matches!(address, Address::Tcp(_)));
    tcp.map(ToString::to_string)
        .ok_or_else(|| Stop::Usage("the demo's own client needs a TCP address in listen.api".to_owned()))
}

fn print_curl_lines(api: &str) {
    outln!("\nThe sidecar goes on serving. Paste these into another terminal; Ctrl-C ends it.\n");
    outln!(
        "  curl -d txamt=1200 -d txcurrcd=HKD -d pay_type=800201 -d out_trade_no=try-$RANDOM \\\n       \
         --data-urlencode \"txdtm=$(date '+%F %T')\" --data-urlencode 'goods_name=奶茶 & 菠蘿包' {api}/trade/v1/payment\n"
    );
    outln!(
        "  curl '{api}/trade/v1/query?start_time=2000-01-01+00:00:00&end_time=2099-12-31+23:59:59&page_size=5'\n"
    );
    outln!(
        "  curl -i '{api}/tool/v1/get_weixin_oauth_code?redirect_uri=https%3A%2F%2Fshop.example%2Fcallback'\n"
    );
    outln!(
        "  curl -d txamt=1 -d txamt=2 {api}/trade/v1/payment     # refused: which one is signed is not defined\n"
    );
}
