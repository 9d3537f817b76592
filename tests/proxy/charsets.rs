//! Text in the charsets of legacy shops arrives as UTF-8, or not at all. The bytes are made by Python's codecs.

use std::process::Command;

use crate::support::{CLIENT_KEY, Recorded, Stage, md5_elsewhere};

const PAYMENT: &str = "/trade/v1/payment";
const FORM: &str = "application/x-www-form-urlencoded";

/// Label, Python's codec of the same name, text. Some second bytes are `\`, `|`, digits and letters in ASCII.
const TEXTS: [(&str, &str, &str); 15] = [
    ("UTF-8", "utf-8", "Tea 茶 🍵"),
    ("GBK", "gbk", "茶叶 & 测试=乗|丂丄"),
    ("gb2312", "gb2312", "北京烤鸭"),
    ("GB18030", "gb18030", "茶🍵㐀 + ﷼"),
    ("Big5", "big5", "奶茶 功許蓋 100%"),
    ("Big5-HKSCS", "big5hkscs", "嘅咗㗎 奶茶"),
    ("Shift_JIS", "shift_jis", "抹茶ラテ 表ソ十ｶﾅ"),
    ("ISO-8859-1", "iso-8859-1", "café £5"),
    ("latin1", "iso-8859-1", "\u{a0}ÿ"),
    ("ISO-8859-2", "iso-8859-2", "Žluťoučký"),
    ("ISO-8859-9", "iso-8859-9", "İstanbul çay"),
    ("ISO-8859-15", "iso-8859-15", "5 €"),
    ("windows-1252", "cp1252", "5 € “tea”"),
    ("windows-1251", "cp1251", "чай"),
    // Its two bytes are UTF-8 by chance.
    ("windows-874", "cp874", "วง"),
];

/// The text in a codec of Python's.
fn python(text: &str, codec: &str) -> Vec<u8> {
    let script = "import sys; sys.stdout.buffer.write(sys.argv[1].encode(sys.argv[2]))";
    let run =
        Command::new("python3").env("PYTHONUTF8", "1").args(["-c", script, text, codec]).output().unwrap();
    assert!(run.status.success(), "{text} in {codec}: {}", String::from_utf8_lossy(&run.stderr));
    run.stdout
}

/// Every byte as `%XX`.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

fn post(stage: &Stage, content_type: &str, body: &[u8]) -> crate::support::Answer {
    let arguments = ["--data-binary", "@-", "-H", content_type];
    stage.sidecar.curl_with_input(&arguments, body, PAYMENT)
}

/// The one request since the last look, with a signature that md5sum confirms.
#[track_caller]
fn arrived(stage: &Stage) -> Recorded {
    let mut requests = stage.upstream.requests();
    stage.upstream.forget();
    assert_eq!(requests.len(), 1);
    let request = requests.remove(0);
    assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), CLIENT_KEY)));
    request
}

fn multipart(label: &str, value: &[u8]) -> Vec<u8> {
    let head = format!("--XX\r\nContent-Disposition: form-data; name=\"goods_name\"\r\n{label}\r\n");
    [head.as_bytes(), value, b"\r\n--XX--\r\n"].concat()
}

#[test]
fn labelled_text_is_converted_to_utf8_and_signed() {
    let stage = Stage::new(&[]);
    for (label, codec, text) in TEXTS {
        let bytes = python(text, codec);
        let form = format!("Content-Type: {FORM}; charset={label}");
        let raw: Vec<u8> = bytes
            .iter()
            .flat_map(|b| if b"&%+ ".contains(b) { escaped(&[*b]).into_bytes() } else { vec![*b] })
            .collect();
        let of_part = format!("Content-Type: text/plain; charset={label}\r\n");
        for (content_type, body) in [
            (&*form, format!("txamt=1&goods_name={}", escaped(&bytes)).into_bytes()),
            (&*form, [b"goods_name=", &raw[..], b"&txamt=1"].concat()),
            ("Content-Type: multipart/form-data; boundary=XX", multipart(&of_part, &bytes)),
            (
                &*format!("Content-Type: multipart/form-data; boundary=XX; charset={label}"),
                multipart("", &bytes),
            ),
        ] {
            let answer = post(&stage, content_type, &body);
            assert_eq!(answer.status, 200, "{label} {content_type}: {}", answer.text());
            assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some(text), "{label} {content_type}");
        }
    }
}

#[test]
fn the_configuration_says_what_is_not_labelled() {
    for (label, codec, text) in TEXTS {
        let stage = Stage::new(&[&format!("parameters.charset={label}")]);
        let value = escaped(&python(text, codec));
        stage.sidecar.curl(&[], &format!("/trade/v1/query?out_trade_no={value}"));
        assert_eq!(arrived(&stage).param("out_trade_no").as_deref(), Some(text), "{label} in a query");
        stage.sidecar.curl(&["-d", &format!("goods_name={value}")], PAYMENT);
        assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some(text), "{label} in a form");
        post(&stage, "Content-Type: multipart/form-data; boundary=XX", &multipart("", &python(text, codec)));
        assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some(text), "{label} in a part");
        // A label is believed, and JSON is UTF-8.
        post(&stage, &format!("Content-Type: {FORM}; charset=UTF-8"), "goods_name=茶".as_bytes());
        assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some("茶"));
        post(&stage, "Content-Type: application/json", r#"{"goods_name": "茶"}"#.as_bytes());
        assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some("茶"));
    }
}

#[test]
fn ascii_is_taken_whatever_its_label_says() {
    let stage = Stage::new(&[]);
    for label in ["US-ASCII", "ISO-8859-1", "gbk", "Big5", "shift_jis", "euc-jp", "windows-1257", "koi8-r"] {
        let of_part = format!("Content-Type: text/plain; charset={label}\r\n");
        for (content_type, body) in [
            (format!("Content-Type: {FORM}; charset={label}"), b"goods_name=a%20\\~%7e%00".to_vec()),
            ("Content-Type: multipart/form-data; boundary=XX".to_owned(), multipart(&of_part, b"a \\~~\0")),
        ] {
            assert_eq!(post(&stage, &content_type, &body).status, 200, "{label}");
            assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some("a \\~~\0"), "{label}");
        }
    }
    for label in ["UTF-16", "big5", "no-such-charset"] {
        let json = format!("Content-Type: application/json; charset={label}");
        assert_eq!(post(&stage, &json, "{\"goods_name\": \"茶\"}".as_bytes()).status, 200, "{label}");
        assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some("茶"), "{label}");
    }
}

#[test]
fn one_sequence_that_the_charset_lacks_refuses_the_call() {
    let stage = Stage::new(&[]);
    for (label, bytes) in [
        ("us-ascii", &b"caf\xe9"[..]),
        ("GBK", b"\xb2"),
        ("GBK", b"\xb2\xe8\xff"),
        ("Big5", b"\xa4"),
        ("Big5", "茶".as_bytes()),
        ("Shift_JIS", b"\x95\x20"),
        ("Shift_JIS", b"\x80"),
        ("ISO-8859-1", b"\x80"),
        ("ISO-8859-1", b"\x9f"),
        ("ISO-8859-2", b"\x85"),
        ("ISO-8859-7", b"\xff"),
        ("windows-1252", b"\x81"),
        ("GB18030", b"\x81\x30\x81\x30"),
    ] {
        let form = format!("txamt=1&goods_name=a{}", escaped(bytes));
        let of_part = format!("Content-Type: text/plain; charset={label}\r\n");
        for (content_type, body) in [
            (format!("Content-Type: {FORM}; charset={label}"), form.into_bytes()),
            ("Content-Type: multipart/form-data; boundary=XX".to_owned(), multipart(&of_part, bytes)),
        ] {
            let answer = post(&stage, &content_type, &body);
            answer.assert_failure(400, "parameter_charset");
            assert!(answer.text().contains("'goods_name'"), "{}", answer.text());
        }
    }
    // What no label names is UTF-8, and nothing is guessed.
    let gbk = format!("goods_name={}", escaped(&python("测试", "gbk")));
    stage.sidecar.curl(&["-d", &gbk], PAYMENT).assert_failure(400, "parameter_not_utf8");
    for label in
        ["UTF-16", "utf-16le", "UTF-7", "UTF-32", "ISO-2022-JP", "iso-2022-kr", "hz-gb-2312", "EBCDIC"]
    {
        let answer = post(&stage, &format!("Content-Type: {FORM}; charset={label}"), b"txamt=1");
        answer.assert_failure(415, "charset_unsupported");
    }
    let two = format!("Content-Type: {FORM}; charset=GBK; charset=Big5");
    post(&stage, &two, b"txamt=1").assert_failure(415, "charset_unsupported");
    stage.assert_nothing_sent();
}

/// Apache HttpClient's constants say ISO-8859-1 over whatever the shop has put in.
#[test]
fn utf8_under_a_label_of_one_byte_a_character_is_refused_whatever_its_characters() {
    let stage = Stage::new(&[]);
    // The bytes of 港幣 are all characters of ISO-8859-1, those of 茶 are not.
    for text in ["港幣", "茶", "café", "Tea 茶 🍵", "£5"] {
        let bytes = python(text, "utf-8");
        for label in
            ["ISO-8859-1", "latin1", "ISO-8859-15", "windows-1252", "windows-1251", "us-ascii", "koi8-r"]
        {
            let form = format!("Content-Type: {FORM}; charset={label}");
            let of_part = format!("Content-Type: text/plain; charset={label}\r\n");
            for (content_type, body) in [
                (&*form, format!("txamt=1&goods_name={}", escaped(&bytes)).into_bytes()),
                (&*form, [b"txamt=1&goods_name=", &bytes[..]].concat()),
                ("Content-Type: multipart/form-data; boundary=XX", multipart(&of_part, &bytes)),
            ] {
                let answer = post(&stage, content_type, &body);
                answer.assert_failure(400, "parameter_charset");
                let told = answer.text();
                for word in ["'goods_name'", "UTF-8", "APPLICATION_FORM_URLENCODED.withCharset(UTF_8)"] {
                    assert!(told.contains(word), "no {word} for {label}: {told}");
                }
                assert!(!told.contains(text), "{told}");
            }
        }
    }
    stage.assert_nothing_sent();
    for label in ["ISO-8859-1", "windows-1252"] {
        let form = format!("Content-Type: {FORM}; charset={label}");
        post(&stage, &form, b"goods_name=caf%E9%20%a35");
        assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some("café £5"), "{label}");
    }
    // GBK's 模 is UTF-8 by chance, and what its label says.
    assert_eq!(python("模", "gbk"), python("ģ", "utf-8"));
    post(&stage, &format!("Content-Type: {FORM}; charset=GBK"), b"goods_name=%C4%A3");
    assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some("模"));
}

#[test]
fn utf8_is_refused_where_the_configuration_says_one_byte_a_character() {
    let stage = Stage::new(&["parameters.charset=ISO-8859-1"]);
    let value = escaped(&python("港幣", "utf-8"));
    for answer in [
        stage.sidecar.curl(&[], &format!("/trade/v1/query?out_trade_no={value}")),
        stage.sidecar.curl(&["-d", &format!("txamt=1&out_trade_no={value}")], PAYMENT),
        stage.sidecar.curl(&["-F", "out_trade_no=港幣"], PAYMENT),
    ] {
        answer.assert_failure(400, "parameter_charset");
        assert!(answer.text().contains("'out_trade_no'"), "{}", answer.text());
        assert!(answer.text().contains("parameters.charset"), "{}", answer.text());
    }
    stage.assert_nothing_sent();
    post(&stage, &format!("Content-Type: {FORM}; charset=UTF-8"), format!("goods_name={value}").as_bytes());
    assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some("港幣"));
}

/// What `Charset.defaultCharset().name()` and its kin are called in Java and on Windows.
#[test]
fn labels_of_java_and_windows_are_known() {
    let stage = Stage::new(&[]);
    for (labels, codec, text) in [
        (&["x-windows-950", "windows-950", "MS950", "cp950"][..], "cp950", "功夫奶茶"),
        (&["Cp936", "MS936", "x-mswin-936", "windows-936"], "cp936", "北京烤鴨"),
        (&["EUC-CN", "euc_cn", "x-EUC-CN"], "gb2312", "北京烤鸭"),
        (&["MS949", "cp949", "x-windows-949"], "cp949", "녹차 똠"),
        (&["MS932", "cp932", "windows-932"], "cp932", "抹茶ラテ①"),
    ] {
        let value = escaped(&python(text, codec));
        for label in labels {
            let form = format!("Content-Type: {FORM}; charset={label}");
            let answer = post(&stage, &form, format!("goods_name={value}").as_bytes());
            assert_eq!(answer.status, 200, "{label}: {}", answer.text());
            assert_eq!(arrived(&stage).param("goods_name").as_deref(), Some(text), "{label}");
        }
    }
}

#[test]
fn the_remedy_names_the_header_that_has_the_label() {
    let stage = Stage::new(&[]);
    let of_body = post(&stage, &format!("Content-Type: {FORM}; charset=GBK"), b"goods_name=%ff");
    let of_part = multipart("Content-Type: text/plain; charset=GBK\r\n", b"\xff");
    let of_part = post(&stage, "Content-Type: multipart/form-data; boundary=XX", &of_part);
    for (answer, place) in [(of_body, "in the body's Content-Type"), (of_part, "in the part's Content-Type")]
    {
        answer.assert_failure(400, "parameter_charset");
        assert!(answer.text().contains(place), "{}", answer.text());
    }
}
