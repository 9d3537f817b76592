//! The memory of a running sidecar, byte for byte: each key stands in it once, and no use of it leaves a copy.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::canaries::{KEY, PREVIOUS_KEY};
use super::paths::{notification, post_verify};
use crate::support::{Launch, Sidecar, Stage, encode, md5_of_body, pieces};

/// How long a run of a key's characters counts as a copy of it.
const PIECE: usize = 12;

const PAGE: usize = 4096;
const ZEROES: [u8; PAGE] = [0; PAGE];

/// Where runs of a key stand in writable memory: address, and the name of the region. `None` where it may not be read.
fn copies(sidecar: &Sidecar, key: &str) -> Option<Vec<String>> {
    let process = format!("/proc/{}", sidecar.pid());
    let memory = File::open(format!("{process}/mem")).ok()?;
    // Each begins where no other does, so that a whole copy is counted once.
    let pieces: Vec<_> = pieces(key, PIECE).into_iter().step_by(4).map(String::into_bytes).collect();
    let mut firsts = [false; 256];
    pieces.iter().for_each(|piece| firsts[usize::from(piece[0])] = true);
    let mut found = Vec::new();
    for region in fs::read_to_string(format!("{process}/maps")).ok()?.lines() {
        let mut words = region.split_whitespace();
        let (range, rights) = (words.next()?, words.next()?);
        if !rights.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(end - start).ok()?];
        if memory.read_exact_at(&mut bytes, start).is_err() {
            continue;
        }
        let mut last = None;
        // Page by page, since most of them are empty.
        for (page, content) in
            bytes.chunks(PAGE).enumerate().filter(|(_, content)| **content != ZEROES[..content.len()])
        {
            for at in (0..content.len()).filter(|at| firsts[usize::from(content[*at])]) {
                let at = page * PAGE + at;
                if !pieces.iter().any(|piece| bytes[at..].starts_with(piece)) {
                    continue;
                }
                // Pieces of one copy lie four bytes apart.
                if last.is_none_or(|last| at > last + 4) {
                    found.push(format!(
                        "{:x} {}",
                        start + at as u64,
                        words.clone().next_back().unwrap_or("")
                    ));
                }
                last = Some(at);
            }
        }
    }
    Some(found)
}

/// Every use of the keys there is, with texts of every length, so that each place of a digest's block is written.
fn use_the_keys(stage: &Stage) {
    let mut connection = stage.sidecar.connect();
    for number in 0..200 {
        let form =
            format!("txamt={number}&goods_name={}&out_trade_no={number}", encode(&"x".repeat(number % 70)));
        let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\n";
        connection.write(format!("{head}Content-Length: {}\r\n\r\n{form}", form.len()));
        assert_eq!(connection.read().status, 200);
    }
    let body = notification();
    for key in [KEY, PREVIOUS_KEY, "00000000000000000000000000000000"] {
        let sign = format!("X-QF-SIGN: {}\r\n", md5_of_body(body.as_bytes(), key));
        for _ in 0..20 {
            connection.write(post_verify(&sign, &body));
            assert!(matches!(connection.read().status, 200 | 401));
        }
    }
    let redirect = "GET /tool/v1/get_weixin_oauth_code?redirect_uri=https://shop.test/";
    for number in 0..20 {
        connection.write(format!("{redirect}{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(number)));
        assert_eq!(connection.read().status, 302);
    }
}

fn launch(launch: Launch) -> Launch {
    let launch =
        launch.file("key", format!("{KEY}\n"), 0o600).file("previous", format!("{PREVIOUS_KEY}\n"), 0o600);
    launch.set("apps.shop.client_key_previous_file={folder}/previous").set("log.level=info")
}

fn count(stage: &Stage, when: &str, allowed: usize) -> bool {
    for (name, key) in [("client_key", KEY), ("previous key", PREVIOUS_KEY)] {
        let Some(found) = copies(&stage.sidecar, key) else {
            eprintln!(
                "SKIPPED: the sidecar's memory is closed to this user, as it should be; run as root to scan it"
            );
            return false;
        };
        eprintln!("memory, {when}: {name} at {found:?}");
        assert_eq!(found.len(), allowed, "{when}: copies of the {name}: {found:?}");
    }
    true
}

#[test]
fn each_key_stands_in_memory_once_and_use_leaves_no_copy() {
    for sign_type in ["MD5", "SHA256"] {
        let stage = Stage::launch(|start| launch(start).set(&format!("apps.shop.sign_type={sign_type}")));
        if !count(&stage, "after the start", 1) {
            return;
        }
        use_the_keys(&stage);
        count(&stage, "after 280 uses", 1);
    }
}

#[test]
fn a_key_in_a_variable_stands_where_the_kernel_put_it_and_once_more() {
    let stage = Stage::launch(|start| {
        let start = launch(start).env("SHOP_KEY", KEY).env("SHOP_KEY_BEFORE", PREVIOUS_KEY);
        let start = start.set("apps.shop.client_key_file=").set("apps.shop.client_key_env=SHOP_KEY");
        let start = start.set("apps.shop.client_key_previous_file=");
        start.set("apps.shop.client_key_previous_env=SHOP_KEY_BEFORE")
    });
    if !count(&stage, "after the start, from variables", 2) {
        return;
    }
    use_the_keys(&stage);
    count(&stage, "after 280 uses, from variables", 2);
    // The control: what is known to stand there is found.
    let found = copies(&stage.sidecar, KEY).unwrap();
    assert_eq!(found.iter().filter(|place| place.ends_with("[stack]")).count(), 1, "{found:?}");
}
