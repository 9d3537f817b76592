//! What the documents say is what the product does: tables, commands and links are compared with their sources.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hyper::http::{HeaderMap, HeaderValue};
use qfpay_sidecar::caller::RequestId;
use qfpay_sidecar::endpoint::Effect;
use qfpay_sidecar::error::{Code, Failure};
use qfpay_sidecar::metrics::{Metrics, Notification, Request};
use qfpay_sidecar::upstream::SendError;

/// Every document by its path from the root: those at the top, in `docs/`, and beside the examples.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["", "docs/", "examples/"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                found.push(format!("{folder}{name}"));
            }
        }
    }
    assert!(found.len() > 15, "{found:?}");
    found
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The cells of every table row that begins with a name in backticks.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter_map(|line| {
        let cells: Vec<_> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        cells[0].starts_with('`').then_some(cells)
    })
}

fn unquoted(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// The fenced blocks of a document: the language and the text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), body.join("\n")));
        }
    }
    blocks
}

/// The document without its fenced blocks, in which a line may begin with anything.
fn prose(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_table_of_errors_is_the_one_in_the_code() {
    let errors = read("docs/errors.md");
    let (_, table) = errors.split_once("## Codes").unwrap();
    let mut found = rows(table);
    for code in Code::ALL {
        let row = code.row();
        let cells = found.next().unwrap_or_else(|| panic!("docs/errors.md has no row for {}", row.name));
        let (status, delivery) = (row.status.to_string(), cells[2]);
        assert_eq!(cells, [format!("`{}`", row.name).as_str(), &status, delivery, row.meaning, row.hint]);
        let known = ["`not_sent`", "`unknown`", "`answered`"];
        assert!(known.iter().any(|known| delivery.starts_with(known)), "{}", row.name);
    }
    assert_eq!(found.next(), None, "docs/errors.md has a row too many");
}

#[test]
fn the_example_of_a_failure_is_what_callers_get() {
    let host = "https://openapi-hk.qfapi.com".to_owned();
    let cause = "the connection ended early".into();
    let failure =
        Failure::from(SendError::NoAnswer { host, cause }).about(Effect::MovesMoney, Some("order-1001"));
    let id = HeaderValue::from_static("7b2cb7088ef64d6ca886784e36f3fb6e");
    let id = RequestId::of(&HeaderMap::from_iter([("x-request-id".parse().unwrap(), id)])).unwrap();
    let made: serde_json::Value = serde_json::from_slice(failure.into_response(&id).body()).unwrap();
    for name in ["README.md", "docs/errors.md"] {
        let examples = blocks(&read(name)).into_iter().filter(|(language, _)| language == "json");
        let shown: Vec<serde_json::Value> =
            examples.map(|(_, text)| serde_json::from_str(&text).unwrap()).collect();
        assert_eq!(shown, std::slice::from_ref(&made), "{name}");
    }
}

#[test]
fn the_page_of_metrics_lists_every_metric() {
    let metrics = Metrics::new("0");
    // A family with labels is printed once it has counted something.
    let request = Request { endpoint: "other", app: "", status: 200, delivery: "", respcd: "", error: "" };
    metrics.answered(&request, Duration::ZERO, Duration::ZERO);
    metrics.notified(&Notification { route: String::new(), app: String::new(), outcome: "" });
    metrics.saw_response_signature("", "");
    metrics.saw_unnamed_success("");
    metrics.decided_on_quota("", "", "");
    metrics.refused_access("", "");
    metrics.paused_by_upstream("");
    metrics.quota_store_is_up(false);
    metrics.doubt_ended("", "");
    metrics.journal.wrote("", 1);
    metrics.journal.missed("");
    metrics.journal.is_up(false);
    metrics.reload.read(true);
    let mut names = Vec::new();
    for line in metrics.encode().lines() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) else {
            continue;
        };
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        names.push(format!("{name}{suffix}"));
    }
    names.sort();
    let text = read("docs/metrics.md");
    let mut listed: Vec<_> = rows(&text)
        .map(|cells| unquoted(cells[0]))
        .filter(|name| name.starts_with("qfpay_sidecar_"))
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, names);
    // What an alert asks for is counted: a name that does not exist never fires.
    let rules = read("examples/deploy/alerts.yml");
    let asked = rules.split("qfpay_sidecar_").skip(1).map(|rest| {
        let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
        format!("qfpay_sidecar_{name}")
    });
    for name in asked {
        assert!(names.contains(&name), "examples/deploy/alerts.yml asks for {name}");
    }
}

/// The page of settings, as it follows from config/default.toml: a table for each section, with the reason of each setting.
fn page_of_settings() -> String {
    let mut page = String::from(SETTINGS);
    let mut reason: Vec<&str> = Vec::new();
    let mut begun = false;
    for line in read("config/default.toml").lines() {
        if let Some(words) = line.strip_prefix('#') {
            reason.push(words.trim());
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            page += &format!("\n## `[{name}]`\n\n");
            if !reason.is_empty() {
                page += &format!("{}\n\n", reason.join(" "));
            }
            begun = false;
        } else if let Some((key, value)) = line.split_once(" = ") {
            assert!(!reason.is_empty(), "config/default.toml gives no reason for {key}");
            if !begun {
                page += "| Setting | Default | Meaning |\n|---|---|---|\n";
                begun = true;
            }
            page += &format!("| `{key}` | `{value}` | {} |\n", reason.join(" ").replace('|', "\\|"));
        }
        reason.clear();
    }
    page
}

const SETTINGS: &str = "\
# Settings

Made from `config/default.toml`, which holds every setting with its default and is compiled in.

Every setting can be given four ways; later ones win: the default, the file of `--env` or `--config`, a variable
`QFPAY__SECTION__KEY` such as `QFPAY__UPSTREAM__CALL_TIMEOUT_MS=30000`, a flag such as
`--set upstream.call_timeout_ms=30000`. Unknown keys are errors. `qfpay-sidecar check` shows every value and where it comes
from. An app is a section `[apps.NAME]`; what it leaves out is taken from `[app_defaults]`.

## At the top

";

#[test]
fn the_page_of_settings_is_the_file_of_defaults() {
    let made = page_of_settings();
    assert!(made.matches("\n| `").count() > 70, "config/default.toml was not understood");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md"), made).unwrap();
        return;
    }
    let shown = read("docs/settings.md");
    let differs = shown.lines().zip(made.lines()).find(|(shown, made)| shown != made);
    assert!(
        shown == made,
        "docs/settings.md: UPDATE_DOCS=1 cargo test --test house writes it anew; first: {differs:#?}"
    );
}

/// The documents that stand in Chinese as well, each with its name in English.
fn translated() -> Vec<(String, String)> {
    let chinese = documents().into_iter().filter(|name| name.ends_with(".zh-Hant.md"));
    let found: Vec<_> = chinese.map(|name| (name.replace(".zh-Hant", ""), name)).collect();
    assert!(found.len() >= 5, "{found:?}");
    found
}

#[test]
fn both_languages_have_the_same_shape() {
    for (english_name, name) in translated() {
        let [english, chinese] = [&english_name, &name].map(|name| read(name));
        let levels = |text: &str| -> Vec<usize> {
            let prose = prose(text);
            let headings = prose.lines().filter(|line| line.starts_with('#'));
            headings.map(|line| line.bytes().take_while(|&b| b == b'#').count()).collect()
        };
        let table_rows = |text: &str| prose(text).lines().filter(|line| line.starts_with('|')).count();
        assert_eq!(levels(&english), levels(&chinese), "{name}: headings");
        assert_eq!(table_rows(&english), table_rows(&chinese), "{name}: rows of tables");

        // The labels of a diagram are translated; everything that is typed or compared is not.
        let (english, chinese) = (blocks(&english), blocks(&chinese));
        assert_eq!(english.len(), chinese.len(), "{name}: blocks");
        for ((language, english), (translated, chinese)) in english.iter().zip(&chinese) {
            assert_eq!(language, translated, "{name}");
            if language != "mermaid" {
                assert_eq!(english, chinese, "{name}");
            }
        }
    }
}

/// What stands in backticks in the first cell of a row is not translated: codes, settings, paths.
#[test]
fn both_languages_have_the_same_names_in_their_tables() {
    let names = |name: &str| -> Vec<Vec<String>> {
        let text = prose(&read(name));
        let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        cells.map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()).collect()
    };
    for (english, chinese) in translated() {
        let mut left = names(&english);
        let mut right = names(&chinese);
        // The order of words within a cell is a language's own.
        left.iter_mut().chain(&mut right).for_each(|names| names.sort());
        assert_eq!(left, right, "{chinese}");
    }
}

/// Terms of Taiwan or of a translation that readers in Hong Kong do not use, with theirs.
#[test]
fn chinese_is_that_of_hong_kong() {
    let terms = [
        ("商店", "商戶 or 網店"),
        ("埠", "連接埠"),
        ("轉址", "重新導向"),
        ("什麼", "甚麼"),
        ("網路", "網絡"),
        ("指令稿", "腳本"),
    ];
    for (_, name) in translated() {
        let text = read(&name).replace("連接埠", "");
        for (term, better) in terms {
            assert!(!text.contains(term), "{name}: {term}: {better}");
        }
    }
}

/// Whoever meets a 403 finds it on the page about them.
#[test]
fn the_page_about_403_names_every_code_of_that_status() {
    let (table, page) = (read("docs/errors.md"), read("docs/my-shop-gets-403.md"));
    let codes: Vec<_> =
        rows(&table).filter(|cells| cells.get(1) == Some(&"403")).map(|cells| unquoted(cells[0])).collect();
    assert!(codes.len() > 5, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "docs/my-shop-gets-403.md: {code}");
    }
}

/// Pages that are read from the beginning stay short.
#[test]
fn first_pages_are_short() {
    for name in ["README.md", "README.zh-Hant.md", "ARCHITECTURE.md", "SECURITY.md"] {
        let bytes = read(name).len();
        assert!(bytes <= 12 * 1024, "{name} has {bytes} bytes");
    }
}

/// What stands behind the name of the binary in every command of a document.
fn commands(text: &str) -> Vec<String> {
    let shell = blocks(text).into_iter().filter(|(language, _)| language == "sh");
    let lines: Vec<String> =
        shell.flat_map(|(_, text)| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    let binary = ["cargo run --release -- ", "cargo run -- ", "qfpay-sidecar "];
    let arguments =
        lines.iter().filter_map(|line| binary.iter().find_map(|binary| line.strip_prefix(binary)));
    arguments.map(str::to_owned).collect()
}

#[test]
fn every_command_in_the_documents_exists() {
    let mut tried = 0;
    for arguments in documents().iter().flat_map(|name| commands(&read(name))) {
        // What a command is told to do would start servers; `--help` checks its name and its flags' names.
        let words: Vec<_> = arguments.split_whitespace().take_while(|word| *word != "#").collect();
        let mut help = Command::new(env!("CARGO_BIN_EXE_qfpay-sidecar"));
        let output = help.arg(words[0]).arg("--help").output().unwrap();
        assert!(output.status.success(), "{arguments}");
        let manual = String::from_utf8(output.stdout).unwrap();
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            let flag = flag.split('=').next().unwrap();
            assert!(manual.contains(flag), "{arguments}: {flag}");
        }
        tried += 1;
    }
    assert!(tried > 10, "only {tried} commands were found");
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let words = line.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|&c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut anchored = 0;
    for name in &documents() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        for target in prose(&read(name)).split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            if target.starts_with("http") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { own.clone() } else { own.parent().unwrap().join(file) };
            assert!(file.exists(), "{name}: {target}");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&file).unwrap();
                assert!(
                    anchors(&text).iter().any(|heading| heading == anchor),
                    "{name}: no heading {target}"
                );
                anchored += 1;
            }
        }
    }
    assert!(anchored > 10, "only {anchored} links to headings were found");
}

#[test]
fn files_named_as_evidence_exist() {
    // docs/security.md names the test behind every defence.
    for name in
        ["docs/security.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "docs/decisions.md", "docs/traps.md"]
    {
        let text = read(name);
        let folders = ["tests/", "config/", "src/", "docs/", "scripts/"];
        let is_file = |word: &&str| folders.iter().any(|folder| word.starts_with(folder));
        for file in text.split('`').filter(is_file) {
            let exists = Path::new(env!("CARGO_MANIFEST_DIR")).join(file).exists();
            assert!(exists || file.contains("NAME"), "{name}: {file}");
        }
    }
}
