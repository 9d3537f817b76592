//! The upstream of one case: it answers every payment with that payment's number, but for the one that meets the fault.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::case::{Case, Fault, Over};
use super::play;
use super::tls::Authority;

/// Nothing in a case takes as long: who waits longer is stuck.
pub const LONGEST: Duration = Duration::from_secs(60);

/// When something arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the payment.
    Before,
    /// From the payment until its caller has an answer.
    Payment,
    /// Then.
    After,
}

/// A request of which at least one byte arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub phase: Phase,
    pub connection: usize,
    pub bytes: Vec<u8>,
}

impl Arrival {
    /// The order number, once that much of it has arrived.
    pub fn out_trade_no(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        let (_, rest) = text.split_once("out_trade_no=")?;
        rest.split_once('&').map(|(number, _)| number)
    }

    /// Whether it is a query that the sidecar makes by itself, to learn what became of an order.
    pub fn is_inquiry(&self) -> bool {
        self.phase == Phase::After && self.bytes.starts_with(b"POST /trade/v1/query ")
    }
}

#[derive(Default)]
pub struct State {
    pub arrivals: Vec<Arrival>,
    /// The server's raw bytes of the first TLS handshake.
    pub handshake: Vec<u8>,
    armed: Option<Fault>,
    after: bool,
    payment: String,
    /// Whether a payment that arrives whole is booked.
    books: bool,
}

impl State {
    /// Whether the payment that met the fault is booked.
    pub fn has_booked(&self) -> bool {
        self.books && self.arrivals.iter().any(|arrival| is_whole_payment(arrival, &self.payment))
    }
}

fn is_whole_payment(arrival: &Arrival, number: &str) -> bool {
    let is_payment = arrival.bytes.starts_with(b"POST /trade/v1/payment ");
    is_payment
        && arrival.out_trade_no() == Some(number)
        && play::whole(&arrival.bytes).is_some_and(|whole| arrival.bytes.len() >= whole)
}

/// What the connections of an upstream share.
pub struct Shared {
    state: Mutex<State>,
    /// Wakes the idle connection for its fault.
    pub idle: Notify,
    /// Whether the fault has happened.
    acted: watch::Sender<bool>,
    closing: Notify,
    /// Ends accepting and every connection at once.
    shut: Notify,
    pub tls: Option<Arc<ServerConfig>>,
    pub misnamed: Arc<ServerConfig>,
}

pub struct Upstream {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    /// The port while nobody listens on it: another case would take it.
    kept: Option<TcpSocket>,
}

/// Held while ports change hands, or another case is given the port that one is about to keep.
static BINDING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl Upstream {
    pub async fn start(host: &str, over: Over, authority: &Authority) -> Self {
        let listener = {
            let _binding = BINDING.lock().await;
            TcpListener::bind((host, 0)).await.unwrap()
        };
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            idle: Notify::new(),
            acted: watch::Sender::new(false),
            closing: Notify::new(),
            shut: Notify::new(),
            tls: authority.server(over),
            misnamed: authority.misnamed(),
        });
        let accepting = Some(tokio::spawn(accept(listener, shared.clone())));
        Self { address, shared, accepting, kept: None }
    }

    /// Says whether it books what arrives whole.
    pub fn books(&self, books: bool) {
        self.shared.state().books = books;
    }

    /// Whether it has booked the payment that met the fault.
    pub fn has_booked(&self) -> bool {
        self.shared.state().has_booked()
    }

    /// From now on the first request or connection meets the fault; an idle connection meets it at once.
    pub async fn arm(&mut self, case: &Case, out_trade_no: &str) {
        self.shared.state().armed = Some(case.fault);
        self.shared.state().payment = out_trade_no.to_owned();
        match case.fault {
            Fault::Port => {
                let _binding = BINDING.lock().await;
                let accepting = self.accepting.take().unwrap();
                self.shared.shut.notify_one();
                accepting.await.unwrap();
                let port = TcpSocket::new_v4().unwrap();
                port.set_reuseaddr(true).unwrap();
                port.bind(self.address).unwrap();
                self.kept = Some(port);
                self.shared.acted();
            }
            Fault::Idle(_) => {
                self.shared.idle.notify_one();
                self.acted().await;
            }
            _ => {}
        }
    }

    /// Waits until the fault has happened.
    pub async fn acted(&self) {
        let mut acted = self.shared.acted.subscribe();
        timeout(LONGEST, acted.wait_for(|acted| *acted)).await.expect("the fault happens").unwrap();
    }

    /// The payment's caller was answered: from now on all is well again.
    pub async fn recover(&mut self) {
        self.shared.state().after = true;
        if let Some(port) = self.kept.take() {
            let listener = port.listen(128).unwrap();
            self.accepting = Some(tokio::spawn(accept(listener, self.shared.clone())));
        }
    }

    /// Waits for the end of every connection: the sidecar is gone, so all that it sent has arrived by then.
    pub async fn end(self) -> State {
        self.shared.closing.notify_one();
        timeout(LONGEST, self.accepting.unwrap())
            .await
            .expect("the sidecar leaves no connection open")
            .unwrap();
        std::mem::take(&mut *self.shared.state())
    }
}

/// Accepts until told otherwise, and serves until the last connection has ended.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    for number in 1.. {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            () = shared.closing.notified() => break,
            () = shared.shut.notified() => {
                drop(listener);
                return connections.shutdown().await;
            }
        };
        let shared = shared.clone();
        // Connections that break are what this is about.
        connections.spawn(async move { play::connection(stream, number, &shared).await.is_ok() });
    }
    drop(listener);
    while let Some(served) = connections.join_next().await {
        let _broken = served.unwrap();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The fault, if it is one of these, and has not happened yet.
    pub fn take(&self, meant: impl Fn(&Fault) -> bool) -> Option<Fault> {
        self.state().armed.take_if(|fault| meant(fault))
    }

    pub fn acted(&self) {
        self.acted.send_replace(true);
    }

    /// Notes the first bytes of a request.
    pub fn arrives(&self, connection: usize, bytes: Vec<u8>) -> usize {
        let mut state = self.state();
        let phase = match (state.after, state.payment.is_empty()) {
            (true, _) => Phase::After,
            (_, false) => Phase::Payment,
            _ => Phase::Before,
        };
        state.arrivals.push(Arrival { phase, connection, bytes });
        state.arrivals.len() - 1
    }

    /// Notes the first bytes of what can only be the payment, however late they are read.
    pub fn payment_arrives(&self, connection: usize, bytes: Vec<u8>) -> usize {
        let mut state = self.state();
        state.arrivals.push(Arrival { phase: Phase::Payment, connection, bytes });
        state.arrivals.len() - 1
    }

    /// Notes more bytes of it, and says what there is of it now.
    pub fn arrived(&self, arrival: usize, bytes: &[u8]) -> Arrival {
        let mut state = self.state();
        state.arrivals[arrival].bytes.extend_from_slice(bytes);
        state.arrivals[arrival].clone()
    }

    /// The number that the sidecar asks for by itself, and whether its payment is booked; nothing if this is something else.
    pub fn inquiry(&self, arrival: usize) -> Option<(String, bool)> {
        let state = self.state();
        let is_inquiry = state.arrivals[arrival].is_inquiry();
        is_inquiry.then(|| (state.payment.clone(), state.has_booked()))
    }

    /// The number of the payment that meets the fault.
    pub fn payment(&self) -> String {
        self.state().payment.clone()
    }

    pub fn shook_hands(&self, raw: &[u8]) {
        let mut state = self.state();
        if state.handshake.is_empty() {
            state.handshake = raw.to_vec();
        }
    }
}
