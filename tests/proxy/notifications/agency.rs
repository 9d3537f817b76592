//! The agency of examples/agency, on the embedded sandbox: its configuration as it is, but for addresses, keys and the upstream.

use crate::support::{Answer, Connection, FakeUpstream, Launch, Reply, Sidecar, curl, md5_of_body};

/// The sandbox's key, which everybody knows.
const KEY: &str = "SANDBOX0DEMO0KEY0NOT0A0SECRET000";

const GYM: &str = "token-of-the-gym-0123456789abcdef";

struct Agency {
    tea: FakeUpstream,
    books: FakeUpstream,
    gym: FakeUpstream,
    sidecar: Sidecar,
}

impl Agency {
    fn new() -> Self {
        let start = || {
            let receiver = FakeUpstream::start();
            receiver.always(Reply::of("200 OK", "", "SUCCESS"));
            receiver
        };
        let (tea, books, gym) = (start(), start(), start());
        let mut config = include_str!("../../../examples/agency/qfpay-sidecar.toml").to_owned();
        for (port, shop) in [("9001", &tea), ("9002", &books), ("9003", &gym)] {
            assert!(config.contains(&format!("127.0.0.1:{port}/")));
            config = config.replace(&format!("127.0.0.1:{port}"), &shop.address);
        }
        let mut launch = Launch::new(&config).file("gym", GYM, 0o600).secret(GYM);
        for setting in [
            "environment=sandbox",
            "upstream.base_url=sandbox",
            "apps.agency.app_code=5A4DB0C55A4DB0C55A4DB0C55A4DB0C5",
            "apps.agency.client_key_file=",
            "callers.tea.user=51021",
            "callers.books.user=51022",
            "callers.gym.token_file={folder}/gym",
            "listen.api=127.0.0.1:0",
            "listen.admin=127.0.0.1:0",
            "listen.notifications=127.0.0.1:0",
            "sandbox.listen=127.0.0.1:0",
        ] {
            launch = launch.set(setting);
        }
        Self { tea, books, gym, sidecar: launch.start() }
    }

    fn post(&self, path: &str, body: &str) -> Answer {
        let mut connection = Connection::open(self.sidecar.notifications.as_ref().unwrap());
        let sign = md5_of_body(body.as_bytes(), KEY);
        connection.write(format!(
            "POST {path} HTTP/1.1\r\nHost: localhost:{}\r\nX-QF-SIGN: {sign}\r\nContent-Length: {}\r\n\r\n{body}",
            self.sidecar.notifications.as_ref().unwrap().rsplit(':').next().unwrap(),
            body.len()
        ));
        connection.read()
    }

    /// The targets that each shop was asked for.
    fn heard(&self) -> [Vec<String>; 3] {
        [&self.tea, &self.books, &self.gym]
            .map(|shop| shop.requests().iter().map(|seen| seen.target().to_owned()).collect())
    }
}

#[test]
fn each_shop_of_the_example_hears_of_its_own() {
    let agency = Agency::new();
    let notify = "/qfpay/notify";
    for (path, body, status) in [
        (notify, r#"{"mchid": "M0001", "notify_type": "payment"}"#, 200),
        (notify, r#"{"mchid": "M0012", "notify_type": "refund"}"#, 200),
        (notify, r#"{"mchid": "M0003", "notify_type": "payment"}"#, 200),
        (notify, r#"{"mchid": "M0003", "notify_type": "refund"}"#, 200),
        ("/qfpay/tokens", r#"{"userid": 2513, "notify_type": "payment_token"}"#, 200),
        (notify, r#"{"mchid": "M0004", "notify_type": "payment"}"#, 404),
        (notify, r#"{"userid": 2513, "notify_type": "payment_token"}"#, 404),
        ("/qfpay/tokens", r#"{"userid": 2514, "notify_type": "payment_token"}"#, 404),
    ] {
        assert_eq!(agency.post(path, body).status, status, "{path} {body}");
    }
    let [tea, books, gym] = agency.heard();
    assert_eq!((tea, books), (vec!["/notify.php".to_owned()], vec!["/notify.php".to_owned()]));
    assert_eq!(gym, ["/notify.php", "/refund.php", "/token.php"]);
}

/// The gym calls with its token in the base URL.
fn gym(agency: &Agency, path: &str, form: &str) -> Answer {
    curl(&["-d", form, &format!("http://gym:{GYM}@{}{path}", agency.sidecar.api)])
}

#[test]
fn each_shop_of_the_example_moves_its_own_money() {
    let agency = Agency::new();
    let order = "txamt=100&txcurrcd=HKD&pay_type=800201&out_trade_no=gym-1&txdtm=2026-01-31 12:00:00";
    let paid = gym(&agency, "/trade/v1/payment", order);
    assert_eq!(paid.json()["respcd"], "0000", "{}", paid.text());
    for (path, form, right) in [
        ("/trade/v1/payment", format!("{order}&mchid=M0001"), "mchids"),
        ("/trade/v1/payment", order.replace("txamt=100", "txamt=500001"), "max_amount"),
        ("/tool/v1/get_weixin_openid", "code=1".to_owned(), "endpoints"),
    ] {
        let answer = gym(&agency, path, &form);
        answer.assert_failure(403, "caller_denied");
        assert!(answer.text().contains(&format!("callers.gym.{right}: ")), "{}", answer.text());
    }
    agency.sidecar.curl(&["-d", order], "/trade/v1/payment").assert_failure(401, "caller_unknown");
}
