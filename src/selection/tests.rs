//! Tables: notification bytes and routes -> the route.

use super::*;

/// `app=a mchids=M1,M2 types=refund` and the like; the empty text takes everything.
fn selection(written: &str) -> Selection {
    let mut selection = Selection::default();
    for (name, values) in written.split_whitespace().map(|part| part.split_once('=').unwrap()) {
        let list = || values.split(',').map(str::to_owned).collect();
        match name {
            "app" => selection.app = Some(values.to_owned()),
            "mchids" => selection.mchids = list(),
            "userids" => selection.userids = list(),
            "types" => selection.types = list(),
            _ => panic!("{name}"),
        }
    }
    selection
}

/// The number of the route that takes these bytes of app `a`, in whatever order the routes stand.
#[track_caller]
fn taken(routes: &[&str], body: &[u8]) -> Option<usize> {
    let mut numbered: Vec<_> = routes.iter().map(|route| selection(route)).enumerate().collect();
    let fields = Fields::read(body);
    let mut find = || {
        let found = select(&numbered, |(_, selection)| selection, "a", &fields).map(|(number, _)| *number);
        numbered.reverse();
        found
    };
    let found = find();
    assert_eq!(find(), found, "the order of the routes plays a part: {routes:?}");
    found
}

/// The shops of an agency: two merchants, refunds of the first apart, tokens, and what is left of app `a`.
const SHOPS: &[&str] = &[
    "mchids=M1",
    "mchids=M1 types=refund,close",
    "mchids=M2,M3",
    "userids=2513 types=payment_token",
    "app=a types=payout",
    "app=b",
    "app=b mchids=M1",
];

#[test]
fn the_most_particular_route_takes_it() {
    for (body, expected) in [
        (r#"{"mchid": "M1", "notify_type": "payment"}"#, Some(0)),
        (r#"{"mchid": "M1"}"#, Some(0)),
        (r#"{"notify_type": "refund", "mchid": "M1"}"#, Some(1)),
        (r#"{"mchid": "M1", "notify_type": "close"}"#, Some(1)),
        (r#"{"mchid": "M3", "notify_type": "refund"}"#, Some(2)),
        (r#"{"userid": 2513, "notify_type": "payment_token"}"#, Some(3)),
        (r#"{"userid": "2513", "notify_type": "payment_token", "mchid": "M1"}"#, Some(3)),
        (r#"{"userid": "2513", "notify_type": "payment"}"#, None),
        (r#"{"notify_type": "payout", "mchid": "M9"}"#, Some(4)),
        (r#"{"mchid": "M9", "notify_type": "payment"}"#, None),
        (r#"{}"#, None),
    ] {
        assert_eq!(taken(SHOPS, body.as_bytes()), expected, "{body}");
        // A route that names nothing takes what no other does.
        let all = [SHOPS, &[""]].concat();
        assert_eq!(taken(&all, body.as_bytes()), expected.or(Some(SHOPS.len())), "{body}");
    }
}

#[test]
fn a_field_is_compared_to_the_letter_and_stands_in_the_object_itself() {
    for (body, expected) in [
        (r#"{"mchid": "M1"}"#, true),
        ("\u{feff} \n{\"a\": {\"mchid\": 1}, \"mchid\":\"M1\"}\r\n", true),
        (r#"{"mch\u0069d": "\u004d1"}"#, true),
        (r#"{"mchid": "m1"}"#, false),
        (r#"{"mchid": " M1"}"#, false),
        (r#"{"mchid": "M1 "}"#, false),
        (r#"{"mchid": "M1\u0000"}"#, false),
        (r#"{"mchid": "M12"}"#, false),
        (r#"{"mchid": ""}"#, false),
        (r#"{"Mchid": "M1"}"#, false),
        (r#"{"mchid ": "M1"}"#, false),
        (r#"{"mchids": "M1"}"#, false),
        (r#"{"mchntid": "M1"}"#, false),
        (r#"{"data": {"mchid": "M1"}}"#, false),
        (r#"{"goods_name": "\", \"mchid\": \"M1\"", "mchid": "M2"}"#, false),
        (r#"[{"mchid": "M1"}]"#, false),
        (r#"{"mchid": "М1"}"#, false), // a Cyrillic letter
    ] {
        assert_eq!(taken(&["mchids=M1"], body.as_bytes()).is_some(), expected, "{body}");
    }
    // A number is what stands there: a library's idea of it is another text.
    for (body, expected) in [
        (r#"{"userid": 1000}"#, true),
        (r#"{"userid": "1000"}"#, true),
        (r#"{"userid": 1e3}"#, false),
        (r#"{"userid": 1000.0}"#, false),
        (r#"{"userid": "01000"}"#, false),
        (r#"{"userid": 01000}"#, false),
    ] {
        assert_eq!(taken(&["userids=1000"], body.as_bytes()).is_some(), expected, "{body}");
    }
}

#[test]
fn what_is_unclear_selects_nothing() {
    for body in [
        r#"{"mchid": "M1", "mchid": "M1"}"#,
        r#"{"mchid": "M2", "mchid": "M1"}"#,
        r#"{"mchid": "M1", "mch\u0069d": "M2"}"#,
        r#"{"mchid": null, "mchid": "M1"}"#,
        r#"{"mchid": "M1", "mchid": {}}"#,
        r#"{"mchid": ["M1"]}"#,
        r#"{"mchid": {"mchid": "M1"}}"#,
        r#"{"mchid": null}"#,
        r#"{"mchid": true}"#,
        r#"{"mchid": "\ud800"}"#,
        // No JSON as a whole, so that readers may differ about it.
        r#"{"mchid": "M1""#,
        r#"{"mchid": "M1",}"#,
        r#"{"mchid": "M1"} {"mchid": "M2"}"#,
        r#"{'mchid': 'M1'}"#,
        r#"{"respcd": 0000, "mchid": "M1"}"#,
        r#"{mchid: "M1"}"#,
        "",
    ] {
        assert_eq!(taken(&["mchids=M1", "mchids=M2"], body.as_bytes()), None, "{body}");
        assert_eq!(taken(&["mchids=M1", ""], body.as_bytes()), Some(1), "{body}");
    }
    assert_eq!(taken(&["mchids=M1"], b"{\"goods_name\": \"\xb2\xe8\", \"mchid\": \"M1\"}"), None, "GBK");
    let deep = format!("{{\"mchid\": \"M1\", \"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    taken(&["mchids=M1"], deep.as_bytes()); // whatever it is, it is no overflow
    // One unclear field leaves the others what they are.
    let twice = br#"{"mchid": "M1", "mchid": "M1", "notify_type": "refund"}"#;
    assert_eq!(taken(&["mchids=M1 types=refund", "types=refund"], twice), Some(1));
}

#[test]
fn routes_that_a_notification_could_fit_alike_tie() {
    for (one, other, ties) in [
        ("", "", true),
        ("app=a", "app=a", true),
        ("app=a", "app=b", false),
        ("app=a", "", false),
        ("mchids=M1", "mchids=M1", true),
        ("mchids=M1,M2", "mchids=M2,M3", true),
        ("mchids=M1", "mchids=M2", false),
        ("mchids=M1", "", false),
        ("mchids=M1", "mchids=M1 types=refund", false),
        ("mchids=M1", "types=refund", true),
        ("mchids=M1", "userids=7", true),
        ("mchids=M1", "userids=7 types=payment_token", false),
        ("app=a", "mchids=M1", true),
        ("app=a mchids=M1", "app=b mchids=M1", false),
        ("app=a mchids=M1", "mchids=M1 types=refund", true),
        ("mchids=M1 types=refund", "mchids=M1 types=payment", false),
        ("mchids=M1 types=refund", "mchids=M2 types=refund", false),
    ] {
        let (one, other) = (selection(one), selection(other));
        assert_eq!((one.ties_with(&other), other.ties_with(&one)), (ties, ties), "{one:?} {other:?}");
    }
}

/// Over every set of routes from a small stock in which no two tie: at most one most particular route takes a notification.
#[test]
fn without_ties_there_is_one_winner() {
    let stock = [
        "",
        "app=a",
        "app=b",
        "mchids=M1",
        "mchids=M2",
        "mchids=M1,M2",
        "userids=7",
        "types=refund",
        "app=a mchids=M1",
        "mchids=M1 types=refund",
        "userids=7 types=refund",
        "app=a mchids=M2 types=refund",
        "app=b mchids=M1 userids=7",
    ];
    let stock = stock.map(selection);
    let bodies = [
        r#"{"mchid": "M1", "notify_type": "refund"}"#,
        r#"{"mchid": "M2", "notify_type": "refund", "userid": 7}"#,
        r#"{"mchid": "M1", "userid": 7}"#,
        r#"{"userid": 7, "notify_type": "refund"}"#,
        r#"{"mchid": "M3"}"#,
    ];
    let bodies = bodies.map(|body| Fields::read(body.as_bytes()));
    let mut sets = 0;
    for chosen in 0_u32..1 << stock.len() {
        let routes: Vec<_> =
            stock.iter().enumerate().filter(|(i, _)| chosen >> i & 1 == 1).map(|(_, s)| s).collect();
        if routes.iter().enumerate().any(|(i, one)| routes[..i].iter().any(|other| one.ties_with(other))) {
            continue;
        }
        sets += 1;
        for fields in &bodies {
            for app in ["a", "b"] {
                let taking: Vec<_> = routes.iter().filter(|route| route.takes(app, fields)).collect();
                let most = taking.iter().map(|route| route.particularity()).max();
                let winners = taking.iter().filter(|route| Some(route.particularity()) == most).count();
                assert!(winners <= 1, "{routes:?} {fields:?}");
            }
        }
    }
    assert!(sets > 50, "{sets}");
}

#[test]
fn the_log_hears_of_fields_and_not_of_values() {
    let told = |body: &str| Fields::read(body.as_bytes()).to_string();
    assert_eq!(
        told(r#"{"mchid": "canary", "notify_type": "refund", "userid": {}}"#),
        "another mchid of 6 characters, an unclear userid, notify_type refund"
    );
    assert_eq!(
        told(r#"{"notify_type": "canary"}"#),
        "no mchid, no userid, another notify_type of 6 characters"
    );
}
