//! Allocations of one reading of many merchants: each costs what one costs, however many there are.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::{env, fmt::Write};

use qfpay_sidecar::config;

/// Blocks for each merchant with an app, a caller and a route.
const BLOCKS: u64 = 640;

const CHILD: &str = "BUDGET_OF_READING";

fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

/// Blocks that reading so many merchants takes.
fn blocks(merchants: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("apps.d")).unwrap();
    let mut main = String::from("default_app = 'm0'\ninclude = ['apps.d/*.toml']\n");
    write!(main, "[listen]\nnotifications = '127.0.0.1:0'\n[upstream]\nbase_url = 'http://127.0.0.1:9'\n")
        .unwrap();
    put(&at.join("sidecar.toml"), &main);
    for n in 0..merchants {
        put(&at.join(format!("{n}.key")), &format!("{n:032X}"));
        put(
            &at.join(format!("{n}.token")),
            &format!("a token of this caller's own: {n:08}").replace(' ', "-"),
        );
        let text = format!(
            "[apps.m{n}]\napp_code = 'a{n:031x}'\nclient_key_file = '{at}/{n}.key'\n\
             [callers.m{n}]\ntoken_file = '{at}/{n}.token'\napps = ['m{n}']\n\
             [[notifications.routes]]\npath = '/notify'\napp = 'm{n}'\nreceiver_url = 'http://127.0.0.1:8080/{n}'\n",
            at = at.display()
        );
        put(&at.join(format!("apps.d/{n}.toml")), &text);
    }
    let request = config::Request { file: Some(at.join("sidecar.toml")), ..config::Request::default() };
    let before = dhat::HeapStats::get().total_blocks;
    let config = config::load(&request).unwrap();
    let blocks = dhat::HeapStats::get().total_blocks - before;
    assert_eq!(config.keyring.apps().len(), merchants);
    blocks
}

/// In a process of its own, where no other test allocates. Does nothing when it is not asked to.
#[test]
fn child_that_reads() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let _counts = dhat::Profiler::builder().testing().build();
    let (few, many) = (blocks(100), blocks(500));
    println!("per merchant: {}", (many - few) / 400);
}

#[test]
fn a_merchant_more_costs_what_one_costs() {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "reading::child_that_reads", "--nocapture"]).env(CHILD, "1");
    let done = child.output().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let counted = said.lines().find_map(|line| line.split_once("per merchant: "));
    let counted: u64 = counted.unwrap_or_else(|| panic!("{said}")).1.parse().unwrap();
    println!("{counted} blocks");
    assert!(counted <= BLOCKS, "{counted} blocks; the budget is {BLOCKS}");
}
