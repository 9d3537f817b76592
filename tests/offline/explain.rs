//! The commands `explain`, `verify` and `trigger` of the built binary, on digests that Python made.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a configuration whose app `shop` has this key.
fn folder(client_key: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, client_key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let config = format!(
        "[upstream]\nbase_url = \"http://127.0.0.1:9\"\n[parameters]\nempty = \"keep\"\n[apps.shop]\n\
         app_code = \"A1B2C3D4E5F60718293A4B5C6D7E8F90\"\nclient_key_file = \"{}\"\nallow_short_key = true\n",
        key.display()
    );
    fs::write(folder.path().join("sidecar.toml"), config).unwrap();
    folder
}

/// What a command prints, and its exit code. No key may be in it.
fn run(folder: &TempDir, arguments: &[&str], input: &[u8]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command.arg("--config").arg(folder.path().join("sidecar.toml")).args(arguments).env_clear();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let said = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    let key = fs::read_to_string(folder.path().join("key")).unwrap();
    assert!(!said.contains(&key), "the key is shown: {said}");
    (status.code(), said)
}

/// A word of the sentence that each fault of the vectors must be told with.
fn word(mistake: &str) -> &str {
    match mistake {
        "percent-encoded values" | "percent-encoded value" | "signed percent-encoded redirect_uri" => {
            "percent-encoded"
        }
        "empty value dropped" => "empty values were dropped",
        "trailing space trimmed" => "white space around values was trimmed",
        "GBK bytes" => "GBK",
        "with &key= separator" => "'&key=' before it",
        "signed with the sign parameter itself as empty" => "sign was hashed",
        "zero dropped" => "values of 0 were dropped",
        "sorted as k=v strings" => "whole 'name=value' texts",
        "case-insensitive order" => "without regard to case",
        "sorted fields joined (the rule of the newer response-format page)"
        | "sorted fields (old QFPAY_Global notify.php)" => "fields of the JSON were sorted and joined",
        "unescaped UTF-8 re-serialisation" | "decoded before hashing" => "raw UTF-8",
        "compact re-serialisation" => "compact",
        "escaped before hashing" => "\\u escapes",
        "slashes unescaped" => "slashes not escaped",
        other => panic!("no word for {other}"),
    }
}

#[test]
fn every_mistake_of_the_vectors_is_named() {
    let mut seen = 0;
    for line in include_str!("../vectors/sign.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let (name, sign) = (vector["name"].as_str().unwrap(), vector["sign"].as_str().unwrap());
        // The command signs `lang` when it is given, as most sources do; whether it belongs is a setting of checkout.
        let Some(wrong) = vector["wrong"].as_object().filter(|_| !name.contains("lang_not_signed")) else {
            continue;
        };
        let folder = folder(vector["client_key"].as_str().unwrap());
        let sign_type = if vector["alg"] == "sha256" { "SHA256" } else { "MD5" };
        let explain = |digest: &str| match vector["form"].as_str() {
            Some(form) => {
                run(&folder, &["explain", "--sign", digest, "--sign-type", sign_type, "--form", form], b"")
            }
            None => {
                let body = vector["body"].as_str().unwrap().as_bytes();
                run(&folder, &["explain", "--sign", digest, "--body", "-"], body)
            }
        };
        let (code, said) = explain(sign);
        assert!(code == Some(0) && said.contains("matches"), "{name}: {said}");
        if vector["form"].is_string() {
            // What steers a terminal is shown escaped.
            let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
            let canonical: String = vector["canonical"].as_str().unwrap().chars().map(shown).collect();
            assert!(said.contains(&format!("canonical  {canonical}\n")), "{said}");
        }
        for (mistake, digest) in wrong {
            let (code, said) = explain(digest.as_str().unwrap());
            assert_eq!(code, Some(1), "{name}, {mistake}: {said}");
            assert!(said.contains(word(mistake)), "{name}, {mistake}: {said}");
            assert!(!said.to_lowercase().contains(&sign.to_lowercase()), "{name}, {mistake}: {said}");
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen}");
}

/// The vector notify_unicode_escaped, whose digests Python made.
const NOTIFICATION: &str = "notify_unicode_escaped";

#[test]
fn verify_says_valid_or_why_not() {
    let line =
        include_str!("../vectors/sign.jsonl").lines().find(|line| line.contains(NOTIFICATION)).unwrap();
    let vector: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let folder = folder(text("client_key"));
    let file = folder.path().join("body.json");
    fs::write(&file, text("body")).unwrap();
    let verify = |file: &str, sign: &str, input: &[u8]| {
        run(&folder, &["verify", "--body", file, "--sign", sign], input)
    };
    let (body, sign) = (file.to_str().unwrap(), text("sign"));
    for (file, sign) in [(body, sign.to_owned()), ("-", sign.to_lowercase())] {
        let (code, said) = verify(file, &sign, text("body").as_bytes());
        assert!(code == Some(0) && said.starts_with("valid: ") && said.contains("app 'shop'"), "{said}");
    }
    let decoded = vector["wrong"]["decoded before hashing"].as_str().unwrap();
    for (sign, says) in [
        (decoded, "raw UTF-8"),
        ("00000000000000000000000000000000", "no known mistake"),
        ("0000", "32 hex digits"),
        ("", "0 characters"),
    ] {
        let (code, said) = verify(body, sign, b"");
        assert!(code == Some(1) && said.contains("invalid: ") && said.contains(says), "{sign}: {said}");
        assert!(!said.contains(text("sign")), "{said}");
    }
    let (code, said) = verify("-", sign, &[text("body").as_bytes(), b"\n"].concat());
    assert!(code == Some(1) && said.contains("line end behind the body was removed"), "{said}");
    let (code, said) = verify("-", sign, &vec![b' '; 1_048_577]);
    assert!(code == Some(2) && said.contains("over 1 MiB"), "{said}");
    let (code, said) = verify("/nonexistent", sign, b"");
    assert!(code == Some(2) && said.contains("/nonexistent"), "{said}");
    let named = ["verify", "--body", body, "--sign", sign, "--app", "nobody"];
    let (code, said) = run(&folder, &named, b"");
    assert!(code == Some(2) && said.contains("there is no app of that name"), "{said}");
}

/// Answers one POST; gives what was received.
fn receiver(answer: &'static str) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify?a=1", listener.local_addr().unwrap());
    let received = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let (mut read, mut some) = (Vec::new(), [0; 4096]);
        while !read.ends_with(b"}") {
            let n = match stream.read(&mut some) {
                // The process was stopped and continued.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.unwrap(),
            };
            assert!(n > 0, "the notification broke off");
            read.extend_from_slice(&some[..n]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(read).unwrap()
    });
    (url, received)
}

const SANDBOX_KEY: &str = "SANDBOX0TRIGGER0KEY0NOT0SECRET00";
const SUCCESS: &str = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nSUCCESS\n";

#[test]
fn trigger_sends_one_signed_notification() {
    let folder = folder(SANDBOX_KEY);
    for (kind, answer, expected) in [
        ("payment", SUCCESS, 0),
        ("refund", SUCCESS, 0),
        ("payment", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1),
        ("payment", "HTTP/1.1 500 Oops\r\nContent-Length: 7\r\n\r\nSUCCESS", 1),
        ("payment", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", 1),
        ("payment", "", 1),
    ] {
        let (url, received) = receiver(answer);
        let (code, said) = run(&folder, &["trigger", kind, "--to", &url], b"");
        assert_eq!(code, Some(expected), "{answer}: {said}");
        let request = received.join().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /notify?a=1 HTTP/1.1\r\n"), "{head}");
        let sign = head.lines().find_map(|line| line.strip_prefix("x-qf-sign: ")).unwrap();
        assert_eq!(
            sign,
            hex::encode_upper(<md5::Md5 as md5::Digest>::digest(format!("{body}{SANDBOX_KEY}")))
        );
        assert!(body.contains(&format!("\"notify_type\": \"{kind}\"")) && body.contains("\\u5976"), "{body}");
        assert_eq!(body.contains("orig_out_trade_no"), kind == "refund");
        assert!(said.contains(body) && said.contains(sign), "what was sent is shown: {said}");
    }
}

#[test]
fn trigger_stays_here_and_takes_sandbox_keys_only() {
    let real = folder("0123456789ABCDEF0123456789ABCDEF");
    let (code, said) = run(&real, &["trigger", "payment", "--to", "http://127.0.0.1:9/"], b"");
    assert!(code == Some(2) && said.contains("not made for a sandbox"), "{said}");
    let folder = folder(SANDBOX_KEY);
    for (to, says) in [
        ("http://192.0.2.1/notify", "--allow-remote"),
        ("https://127.0.0.1/notify", "http:// URL"),
        ("notify", "http:// URL"),
    ] {
        let (code, said) = run(&folder, &["trigger", "payment", "--to", to], b"");
        assert!(code == Some(2) && said.contains(says), "{to}: {said}");
    }
}
