//! One case from start to end: a sidecar, an upstream, a payment into the fault, and a payment behind it.

use std::time::Duration;

use tokio::sync::Semaphore;

use super::caller::call;
use super::case::{Call, Case, Connection, Fault, Over};
use super::check;
use super::doubt::{self, Doubts};
use super::list::Measured;
use super::rules::{self, Expected};
use super::sidecar::{Sidecars, Started};
use super::tls::Authority;
use super::upstream::Upstream;

/// An address of the test's own, so that a closed port stays closed and nobody else's sockets are met.
pub const HOST: &str = "127.0.0.78";
/// The order number of the payment that meets the fault.
pub const OUT_TRADE_NO: &str = "PAYING";
/// Of one on the same connection before it.
const BEFORE: &str = "BEFORE";
/// Of one behind it.
pub const BEHIND: &str = "BEHIND";

/// Until the system has delivered what an upstream wrote to an idle connection: there is no event to wait for.
const DELIVERED: Duration = Duration::from_millis(25);

/// What cases share.
pub struct Stage {
    pub authority: Authority,
    pub sidecars: Sidecars,
    /// Cases that compute at once: few, so that no short deadline passes for lack of a processor.
    pub busy: Semaphore,
    /// What became of the doubts, where journals are kept.
    pub doubts: Doubts,
}

impl Stage {
    pub fn new(journals: bool) -> Self {
        let authority = Authority::new(HOST);
        let sidecars = Sidecars::new(&authority.pem(), journals);
        Self { authority, sidecars, busy: Semaphore::new(16), doubts: Doubts::default() }
    }
}

/// One payment without a fault over each transport, to learn lengths from.
pub async fn measure(stage: &Stage) -> Measured {
    let mut request = 0;
    let mut handshakes = Vec::new();
    for over in [Over::Http, Over::Tls12, Over::Tls13] {
        let upstream = Upstream::start(HOST, over, &stage.authority).await;
        let (sidecar, padding) = start(stage, &upstream, over, true).await;
        let called = call(sidecar.api, Call::Payment.path(), &form(OUT_TRADE_NO, &padding)).await;
        check::own_answer(called, OUT_TRADE_NO).unwrap();
        sidecar.stop().await;
        let state = upstream.end().await;
        request = state.arrivals[0].bytes.len();
        handshakes.push((over, state.handshake));
    }
    Measured { request, handshakes: handshakes.split_off(1) }
}

/// A sidecar in front of an upstream, and what amounts end with: it makes up for the length of the port, so that requests
/// have the same length in every case.
async fn start(stage: &Stage, upstream: &Upstream, over: Over, patient: bool) -> (Started, String) {
    let scheme = if over == Over::Http { "http" } else { "https" };
    let base_url = format!("{scheme}://{}", upstream.address);
    let padding = "0".repeat(5 - upstream.address.port().to_string().len());
    (stage.sidecars.start(&base_url, patient).await, padding)
}

fn form(out_trade_no: &str, padding: &str) -> String {
    format!("out_trade_no={out_trade_no}&txamt=1{padding}")
}

/// Runs a case. The error says what was not as it must be.
pub async fn run(stage: &Stage, case: &Case) -> Result<Vec<Expected>, String> {
    let computing = stage.busy.acquire().await.unwrap();
    let mut upstream = Upstream::start(HOST, case.over, &stage.authority).await;
    let (sidecar, padding) = start(stage, &upstream, case.over, !case.fault.waits()).await;
    let form = |number| form(number, &padding);

    if case.connection == Connection::Reused {
        check::own_answer(call(sidecar.api, Call::Payment.path(), &form(BEFORE)).await, BEFORE)
            .map_err(|what| format!("the payment before: {what}"))?;
        // The sidecar keeps the connection once it has seen the answer's end.
        tokio::time::sleep(DELIVERED).await;
    }
    if sidecar.journal.is_some() {
        upstream.books(stage.doubts.books_next());
    }
    upstream.arm(case, OUT_TRADE_NO).await;
    if matches!(case.fault, Fault::Idle(_)) {
        upstream.acted().await;
        tokio::time::sleep(DELIVERED).await;
    }
    // Who waits for a deadline leaves the processors to others.
    let computing = Some(computing).filter(|_| !case.fault.waits());
    let called = call(sidecar.api, case.call.path(), &form(OUT_TRADE_NO)).await;
    let computing = match computing {
        Some(computing) => computing,
        None => stage.busy.acquire().await.unwrap(),
    };
    upstream.acted().await;
    upstream.recover().await;
    let behind = call(sidecar.api, Call::Payment.path(), &form(BEHIND)).await;
    let called = called?;
    drop(computing);
    let outcome = match sidecar.journal {
        Some(_) if doubt::is_left(case, &called) => {
            Some(doubt::outcome(sidecar.api, upstream.has_booked()).await?)
        }
        _ => None,
    };
    let journal = sidecar.stop().await;
    let state = upstream.end().await;

    check::all(case, &called, behind, &state)?;
    if let Some(journal) = journal {
        doubt::check(&stage.doubts, outcome.as_ref(), &state, &journal)?;
    }
    Ok(rules::expected(case, &check::reply(case)))
}
