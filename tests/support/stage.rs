//! The usual cast: a scripted upstream, and a sidecar with one app in front of it.

use super::{APP_CODE, CLIENT_KEY, FakeUpstream, Launch, Recorded, Sidecar, md5_elsewhere};

/// A sidecar whose upstream is a [`FakeUpstream`]. Logs at the level trace, so that the look for secrets sees all.
pub struct Stage {
    pub upstream: FakeUpstream,
    pub sidecar: Sidecar,
}

impl Stage {
    /// One app named `shop` with the vectors' key; `settings` are `key=value` and win over everything.
    pub fn new(settings: &[&str]) -> Self {
        Self::launch(|launch| settings.iter().fold(launch, |launch, setting| launch.set(setting)))
    }

    /// The same, with changes to the start.
    pub fn launch(change: impl FnOnce(Launch) -> Launch) -> Self {
        let upstream = FakeUpstream::start();
        let launch = Launch::new(&Self::config(&format!("http://{}", upstream.address)));
        Self { upstream, sidecar: change(launch).start() }
    }

    /// A configuration with one app and this upstream. More sections may follow it.
    ///
    /// The system chooses the ports, and requests that are written byte by byte say `Host: localhost` without one:
    /// `tests/proxy/hosts.rs` is where that matters.
    ///
    /// The quota is off: these tests call as fast as they can, and answer 429 beside other statuses. tests/proxy/quota.rs has it on.
    /// So are one flight and the following of doubts: they pay one order many times, and count requests. tests/proxy/orders.rs and
    /// tests/budget have them on.
    pub fn config(base_url: &str) -> String {
        format!(
            r#"
default_app = "shop"
listen.api = "127.0.0.1:0"
listen.admin = "127.0.0.1:0"
listen.allowed_hosts = ["localhost"]
log.level = "trace"
upstream.base_url = "{base_url}"
upstream.browser_base_url = "https://pages.test"
quota.per_second = 0
quota.per_minute = 0
quota.pause_ms = 0
orders.one_flight = false
orders.follow_ms = 0
[apps.shop]
app_code = "{APP_CODE}"
client_key_file = "{{folder}}/key"
"#
        )
    }

    /// The one request that reached the upstream, with a signature that another program confirmed.
    #[track_caller]
    pub fn only_request(&self) -> Recorded {
        let requests = self.upstream.requests();
        assert_eq!(requests.len(), 1, "requests at the upstream");
        let request = requests.into_iter().next().unwrap();
        assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), CLIENT_KEY)));
        request
    }

    /// Nothing reached the upstream: not even a connection.
    #[track_caller]
    pub fn assert_nothing_sent(&self) {
        assert_eq!((self.upstream.connections(), self.upstream.requests().len()), (0, 0));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A signature is as good as the request that it signs: it belongs to the upstream and to no log.
        let signatures = self.upstream.requests().into_iter();
        let signatures = signatures.filter_map(|seen| seen.header("X-QF-SIGN").map(str::to_owned));
        self.sidecar.secrets.extend(signatures);
    }
}
