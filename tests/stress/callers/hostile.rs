//! Calls that want another's money: what they name, in every spelling, and every place where it can stand.

/// Who calls, and whose money it wants.
pub struct Attack<'a> {
    pub own: &'a str,
    pub other: &'a str,
    /// The app that is not the caller's.
    pub foreign_app: &'a str,
    pub own_app: &'a str,
    /// Says whose call it was, at the upstream.
    pub order: &'a str,
}

/// A call in the making.
#[derive(Clone)]
pub struct Call {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    params: Vec<(String, String)>,
    place: Place,
}

/// Where parameters stand, and how they are written.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Query,
    QueryOfPost,
    Form,
    FormEscaped,
    Json,
    JsonEscaped,
    Multipart,
    /// The last one in the body, the others in the query.
    Split,
}

pub const PLACES: [Place; 8] = [
    Place::Form,
    Place::Query,
    Place::QueryOfPost,
    Place::FormEscaped,
    Place::Json,
    Place::JsonEscaped,
    Place::Multipart,
    Place::Split,
];

const PAYMENT: &str = "/trade/v1/payment";
const QUERY: &str = "/trade/v1/query";

/// What an endpoint, a middlebox or another reader might take for the merchant.
const MERCHANTS: [&str; 32] = [
    "mchid",
    "Mchid",
    "MCHID",
    "mchId",
    "mch_id",
    "mch-id",
    "mch.id",
    "MCH_ID",
    "m_chid",
    "mch__id",
    "_mchid",
    "mchid_",
    "-mchid",
    "mchid-",
    ".mchid",
    "mchid.",
    "m.c.h.i.d",
    "mchntid",
    "Mchntid",
    "MCHNTID",
    "mchntId",
    "mchnt_id",
    "mchnt-id",
    "mchnt.id",
    "MCHNT_ID",
    "_mchntid",
    "mchntid_",
    "mchnt__id",
    "m-c-h-n-t-i-d",
    "mchid[]",
    "mchid ",
    "\u{ff4d}chid",
];
/// Amounts over the ceiling, and texts that one reader takes for another number than the next.
const AMOUNTS: [&str; 30] = [
    "500001",
    "0500001",
    "00000000500001",
    "999999999999999999999999",
    "18446744073709551617",
    "+100",
    "-100",
    " 100",
    "100 ",
    "1e6",
    "1E2",
    "100.0",
    "100,00",
    "1_000",
    "0x64",
    "0b1",
    "\u{ff11}\u{ff10}\u{ff10}",
    "\u{661}\u{660}\u{660}",
    "100\t",
    "\n100",
    "100;500001",
    "100&1",
    "5000010",
    "1 000",
    "100HKD",
    "NaN",
    "Infinity",
    "--100",
    "100\u{a0}",
    "100\0",
];
const CURRENCIES: [&str; 12] =
    ["JPY", "hkd", "Hkd", "HKD ", " HKD", "USD", "HKD,JPY", "344", "\u{ff28}KD", "HKD\0", "HK D", "JPY;HKD"];
const AMOUNT_NAMES: [&str; 14] = [
    "TXAMT",
    "txAmt",
    "Txamt",
    "tx_amt",
    "tx-amt",
    "tx.amt",
    "TXCURRCD",
    "txCurrcd",
    "tx_currcd",
    "tx-currcd",
    "tx.currcd",
    "txcurr_cd",
    "txamt_",
    "_txcurrcd",
];
const APP_HEADERS: [&str; 6] =
    ["X-QF-APPCODE", "x-qf-appcode", "X_QF_APPCODE", "x_qf_appcode", "X-Qf_AppCode", "X-QF-APPCODE "];
const APP_NAMES: [&str; 8] =
    ["app_code", "appcode", "APP_CODE", "AppCode", "app-code", "app.code", "code", "app_Code"];
const MERCHANT_HEADERS: [&str; 6] =
    ["X-QF-MCHCODE", "x-qf-mchcode", "X_QF_MCHCODE", "X-QF-MCHID", "mchid", "X-Mchid"];
/// Endpoints that are not the caller's, and other spellings of theirs.
const PATHS: [&str; 32] = [
    "/trade/v1/refund",
    "/trade/v1/reversal",
    "/trade/v1/close",
    "/trade/v1/authtrade",
    "/trade/v1/unfreeze",
    "/tool/v1/add_note",
    "/token/v1/query",
    "/trade/v1/statement",
    "/trade/v2/payment",
    "/trade/v1/payment/refund",
    "/trade/v1/payment/../refund",
    "/trade/v1/./refund",
    "//trade/v1/refund",
    "/trade//v1/refund",
    "/trade/v1/refund/",
    "/trade/v1/REFUND",
    "/TRADE/v1/refund",
    "/trade/v1/%72efund",
    "/trade/v1/payment%2f..%2frefund",
    "/trade/v1/refund;x",
    "/trade/v1/payment;/../refund",
    "/trade/v1/payment%00/refund",
    "/trade/v1\\refund",
    "/trade/v1/refund#",
    "/trade/v1/payments",
    "/trade/v1/paymen",
    "/trade/v1/",
    "/",
    "/tool/v1/get_weixin_openid",
    "/checkout/v1/pay",
    "/oauth/v2/access_token",
    "/sidecar/v1/outcome",
];

impl Call {
    /// A payment of the caller's own, which may pass.
    pub fn own(attack: &Attack) -> Self {
        let params =
            [("txamt", "100"), ("txcurrcd", "HKD"), ("pay_type", "800201"), ("out_trade_no", attack.order)];
        Self {
            method: "POST",
            target: PAYMENT.to_owned(),
            headers: Vec::new(),
            params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            place: Place::Form,
        }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Before all others.
    fn with_first(mut self, name: &str, value: &str) -> Self {
        self.params.insert(0, (name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.params.retain(|(other, _)| other != name);
        self
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn at(mut self, target: &str) -> Self {
        self.target = target.to_owned();
        self
    }

    /// With its parameters in this place.
    pub fn in_place(mut self, place: Place) -> Self {
        self.place = place;
        if place == Place::Query {
            self.method = "GET";
            // Of the caller's endpoints, the one that is read by GET. Amounts mean nothing there.
            if self.target == PAYMENT {
                QUERY.clone_into(&mut self.target);
            }
        }
        self
    }

    /// The bytes that go out.
    pub fn bytes(&self) -> Vec<u8> {
        let form = |params: &[(String, String)]| serde_urlencoded::to_string(params).unwrap();
        let all = |text: &str| text.bytes().map(|b| format!("%{b:02x}")).collect::<String>();
        let split = self.params.len() - 1;
        let json = |name: fn(&str) -> String| {
            let pairs =
                self.params.iter().map(|(n, value)| format!("{}:{}", name(n), serde_json::json!(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        };
        let (query, kind, body) = match self.place {
            Place::Query | Place::QueryOfPost => (form(&self.params), "", String::new()),
            Place::Form => (String::new(), "application/x-www-form-urlencoded", form(&self.params)),
            Place::FormEscaped => {
                let pairs = self.params.iter().map(|(name, value)| format!("{}={}", all(name), all(value)));
                (String::new(), "application/x-www-form-urlencoded", pairs.collect::<Vec<_>>().join("&"))
            }
            Place::Json => {
                (String::new(), "application/json", json(|name| serde_json::json!(name).to_string()))
            }
            Place::JsonEscaped => {
                let units = |name: &str| {
                    let escapes = name.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
                    format!("\"{}\"", escapes.collect::<String>())
                };
                (String::new(), "application/json", json(units))
            }
            Place::Multipart => {
                let part = |(name, value): &(String, String)| {
                    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                };
                let parts = self.params.iter().map(part).collect::<String>();
                (String::new(), "multipart/form-data; boundary=b", parts + "--b--\r\n")
            }
            Place::Split => {
                let (query, body) = self.params.split_at(split);
                (form(query), "application/x-www-form-urlencoded", form(body))
            }
        };
        let mark = if query.is_empty() { "" } else { "?" };
        let mut text =
            format!("{} {}{mark}{query} HTTP/1.1\r\nHost: localhost\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !kind.is_empty() {
            text += &format!("Content-Type: {kind}\r\n");
        }
        if self.method == "POST" {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        (text + "\r\n" + &body).into_bytes()
    }
}

/// Every call that this attack can be, in every place.
pub fn calls(attack: &Attack) -> Vec<Call> {
    let Attack { own, other, foreign_app, own_app, .. } = *attack;
    let call = || Call::own(attack);
    let mut calls = Vec::new();
    for name in MERCHANTS {
        calls.push(call().with(name, other));
        calls.push(call().with("mchid", own).with(name, other));
        calls.push(call().with_first(name, other).with("mchid", own));
    }
    let merchants = [
        other.to_lowercase(),
        format!("{own} "),
        format!(" {other}"),
        format!("{own},{other}"),
        format!("{other}\0"),
        format!("{own}&mchid={other}"),
        format!("{other}#"),
        format!("[\"{other}\"]"),
        format!("{own}\u{200b}"),
        String::new(),
        "null".to_owned(),
        "*".to_owned(),
        "0".to_owned(),
    ];
    calls.extend(merchants.iter().map(|value| call().with("mchid", value)));
    for name in APP_NAMES {
        calls.push(call().with(name, foreign_app));
        calls.push(call().with(name, foreign_app).header("X-QF-APPCODE", own_app));
    }
    let mut all: Vec<_> =
        calls.iter().flat_map(|call| PLACES.map(|place| call.clone().in_place(place))).collect();
    calls.clear();
    for amount in AMOUNTS {
        calls.push(call().without("txamt").with("txamt", amount));
        calls.push(call().with("txamt", amount));
    }
    for currency in CURRENCIES {
        calls.push(call().without("txcurrcd").with("txcurrcd", currency));
        calls.push(call().with("txcurrcd", currency));
    }
    calls.extend(AMOUNT_NAMES.iter().map(|name| call().with(name, "500001")));
    calls.push(call().without("txamt"));
    calls.push(call().without("txcurrcd"));
    let bodies = PLACES.into_iter().filter(|place| *place != Place::Query);
    let bodies: Vec<_> = bodies.collect();
    all.extend(calls.iter().flat_map(|call| bodies.iter().map(|place| call.clone().in_place(*place))));
    for name in APP_HEADERS {
        all.push(call().header(name, foreign_app));
        all.push(call().header("X-QF-APPCODE", own_app).header(name, foreign_app));
        all.push(call().header(name, &format!("{own_app}, {foreign_app}")));
        all.push(call().header(name, ""));
    }
    for name in MERCHANT_HEADERS {
        all.push(call().header(name, other));
        all.push(call().header(name, other).with("mchid", own));
    }
    for path in PATHS {
        all.push(call().at(path));
        all.push(call().at(path).in_place(Place::Query));
        all.push(call().at(path).with("mchid", own).with("syssn", "1"));
        all.push(call().at(&format!("http://localhost{path}")));
    }
    // Each pays another order.
    for (number, call) in all.iter_mut().enumerate() {
        let order = call.params.iter_mut().find(|(name, _)| name == "out_trade_no");
        order.expect("every call has one").1 += &format!("-{number}");
    }
    all
}
