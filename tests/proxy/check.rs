//! What `check` says of files and folders is what a start says of them, with the file and line of the setting.

use crate::support::{APP_CODE, Ended, Launch};

/// Ends of `check` and `run` with the same files. The configuration has this setting, and `source` names the key.
fn ended(setting: &str, source: &str, content: &str) -> [Ended; 2] {
    let settings = [
        "listen.api = \"127.0.0.1:0\"",
        "listen.admin = \"\"",
        "upstream.base_url = \"https://127.0.0.1:1\"",
    ];
    let name = setting.split(" =").next().unwrap_or_default();
    let others = settings.iter().filter(|other| !other.starts_with(name));
    let lines: Vec<_> = std::iter::once(&setting).chain(others).copied().collect();
    let app = format!("[apps.shop]\napp_code = \"{APP_CODE}\"\n{source}\n");
    let config = format!("{}\n{app}", lines.join("\n"));
    ["check", "run"].map(|verb| Launch::new(&config).file("file", content, 0o600).verb(verb).ends())
}

const KEY_FILE: &str = "client_key_file = \"{folder}/key\"";

/// The problem itself, without the name of the test's folder.
fn told(ended: &Ended) -> String {
    let line = ended.stderr.lines().last().unwrap_or_default();
    line.replace(ended.folder.path().to_str().unwrap(), "")
}

#[test]
fn what_a_start_would_refuse_check_refuses_in_the_same_words() {
    let broken = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    let no_authority = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let long = format!("unix:/{}", "x".repeat(107));
    for (setting, content, code, says) in [
        ("upstream.ca_file = \"{folder}/file\"", broken, 2, "upstream.ca_file: "),
        ("upstream.ca_file = \"{folder}/file\"", no_authority, 2, "certificate number 1 in it"),
        ("notifications.ca_file = \"{folder}/file\"", no_authority, 2, "notifications.ca_file: "),
        ("journal.file = \"{folder}\"", "", 1, "journal.file: : it is a folder"),
        ("journal.file = \"{folder}/file\"", "notes", 1, "this is no SQLite file"),
        ("journal.file = \"{folder}/file\"", "notes that are no journal", 1, "this is no SQLite file"),
        (&format!("listen.api = \"{long}\""), "", 2, "has at most 107 bytes, and this one has 108"),
        ("listen.api = \"unix:{folder}/file\"", "", 1, "a file that is no socket is in the way"),
        ("landlock = \"require\"", "", 2, "apps.shop.client_key_command (/sidecar.toml:"),
    ] {
        let source = match setting.starts_with("landlock") {
            true => {
                "client_key_command = [\"/usr/bin/printf\", \"%s%s\", \"0123456789ABCDEF\", \"0123456789ABCDEF\"]"
            }
            false => KEY_FILE,
        };
        let ends = ended(setting, source, content);
        for end in &ends {
            assert_eq!(end.code, Some(code), "{setting}: {}", end.stderr);
            assert!(told(end).contains(says), "{setting}: {}", end.stderr);
            assert!(told(end).starts_with("/sidecar.toml:1: "), "{setting}: {}", end.stderr);
            assert!(!end.stdout.contains("the configuration is right"), "{}", end.stdout);
        }
        assert_eq!(told(&ends[0]), told(&ends[1]));
    }
}

/// Whoever starts it may make the folder before, so that check only names it.
#[test]
fn check_names_a_folder_that_is_not_there_yet() {
    for (setting, says) in [
        ("journal.file = \"{folder}/none/journal.db\"", "journal.file"),
        ("listen.api = [\"127.0.0.1:0\", \"unix:{folder}/none/api.sock\"]", "listen.api"),
    ] {
        let [check, run] = ended(setting, KEY_FILE, "");
        let said = check.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let folder = check.folder.path().join("none").display().to_string();
        assert_eq!(check.code, Some(0), "{}", check.stderr);
        assert!(said.contains(&format!(": {says}: there is no folder {folder}, ")), "{}", check.stdout);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert!(told(&run).starts_with("/sidecar.toml:") && told(&run).contains(says), "{}", run.stderr);
        assert!(run.stderr.contains("its folder"), "{}", run.stderr);
    }
}
