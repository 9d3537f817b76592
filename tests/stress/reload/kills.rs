//! The process is killed, or told to end, in the middle of a reload: nothing is left behind, and no call is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::key;
use crate::support::{FakeUpstream, Launch, Reply, Stage, curl, md5_elsewhere};

/// So many that a reading takes a while.
const MERCHANTS: usize = 300;

fn merchants(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for i in 0..MERCHANTS {
        let file = folder.join(format!("{i}.key"));
        fs::write(&file, key(1000 + i)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let merchant =
            format!("[apps.m{i}]\napp_code = \"M{i}\"\nclient_key_file = \"{}\"\n", file.display());
        fs::write(folder.join(format!("{i}.toml")), merchant).unwrap();
    }
}

fn launch(upstream: &FakeUpstream, folder: &Path) -> Launch {
    let config = Stage::config(&format!("http://{}", upstream.address)).replace("\"trace\"", "\"info\"");
    Launch::new(&format!("include = [\"{}/*.toml\"]\n{config}", folder.display()))
}

#[test]
fn killed_in_the_middle_of_a_reload_it_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    merchants(folder.path());
    let upstream = FakeUpstream::start();
    for moment in 0..10 {
        let mut sidecar = launch(&upstream, folder.path()).start();
        sidecar.hang_up();
        thread::sleep(Duration::from_millis(13 * moment));
        sidecar.signal("KILL");
        sidecar.wait_for_exit();
    }
    let sidecar = launch(&upstream, folder.path()).start();
    upstream.forget();
    sidecar.curl(&["-H", "X-QF-APPCODE: M299", "-d", "out_trade_no=1"], "/trade/v1/payment");
    let request = upstream.requests().remove(0);
    assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), &key(1299))));
}

#[test]
fn told_to_end_in_the_middle_of_a_reload_it_finishes_its_calls() {
    let folder = tempfile::tempdir().unwrap();
    merchants(folder.path());
    let upstream = FakeUpstream::start();
    upstream.always(Reply::ok(r#"{"respcd": "0000"}"#).after(Duration::from_millis(400)));
    for moment in 0..5 {
        upstream.forget();
        let mut sidecar = launch(&upstream, folder.path()).start();
        let url = sidecar.url("/trade/v1/payment");
        let caller = thread::spawn(move || curl(&["-d", "out_trade_no=1", &url]));
        upstream.wait_for_requests(1);
        sidecar.hang_up();
        thread::sleep(Duration::from_millis(20 * moment));
        sidecar.signal("TERM");
        assert_eq!(caller.join().unwrap().status, 200);
        assert_eq!(sidecar.wait_for_exit(), Some(0));
        assert_eq!(upstream.requests().len(), 1);
    }
}
