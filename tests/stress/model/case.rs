//! What a caller means: an endpoint, an app, parameters, and where and how they are written. And what must arrive.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// An app of the sidecar's.
pub struct App {
    pub name: &'static str,
    pub app_code: &'static str,
    pub client_key: &'static str,
    pub mchid: &'static str,
    pub sign_type: &'static str,
}

const fn app(
    name: &'static str,
    app_code: &'static str,
    client_key: &'static str,
    mchid: &'static str,
    sign_type: &'static str,
) -> App {
    App { name, app_code, client_key, mchid, sign_type }
}

/// The first is the default one.
pub const APPS: [App; 4] = [
    app("plain", "A1B2C3D4E5F60718293A4B5C6D7E8F90", "0123456789ABCDEF0123456789ABCDEF", "", "MD5"),
    app("branch", "B1B2C3D4E5F60718293A4B5C6D7E8F91", "1123456789ABCDEF0123456789ABCDE1", "MCH-1", "MD5"),
    app("modern", "C1B2C3D4E5F60718293A4B5C6D7E8F92", "2123456789ABCDEF0123456789ABCDE2", "", "SHA256"),
    app("both", "D1B2C3D4E5F60718293A4B5C6D7E8F93", "3123456789ABCDEF0123456789ABCDE3", "MCH-3", "SHA256"),
];

/// Method, path, and whether an issued `mchid` is added (protocol sheet 3; never to add_note, mcc and trade_bill).
pub type Endpoint = (&'static str, &'static str, bool);

const ENDPOINTS: [Endpoint; 13] = [
    ("POST", "/trade/v1/payment", true),
    ("POST", "/trade/v1/query", true),
    ("GET", "/trade/v1/query", true),
    ("POST", "/trade/v1/refund", true),
    ("GET", "/trade/v1/close", true),
    ("POST", "/trade/v1/close", true),
    ("POST", "/trade/v1/add_note", false),
    ("POST", "/trade/v1/not_known_yet", true),
    ("GET", "/tool/v1/get_weixin_openid", true),
    ("POST", "/tool/v1/get_weixin_openid", true),
    ("GET", "/tool/v1/mcc", false),
    ("GET", "/download/v1/trade_bill", false),
    ("POST", "/download/v1/trade_bill", false),
];

/// Whether the endpoint moves money, or is not known.
pub fn moves_money(path: &str) -> bool {
    matches!(path, "/trade/v1/payment" | "/trade/v1/refund" | "/trade/v1/close" | "/trade/v1/not_known_yet")
}

/// Where a caller writes its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Query,
    Form,
    Json,
    Multipart,
}

/// A value as the caller means it.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    /// In JSON: a number, a flag or a nested value, which stays the text that it is.
    Literal(&'static str),
    /// In JSON: the same as absent.
    Null,
}

/// How a caller says which app signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Not at all: the default app.
    No,
    Header,
    /// As the parameter of that name, which stays.
    Parameter(&'static str),
}

/// A request that must be taken.
#[derive(Clone, Debug)]
pub struct Case {
    pub endpoint: Endpoint,
    pub app: usize,
    pub named: Named,
    pub place: Place,
    /// In the order of sending, with `mchid` and `app_code` where the caller sends them.
    pub params: Vec<(String, Value)>,
    /// Whether the caller sends signatures of its own, and which.
    pub stale: u8,
    /// Sizes of chunks; none for a body with a length.
    pub chunks: Option<Vec<usize>>,
    /// Decides between spellings that mean the same; zeros are the plainest.
    pub spelling: Vec<u8>,
}

impl Case {
    /// Where they must arrive: where the caller wrote them, all bodies as a form; a POST that says nothing has a form.
    pub fn expected_place(&self) -> &'static str {
        let silent = self.params.is_empty() && self.stale & 1 == 0;
        match self.place {
            _ if self.expected().is_empty() => "nowhere",
            Place::Query if self.endpoint.0 == "GET" || !silent => "query",
            _ => "form",
        }
    }

    /// The parameters that must arrive, by the rule: null and empty are left out, `mchid` is added, sorted by name.
    pub fn expected(&self) -> Vec<(String, String)> {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Literal(text) => (*text).to_owned(),
            Value::Null => String::new(),
        };
        let sent = self.params.iter().map(|(name, value)| (name.clone(), text(value)));
        let mut expected: Vec<_> = sent.filter(|(_, value)| !value.is_empty()).collect();
        let issued = APPS[self.app].mchid;
        if self.endpoint.2 && !issued.is_empty() && !expected.iter().any(|(name, _)| name == "mchid") {
            expected.push(("mchid".to_owned(), issued.to_owned()));
        }
        expected.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        expected
    }
}

/// Any request that must be taken.
pub fn cases() -> impl Strategy<Value = Case> {
    let place = select(vec![Place::Query, Place::Form, Place::Json, Place::Multipart]);
    let chunks = option::weighted(0.3, vec(1_usize..40, 1..6));
    let who = (
        0..APPS.len(),
        select(vec![Named::Header, Named::Parameter("app_code"), Named::Parameter("appcode")]),
    );
    (select(&ENDPOINTS[..]), place, who, params(), mchid(), 0_u8..16, chunks, vec(any::<u8>(), 0..48))
        .prop_map(|(endpoint, place, (app, named), mut params, mchid, stale, chunks, spelling)| {
            let place = if endpoint.0 == "GET" { Place::Query } else { place };
            // Empty is refused where the issued one would be taken.
            let issued = endpoint.2 && !APPS[app].mchid.is_empty();
            if let Some(mchid) = mchid.filter(|mchid| !(mchid.is_empty() && issued)) {
                params.insert(0, ("mchid".to_owned(), Value::Text(mchid)));
            }
            // Half of those who mean the default app say so.
            let named = if app == 0 && stale % 2 == 0 { Named::No } else { named };
            if let Named::Parameter(name) = named {
                params.push((name.to_owned(), Value::Text(APPS[app].app_code.to_owned())));
            }
            if place != Place::Json {
                for (_, value) in &mut params {
                    *value = match value {
                        Value::Text(text) => Value::Text(std::mem::take(text)),
                        Value::Literal(text) => Value::Text((*text).to_owned()),
                        Value::Null => Value::Text(String::new()),
                    };
                }
            }
            // A text field cannot end in a line end.
            for (_, value) in params.iter_mut().filter(|_| place == Place::Multipart) {
                if let Value::Text(text) = value {
                    text.truncate(text.trim_end_matches(['\r', '\n']).len());
                }
            }
            // A multipart body has a part, and a call that moves money a parameter.
            let empty = |value: &Value| {
                matches!(value, Value::Null) || matches!(value, Value::Text(t) if t.is_empty())
            };
            let silent = moves_money(endpoint.1) && params.iter().all(|(_, value)| empty(value));
            params.retain(|(name, _)| !silent || name != "out_trade_no");
            if silent || place == Place::Multipart && params.is_empty() {
                params.push(("out_trade_no".to_owned(), Value::Text("1".to_owned())));
            }
            Case { endpoint, app, named, place, params, stale, chunks, spelling }
        })
        .prop_flat_map(|case| {
            let order = Just(case.params.clone()).prop_shuffle();
            (Just(case), order).prop_map(|(case, params)| Case { params, ..case })
        })
}

/// Up to eight parameters; the names with a meaning of their own are added elsewhere.
fn params() -> impl Strategy<Value = Vec<(String, Value)>> {
    const APART: [&str; 6] = ["sign", "sign_type", "mchid", "app_code", "appcode", "code"];
    let usual = select(vec!["txamt", "txcurrcd", "out_trade_no", "goods_name", "Txamt", "udid", "pay_type"]);
    let name = prop_oneof![usual.prop_map(str::to_owned), "[A-Za-z0-9_.-]{1,12}", "[A-Za-z0-9_.-]{60,64}"];
    let params = btree_map(name, value(), 0..8);
    params.prop_map(|params| params.into_iter().filter(|(name, _)| !APART.contains(&name.as_str())).collect())
}

fn value() -> impl Strategy<Value = Value> {
    // What has a meaning on the way: separators, escapes, quotes, line ends, controls, marks of encodings.
    let tricky = select(vec![
        "&",
        "=",
        "+",
        "%",
        " ",
        "%20",
        "%2B",
        "&txamt=1",
        "&sign=x",
        "\"",
        "\\",
        "'",
        "\r\n",
        "\n",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{feff}",
        "\u{2028}",
        "#",
        "?",
        "/",
        ";",
        "--",
        "\r\n--",
        "<",
        "{",
        "}",
        "茶",
        "é",
        "e\u{301}",
        "🍵",
        "\u{10ffff}",
        "\\u8336",
        "null",
        "0",
    ]);
    let literal = select(vec![
        "0",
        "-0",
        "1.10",
        "1e2",
        "12345678901234567890123",
        "true",
        "false",
        "[1, 2]",
        "{\"a\" : [ \"\\u8336\" ]}",
        "[]",
    ]);
    prop_oneof![
        3 => any::<String>().prop_map(Value::Text),
        4 => vec(tricky, 0..6).prop_map(|parts| Value::Text(parts.concat())),
        2 => "[ -~]{0,20}".prop_map(Value::Text),
        1 => literal.prop_map(Value::Literal),
        1 => Just(Value::Null),
        1 => Just(Value::Text(String::new())),
    ]
}

fn mchid() -> impl Strategy<Value = Option<String>> {
    option::weighted(0.3, prop_oneof![Just(String::new()), Just("own &1".to_owned())])
}
