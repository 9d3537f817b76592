//! What `/metrics` shows. Labels are names from the configuration and from tables, never what a caller sent.

mod figures;
mod journal;
mod plain;
mod recent;
mod reload;

use std::hash::Hash;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

pub use figures::Figures;
use figures::Sums;
pub use journal::JournalMetrics;
use recent::Recent;
pub use reload::ReloadMetrics;

/// What is counted of each request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The documented path; `other` for one that an allowed prefix covers, `none` for one that is not served.
    pub endpoint: &'static str,
    /// The app's name, empty where a request was refused before one was chosen.
    pub app: &'a str,
    /// The HTTP status of the answer.
    pub status: u16,
    /// Whether it reached QFPay.
    pub delivery: &'static str,
    /// The class of QFPay's `respcd`.
    pub respcd: &'static str,
    /// The code of the sidecar's own failure, if it made the answer.
    pub error: &'static str,
}

/// The same as labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    endpoint: &'static str,
    app: String,
    status: u16,
    delivery: &'static str,
    respcd: &'static str,
    error: &'static str,
}

impl Request<'_> {
    fn has(&self, labels: &RequestLabels) -> bool {
        let Self { endpoint, app, status, delivery, respcd, error } = *self;
        (endpoint, status, delivery) == (labels.endpoint, labels.status, labels.delivery)
            && (app, respcd, error) == (&*labels.app, labels.respcd, labels.error)
    }

    fn labels(&self) -> RequestLabels {
        let Self { endpoint, app, status, delivery, respcd, error } = *self;
        RequestLabels { endpoint, app: app.to_owned(), status, delivery, respcd, error }
    }
}

/// What is counted of each notification.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Notification {
    /// The configured path, empty where none took it.
    pub route: String,
    /// The app whose key verified it, empty where none did.
    pub app: String,
    /// `acknowledged`, `absorbed`, or the code of the failure.
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResponseSignature {
    app: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuotaDecision {
    app: String,
    source: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccessRefused {
    caller: String,
    right: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct App {
    app: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuotaStore {
    store: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DoubtEnd {
    app: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    endpoint: &'static str,
}

/// All metrics of a process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    sums: Sums,
    requests: Recent<RequestLabels, Counter>,
    total: Recent<Endpoint, Histogram>,
    own: Recent<Endpoint, Histogram>,
    ambiguous: Counter,
    unnamed_successes: Family<Endpoint, Counter>,
    access_refused: Family<AccessRefused, Counter>,
    notifications: Family<Notification, Counter>,
    response_signatures: Recent<ResponseSignature, Counter>,
    quota_decisions: Recent<QuotaDecision, Counter>,
    quota_pauses: Family<App, Counter>,
    quota_store_up: Family<QuotaStore, Gauge>,
    doubts_ended: Family<DoubtEnd, Counter>,
    /// Orders in doubt that are followed.
    pub doubts: Gauge,
    /// What is counted of the journal.
    pub journal: JournalMetrics,
    /// What is counted of readings of the configuration.
    pub reload: ReloadMetrics,
    /// Calls that are being worked on.
    pub in_flight: Gauge,
    /// Calls that only read, sent a second time because the first brought no answer.
    pub repeats: Counter,
}

impl Metrics {
    /// Registers everything under `qfpay_sidecar_`.
    pub fn new(version: &'static str) -> Self {
        let mut registry = Registry::with_prefix("qfpay_sidecar");
        let requests = Recent::new(counters());
        let total = Recent::new(Family::new_with_constructor(total_buckets as fn() -> Histogram));
        let own = Recent::new(Family::new_with_constructor(own_buckets as fn() -> Histogram));
        let (ambiguous, in_flight) = (Counter::default(), Gauge::default());
        // Not of the type that OpenMetrics has for this: the older text format and its tools know it not.
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { version }).set(1);
        registry.register("build_info", "The running version", build);
        registry.register("requests", "Requests answered, by outcome", requests.family.clone());
        let help = "From the request's head to the answer";
        registry.register_with_unit("request_duration", help, Unit::Seconds, total.family.clone());
        let help = "The part of it that was not spent waiting for QFPay or for the caller's body";
        registry.register_with_unit("request_own_duration", help, Unit::Seconds, own.family.clone());
        let help = "Values that hold &name=, which sign like a further parameter";
        registry.register("ambiguous_parameter_values", help, ambiguous.clone());
        registry.register("requests_in_flight", "Calls that are being worked on", in_flight.clone());
        let repeats = Counter::default();
        let help = "Reading calls that were sent a second time after a failure";
        registry.register("repeats", help, repeats.clone());
        let unnamed_successes = Family::default();
        let help = "Successes of calls that move money, whose answers name no order of the call's";
        registry.register("unnamed_successes", help, unnamed_successes.clone());
        let access_refused = Family::default();
        let help = "Calls that are nobody's, or that their caller has no right to";
        registry.register("access_refused", help, access_refused.clone());
        let (notifications, response_signatures) = (Family::default(), Recent::new(counters()));
        registry.register("notifications", "Notifications answered, by outcome", notifications.clone());
        let help = "Signatures on QFPay's answers";
        registry.register("response_signatures", help, response_signatures.family.clone());
        let (quota_decisions, quota_pauses) = (Recent::new(counters()), Family::default());
        let decided = quota_decisions.family.clone();
        registry.register("quota_decisions", "Calls that asked for their quota", decided);
        let help = "Answers 429 of QFPay's, after which an app pauses";
        registry.register("quota_pauses", help, quota_pauses.clone());
        let quota_store_up = Family::default();
        let help = "Whether the store that shares the quota answers; none without a store";
        registry.register("quota_store_up", help, quota_store_up.clone());
        let (doubts, doubts_ended) = (Gauge::default(), Family::default());
        registry.register("orders_in_doubt", "Orders in doubt that are followed", doubts.clone());
        let help = "Orders in doubt that are followed no longer, by what became of them";
        registry.register("doubts_ended", help, doubts_ended.clone());
        let journal = JournalMetrics::register(&mut registry);
        let reload = ReloadMetrics::register(&mut registry);
        Self {
            registry,
            sums: Sums::default(),
            requests,
            total,
            own,
            ambiguous,
            unnamed_successes,
            access_refused,
            notifications,
            response_signatures,
            quota_decisions,
            quota_pauses,
            quota_store_up,
            doubts_ended,
            doubts,
            journal,
            reload,
            in_flight,
            repeats,
        }
    }

    /// Counts an answered request and its times.
    pub fn answered(&self, request: &Request<'_>, total: Duration, own: Duration) {
        self.sums.answered(request.delivery);
        let endpoint = request.endpoint;
        for (times, time) in [(&self.total, total), (&self.own, own)] {
            let of_endpoint = times.get(|known| known.endpoint == endpoint, || Endpoint { endpoint });
            of_endpoint.observe(time.as_secs_f64());
        }
        self.refused(request);
    }

    /// A few sums, for people.
    pub fn figures(&self) -> Figures {
        self.sums.at(self.in_flight.get())
    }

    /// Counts a request that was refused before it was read: it has no times.
    pub fn refused(&self, request: &Request<'_>) {
        self.requests.get(|labels| request.has(labels), || request.labels()).inc();
    }

    /// Counts values that would sign like parameters.
    pub fn saw_ambiguous(&self, values: u64) {
        self.ambiguous.inc_by(values);
    }

    /// Counts a success that cannot be compared with its call.
    pub fn saw_unnamed_success(&self, endpoint: &'static str) {
        self.unnamed_successes.get_or_create(&Endpoint { endpoint }).inc();
    }

    /// Counts a call that its caller, `unknown` for strangers, has no right to, whether it was refused or only reported:
    /// the right, or `proof` where it is not known who calls.
    pub fn refused_access(&self, caller: &str, right: &'static str) {
        let caller = caller.to_owned();
        self.access_refused.get_or_create(&AccessRefused { caller, right }).inc();
    }

    /// Counts an answered notification.
    pub fn notified(&self, notification: &Notification) {
        self.notifications.get_or_create(notification).inc();
    }

    /// Counts what became of the signature on an answer.
    pub fn saw_response_signature(&self, app: &str, result: &'static str) {
        let is = |known: &ResponseSignature| (&*known.app, known.result) == (app, result);
        self.response_signatures.get(is, || ResponseSignature { app: app.to_owned(), result }).inc();
    }

    /// Counts a call that asked for its quota: who decided (`local`, `store`, `fallback`), and how (`passed`, `waited`,
    /// `exceeded`, `paused`).
    pub fn decided_on_quota(&self, app: &str, source: &'static str, outcome: &'static str) {
        let is = |known: &QuotaDecision| (&*known.app, known.source, known.outcome) == (app, source, outcome);
        self.quota_decisions.get(is, || QuotaDecision { app: app.to_owned(), source, outcome }).inc();
    }

    /// Counts an answer 429 of QFPay's.
    pub fn paused_by_upstream(&self, app: &str) {
        self.quota_pauses.get_or_create(&App { app: app.to_owned() }).inc();
    }

    /// Whether the store that shares the quota answers.
    pub fn quota_store_is_up(&self, up: bool) {
        self.quota_store_up.get_or_create(&QuotaStore { store: "redis" }).set(i64::from(up));
    }

    /// Counts an order that was in doubt by what became of it: a state, or `not_followed` where too many were.
    pub fn doubt_ended(&self, app: &str, state: &'static str) {
        self.doubts_ended.get_or_create(&DoubtEnd { app: app.to_owned(), state }).inc();
    }

    /// The media type and the text for a request with this `Accept`: OpenMetrics if it is asked for, else text format 0.0.4.
    pub fn answer(&self, accept: &str) -> (&'static str, String) {
        match plain::prefers_openmetrics(accept) {
            true => ("application/openmetrics-text; version=1.0.0; charset=utf-8", self.encode()),
            false => ("text/plain; version=0.0.4; charset=utf-8", plain::from_openmetrics(&self.encode())),
        }
    }

    /// The metrics as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("writing to a String does not fail");
        out
    }
}

fn counters<L: Clone + Hash + Eq>() -> Family<L, Counter, fn() -> Counter> {
    Family::new_with_constructor(Counter::default)
}

/// 5 ms to 82 s: payments take seconds.
fn total_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 15))
}

/// 20 microseconds to 0.3 s: signing takes microseconds.
fn own_buckets() -> Histogram {
    Histogram::new(exponential_buckets(0.000_02, 2.0, 15))
}
