//! `include`: a merchant is a file that comes or goes; whatever is wrong in one has its file and line.

use std::process::Command;

use crate::support::{FakeUpstream, Launch, Stage, md5_elsewhere};

const OTHER_KEY: &str = "FEDCBA9876543210FEDCBA9876543210";

/// A configuration that includes `apps.d/*.toml`, and one merchant in there.
fn launch(base_url: &str) -> Launch {
    let config = format!("include = [\"apps.d/*.toml\"]\n{}", Stage::config(base_url));
    let launch = Launch::new(&config).secret(OTHER_KEY).file("other.key", OTHER_KEY, 0o600);
    let key = launch.folder.path().join("other.key");
    let merchant = format!(
        "# One merchant\n[apps.other]\napp_code = \"B2\"\nclient_key_file = \"{}\"\nmchid = \"m1\"\n",
        key.display()
    );
    launch.file("apps.d/other.toml", merchant, 0o600)
}

#[test]
fn an_included_merchant_signs_with_its_own_key_wherever_the_sidecar_was_started() {
    let upstream = FakeUpstream::start();
    let sidecar = launch(&format!("http://{}", upstream.address)).start();
    sidecar.curl(&["-H", "X-QF-APPCODE: B2", "-d", "out_trade_no=1"], "/trade/v1/payment");
    let request = upstream.requests().remove(0);
    assert_eq!(request.header("X-QF-SIGN"), Some(&*md5_elsewhere(&request.params(), OTHER_KEY)));
    assert_eq!(request.param("mchid").as_deref(), Some("m1"));
    let check = sidecar.command(&["check"]);
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(check.status.success(), "{said}");
    let line = said.lines().find(|line| line.starts_with("apps.other.app_code ")).unwrap();
    assert!(line.ends_with("/apps.d/other.toml:3"), "{line}");
}

#[test]
fn what_is_wrong_in_an_included_file_has_its_place() {
    for (content, says) in [
        (
            "[apps.other2]\napp_code = \"C3\"\n[listen]\napi = \"127.0.0.1:1\"\n",
            "extra.toml:3: listen: an included file holds",
        ),
        ("default_app = \"other\"\n", "extra.toml:1: default_app: an included file holds"),
        ("include = [\"more.toml\"]\n", "extra.toml:1: include: an included file holds"),
        ("[notifications]\nremember = 1\n", "extra.toml:2: notifications.remember: an included file holds"),
        ("\n[apps.other]\napp_code = \"C3\"\n", "extra.toml:2: apps.other: "),
        ("\n[apps.shop]\napp_code = \"C3\"\n", "extra.toml:2: apps.shop: "),
        (
            "[apps.third]\napp_code = \"C3\"\nmchit = \"1\"\n",
            "extra.toml:3: apps.third.mchit: unknown key; did you mean apps.third.mchid?",
        ),
        ("[apps.third\n", "extra.toml:1:"),
        ("[apps.third]\napp_code = \"B2\"\nclient_key_file = \"{folder}/key\"\n", "has the same app_code"),
        (
            "[apps.third]\napp_code = \"C3\"\nclient_key_file = \"{folder}/none\"\n",
            "extra.toml:3: apps.third.client_key_file: there is no such key file",
        ),
    ] {
        let launch = launch("http://127.0.0.1:9");
        let content = content.replace("{folder}", launch.folder.path().to_str().unwrap());
        let ended = launch.file("apps.d/z-extra.toml", content, 0o600).ends();
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(says), "{says}\n{}", ended.stderr);
    }
}

#[test]
fn every_double_name_tells_both_places() {
    let launch =
        launch("http://127.0.0.1:9").file("apps.d/z.toml", "[apps.other]\napp_code = \"C3\"\n", 0o600);
    let ended = launch.ends();
    let line = ended
        .stderr
        .lines()
        .find(|line| line.contains("z.toml:1: apps.other"))
        .unwrap_or_else(|| panic!("{}", ended.stderr));
    assert!(line.contains("apps.d/other.toml:2 has this section as well"), "{line}");
}

#[test]
fn files_that_others_may_change_are_no_merchants() {
    let ended = launch("http://127.0.0.1:9").file("apps.d/z.toml", "", 0o666).ends();
    assert!(
        ended.stderr.contains("z.toml: this configuration file cannot be read: every user may write it"),
        "{}",
        ended.stderr
    );
}

#[test]
fn hidden_files_copies_of_editors_and_other_names_are_left_alone() {
    let nonsense = "this is no TOML";
    let launch = launch("http://127.0.0.1:9")
        .file("apps.d/.z.toml", nonsense, 0o600)
        .file("apps.d/other.toml~", nonsense, 0o600)
        .file("apps.d/readme.txt", nonsense, 0o600)
        .file("apps.d/..2026/z.toml", nonsense, 0o600);
    launch.start();
}

#[test]
fn a_pattern_that_cannot_be_meant_ends_the_start() {
    for (include, says) in [
        ("[\"merchants/*.toml\"]", "sidecar.toml:1: include: 'merchants/*.toml': the folder"),
        ("[\"*/a.toml\"]", "'*' may stand in the name of the file only"),
        ("[\"one.toml\"]", "one.toml: this configuration file does not exist"),
        ("[\"?.toml\"]", "?.toml: this configuration file does not exist; only '*' stands for other text"),
        ("[\"apps.d\"]", "apps.d is a folder; write "),
        ("[\"link.toml\"]", "link.toml: this is a link, and what it leads to does not exist"),
        ("[1]", "this is not a list of files"),
        ("true", "this is not a list of files"),
    ] {
        let config = format!("include = {include}\n{}", Stage::config("http://127.0.0.1:9"));
        let launch = Launch::new(&config).file("apps.d/readme.txt", "", 0o600);
        std::os::unix::fs::symlink("nowhere", launch.folder.path().join("link.toml")).unwrap();
        let ended = launch.ends();
        assert!(ended.stderr.contains(says), "{include}: {}", ended.stderr);
        assert!(ended.stderr.contains("sidecar.toml:1: include: "), "{include}: {}", ended.stderr);
    }
    // A folder without a merchant is fine.
    let config = format!("include = [\"key*.toml\"]\n{}", Stage::config("http://127.0.0.1:9"));
    Launch::new(&config).start();
}

/// Routes of several files are one list; a variable names one by its number.
#[test]
fn routes_stand_in_the_files_of_their_merchants() {
    let route = |path: &str| {
        format!("[[notifications.routes]]\npath = \"{path}\"\nreceiver_url = \"http://127.0.0.1:9/n.php\"\n")
    };
    let config =
        format!("include = [\"apps.d/*.toml\"]\n{}{}", Stage::config("http://127.0.0.1:9"), route("/main"));
    let launch = Launch::new(&config)
        .set("listen.notifications=127.0.0.1:0")
        .file("apps.d/a.toml", format!("{}{}", route("/a1"), route("/a2")), 0o600)
        .file("apps.d/b.toml", route("/b"), 0o600);
    let sidecar = launch.start();
    for path in ["/main ", "/a1 ", "/a2 ", "/b "] {
        assert!(sidecar.screen().contains(path), "{path}: {}", sidecar.screen());
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
    command
        .args(["check", "--set", "listen.notifications=127.0.0.1:0", "--config"])
        .arg(sidecar.config_file());
    let said = String::from_utf8(command.env_clear().output().unwrap().stdout).unwrap();
    let line = said.lines().find(|line| line.starts_with("notifications.routes.3.path ")).unwrap();
    assert!(line.contains("'/b'") && line.ends_with("/apps.d/b.toml:2"), "{line}");
}
