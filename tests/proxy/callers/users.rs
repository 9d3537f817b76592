//! Users, as the kernel names them: each shop under its own, without a line of it changed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::*;

const USER_A: u32 = 51_001;
const USER_B: u32 = 51_002;
const STRANGER: u32 = 51_003;

const SHOPS: &str = r#"
[apps.agency]
app_code = "00112233445566778899AABBCCDDEEFF"
client_key_file = "{folder}/second"
[callers.shop-a]
user = "51001"
apps = ["agency"]
mchids = ["M0001"]
[callers.shop-b]
user = "51002"
apps = ["agency"]
mchids = ["M0002"]
[callers.shop-b-office]
user = "51002"
token_file = "{folder}/token-b"
[callers.shop-a-by-token]
token_file = "{folder}/token-a"
mchids = ["M0003"]
"#;

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Calls with curl as another user, and gives the status of the answer.
fn call_as(user: u32, arguments: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-q", "-sS", "--noproxy", "*", "--max-time", "20", "-o", "/dev/null", "-w", "%{http_code}"]);
    let output = curl.args(arguments).uid(user).gid(user).current_dir("/").output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn both_listeners() -> Option<Stage> {
    if !is_root() {
        return None; // Only root can be several users.
    }
    let upstream = FakeUpstream::start();
    let launch = launch(&format!("http://{}", upstream.address), SHOPS);
    fs::set_permissions(launch.folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let launch = launch.set("listen.api=[\"127.0.0.1:0\", \"unix:{folder}/api.sock\"]");
    let sidecar = launch.set("listen.socket_mode=0666").start();
    Some(Stage { upstream, sidecar })
}

#[test]
fn each_shop_is_known_by_its_user_on_both_kinds_of_listener() {
    let Some(stage) = both_listeners() else { return };
    let socket = stage.sidecar.folder.path().join("api.sock");
    let socket = socket.to_str().unwrap();
    let url = stage.sidecar.url(PAYMENT);
    for unix in [true, false] {
        let call = |user, expected: &str, further: &[&str]| {
            let through = if unix { vec!["--unix-socket", socket] } else { vec![] };
            let status = call_as(user, &[&through, further, &["-d", ORDER, &url]].concat());
            assert_eq!(status, expected, "{user} {further:?}, unix: {unix}");
        };
        for (user, name, merchant) in [(USER_A, "shop-a", "M0001"), (USER_B, "shop-b", "M0002")] {
            call(user, "200", &[]);
            assert_eq!(value(&sent(&stage, SECOND_CODE, SECOND_KEY), "mchid"), Some(merchant));
            stage.sidecar.wait_for_log(&[&format!("caller=\"{name}\""), "status=200"]);
            // Another's merchant stays another's.
            let other = if user == USER_A { "mchid=M0002" } else { "mchid=M0001" };
            call(user, "403", &["-d", other]);
        }
        for user in [STRANGER, 0, 65_534] {
            call(user, "401", &[]);
        }
        // Most proofs first, then the token before the user; a token of somebody else's process is his who holds it.
        let token = |token: &str| format!("Authorization: Bearer {token}");
        call(USER_B, "200", &["-H", &token(TOKEN_B)]);
        sent(&stage, APP_CODE, CLIENT_KEY);
        call(USER_A, "200", &["-H", &token(TOKEN_A)]);
        assert_eq!(value(&sent(&stage, APP_CODE, CLIENT_KEY), "mchid"), Some("M0003"));
        call(STRANGER, "401", &["-H", &token(TOKEN_B)]);
        call(USER_A, "401", &["-H", &token(TOKEN_ANY)]);
        assert_eq!(stage.upstream.requests().len(), 0);
    }
}
