//! The cast: QFPay as a raw socket, the sidecar, and the shop's receiver.

use crate::support::{
    Answer, CLIENT_KEY, Connection, FakeUpstream, Launch, Recorded, Reply, Sidecar, Stage, Vector,
    md5_of_body, vector,
};

/// The key of the second app, and the one that `shop` had before.
pub const OTHER_KEY: &str = "FEDCBA9876543210FEDCBA9876543210";
pub const PREVIOUS_KEY: &str = "00112233445566778899AABBCCDDEEFF";

pub const PATH: &str = "/qfpay/notify";

/// The receiver's acknowledgement.
pub fn success() -> Reply {
    Reply::of("200 OK", "Content-Type: text/plain\r\n", "SUCCESS")
}

/// A notification whose signature was made by Python, see tests/vectors.
pub fn notification() -> Vector {
    vector("notify_python_dumps_spacing")
}

/// A sidecar that relays [`PATH`] to a scripted receiver.
pub struct Relay {
    pub receiver: FakeUpstream,
    pub sidecar: Sidecar,
}

impl Relay {
    /// Two apps, and a route of `shop` with these further lines.
    pub fn new(route: &str) -> Self {
        Self::launch(route, |launch| launch)
    }

    /// The same, with changes to the start.
    pub fn launch(route: &str, change: impl FnOnce(Launch) -> Launch) -> Self {
        let receiver = FakeUpstream::start();
        let sidecar = change(Self::start(&receiver, &format!("app = \"shop\"\n{route}"))).start();
        Self { receiver, sidecar }
    }

    /// A start whose only route has these lines beside its path and its receiver.
    pub fn start(receiver: &FakeUpstream, route: &str) -> Launch {
        let config = format!(
            r#"{}
client_key_previous_file = "{{folder}}/previous"
[apps.other]
app_code = "F1E2D3C4B5A6978800112233445566FF"
client_key_file = "{{folder}}/other"
[[notifications.routes]]
path = "{PATH}"
receiver_url = "http://{}/shop/n.php?t=1"
{route}
"#,
            // Nothing in these tests may ever call QFPay.
            Stage::config(&format!("http://{}", receiver.address)),
            receiver.address
        );
        let launch =
            Launch::new(&config).file("other", OTHER_KEY, 0o600).file("previous", PREVIOUS_KEY, 0o600);
        launch.secret(OTHER_KEY).secret(PREVIOUS_KEY).set("listen.notifications=127.0.0.1:0")
    }

    /// Opens a connection as QFPay does.
    pub fn connect(&self) -> Connection {
        connect(&self.sidecar)
    }

    /// Posts bytes with these header lines, each with its line end.
    pub fn post(&self, headers: &str, body: &[u8]) -> Answer {
        let mut connection = self.connect();
        connection.write(request(headers, body));
        self.sidecar.seen(connection.read())
    }

    /// Posts bytes with this signature.
    pub fn signed(&self, sign: &str, body: &[u8]) -> Answer {
        self.post(&format!("X-QF-SIGN: {sign}\r\n"), body)
    }

    /// Posts [`notification`].
    pub fn notify(&self) -> Answer {
        let vector = notification();
        self.signed(&vector.sign, vector.canonical.as_bytes())
    }

    /// The receiver acknowledges once, and these bytes reach it with `shop`'s signature.
    #[track_caller]
    pub fn assert_relayed(&self, sign: &str, body: &[u8]) -> Recorded {
        let before = self.receiver.requests().len();
        self.receiver.script([success()]);
        assert_acknowledged(&self.signed(sign, body));
        let requests = self.receiver.requests();
        assert_eq!(requests.len(), before + 1, "requests at the receiver");
        let request = requests.into_iter().last().unwrap();
        assert!(request.body() == body, "the bytes were changed: {}", request.body().escape_ascii());
        request
    }

    /// Nothing reached the receiver: not even a connection.
    #[track_caller]
    pub fn assert_nothing_relayed(&self) {
        assert_eq!((self.receiver.connections(), self.receiver.requests().len()), (0, 0));
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // A signature is as good as the notification: whoever has both can send it.
        let vector = notification();
        self.sidecar.secrets.extend([vector.sign.to_lowercase(), vector.sign]);
        // Its order number is a customer's value.
        self.sidecar.secrets.push("9G3ZIWTG1R3IVSC2AH2O5EGKJQ7I72QO".to_owned());
    }
}

/// Opens a connection as QFPay does.
pub fn connect(sidecar: &Sidecar) -> Connection {
    Connection::open(sidecar.notifications.as_ref().expect("the notification listener is on the screen"))
}

/// A POST to [`PATH`].
pub fn request(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}{}\r\n\r\n",
        format_args!("Content-Length: {}", body.len())
    );
    [head.as_bytes(), body].concat()
}

/// QFPay hears what it wants to hear.
#[track_caller]
pub fn assert_acknowledged(answer: &Answer) {
    assert_eq!((answer.status, answer.text()), (200, "SUCCESS"));
}

/// A signature over these bytes with `shop`'s key, made by `md5sum`.
pub fn sign(body: &[u8]) -> String {
    md5_of_body(body, CLIENT_KEY)
}
