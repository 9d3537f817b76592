//! Who may speak to a listener at all: `Host`, and what browsers say about web pages, on every listener.
//!
//! Requests are written byte by byte here, since curl and browsers would not send most of them. What a real browser does
//! is in `tests/browser/attack.py`.

mod forwarded;
mod names;
mod public_prefix;
mod settings;
mod web_pages;

use crate::support::{Answer, Connection, Launch, Sidecar, curl};

const CONFIG: &str = r#"
listen.api = "127.0.0.1:0"
listen.admin = "127.0.0.1:0"
listen.notifications = "127.0.0.1:0"
sandbox.listen = "127.0.0.1:0"
sandbox.quota_per_second = 0
sandbox.quota_per_minute = 0
[apps.demo]
app_code = "5A4DB0C55A4DB0C55A4DB0C55A4DB0C5"
[[notifications.routes]]
path = "/n"
receiver_url = "http://127.0.0.1:9/n"
"#;

/// Every listener: those of a sidecar with its embedded sandbox, and a sandbox alone.
struct House {
    sidecar: Sidecar,
    alone: Sidecar,
}

/// One listener, with a request that it answers if it takes the request at all.
#[derive(Clone)]
struct Door {
    name: &'static str,
    address: String,
    line: &'static str,
    rest: &'static str,
    /// The status of the answer to a request that was let in.
    let_in: u16,
}

impl House {
    fn new(settings: &[&str]) -> Self {
        let launch = || settings.iter().fold(Launch::new(CONFIG), |launch, setting| launch.set(setting));
        // Only the sidecar takes routes of notifications.
        Self { sidecar: launch().start(), alone: launch().verb("sandbox").start() }
    }

    fn doors(&self) -> Vec<Door> {
        let door = |name, address: &str, line, rest, let_in| Door {
            name,
            address: address.to_owned(),
            line,
            rest,
            let_in,
        };
        let sandbox = |of: &Sidecar| of.sandbox.clone().expect("the screen names the sandbox");
        let query = "Content-Length: 7\r\n\r\nsyssn=1";
        let verify = "Content-Length: 2\r\n\r\n{}";
        vec![
            door("api", &self.sidecar.api, "POST /trade/v1/query", query, 200),
            door("verify", &self.sidecar.api, "POST /sidecar/v1/verify", verify, 400), // without a signature
            door(
                "page",
                &self.sidecar.api,
                "GET /tool/v1/get_weixin_oauth_code?redirect_uri=http%3A%2F%2Fa.test",
                "\r\n",
                302,
            ),
            door("admin", &self.sidecar.admin, "GET /metrics", "\r\n", 200),
            door("notifications", self.sidecar.notifications.as_ref().unwrap(), "POST /n", verify, 400),
            door("sandbox", &sandbox(&self.sidecar), "GET /sandbox/", "\r\n", 200),
            door("sandbox alone", &sandbox(&self.alone), "GET /sandbox/", "\r\n", 200),
        ]
    }

    /// How many calls reached the embedded sandbox, as its console shows them.
    fn calls_that_arrived(&self) -> usize {
        let console = curl(&[format!("http://{}/sandbox/", self.sidecar.sandbox.as_ref().unwrap())]);
        assert_eq!(console.status, 200);
        console.text().matches("POST /trade/v1/query <em>").count()
    }
}

impl Door {
    fn port(&self) -> u16 {
        self.address.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// The door's request with these header lines, each with its line end.
    fn ask(&self, headers: impl AsRef<[u8]>) -> Answer {
        self.ask_with(&format!("{} HTTP/1.1", self.line), headers)
    }

    fn ask_with(&self, line: &str, headers: impl AsRef<[u8]>) -> Answer {
        let mut connection = Connection::open(&self.address);
        let head = [line.as_bytes(), b"\r\nConnection: close\r\n", headers.as_ref(), self.rest.as_bytes()];
        connection.write(head.concat());
        connection.read()
    }

    #[track_caller]
    fn assert_let_in(&self, headers: &str) {
        let answer = self.ask(headers);
        assert_eq!(answer.status, self.let_in, "{}: {headers:?}: {}", self.name, answer.text());
    }

    /// Refused with this status and code; answers the text for people.
    #[track_caller]
    fn assert_refused(&self, answer: &Answer, status: u16, code: &str, sent: &str) -> String {
        let text = answer.text().to_owned();
        // The sandbox's own pages say it in HTML, without a code.
        let named = answer.header("X-Sidecar-Error");
        let right =
            answer.status == status && (named == Some(code) || named.is_none() && text.contains("<html"));
        assert!(right, "{}: {sent:?}: {} {named:?} {text}", self.name, answer.status);
        assert_no_cors(answer);
        text
    }
}

/// Nothing in an answer permits a web page to read it.
#[track_caller]
fn assert_no_cors(answer: &Answer) {
    let permits = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("access-control-") || name == "timing-allow-origin"
    };
    assert!(!answer.headers.iter().any(|(name, _)| permits(name)), "{:?}", answer.headers);
}
