//! Configuration text: any text is loaded or refused with a place and a reason, and no key comes to light.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

use qfpay_sidecar::config::{self, ConfigError, Problem, Request};
use tempfile::TempDir;

use super::signature::KEY;

/// A TOML file, variables (`NAME=value`) and flags (`key=value`), the three parts divided by NUL, the latter two in
/// lines. `{folder}` is a folder with a file `key`, and the variable `SHOP_KEY` holds a key too.
pub fn check(input: &[u8]) {
    let folder = folder();
    let file = folder.join("sidecar.toml");
    let filled = |text: &[u8]| String::from_utf8_lossy(text).replace("{folder}", folder.to_str().unwrap());
    let mut parts = input.split(|&b| b == 0);
    // The file as bytes: it may be no text.
    let toml = parts.next().unwrap_or(b"");
    match std::str::from_utf8(toml) {
        Ok(text) => fs::write(&file, filled(text.as_bytes())).unwrap(),
        Err(_) => fs::write(&file, toml).unwrap(),
    }
    let mut env = pairs(&filled(parts.next().unwrap_or(b"")));
    env.push(("SHOP_KEY".to_owned(), KEY.to_owned()));
    let overrides = pairs(&filled(parts.next().unwrap_or(b"")));
    let layers = Layers { lines: toml.split(|&b| b == b'\n').count(), file: file.display().to_string() };
    let env = env.into_iter().map(|(name, value)| (name, value.into())).collect();
    // A program that the input names must not be run.
    let request = Request { file: Some(file), env, overrides, runs_programs: false, ..Request::default() };

    // What cannot be read at all is told alike by all who read.
    match config::explain(&request) {
        Ok(effective) => {
            for setting in effective {
                holds_no_key(&format!("{} {} {}", setting.key, setting.value, setting.source));
            }
        }
        Err(error) => return layers.explain(&error),
    }
    match config::load(&request) {
        Ok(loaded) => {
            // Unless the input itself has it in another place: that is not where a key comes from.
            let is_pasted = String::from_utf8_lossy(input).contains(KEY);
            assert!(is_pasted || !format!("{loaded:?}").contains(KEY));
            config::load_listen(&request).expect("what can be loaded listens somewhere");
        }
        Err(error) => layers.explain(&error),
    }
    // As an input of the corpus asks for.
    assert!(!folder.join("was-run").exists(), "a program of the input was run");
}

struct Layers {
    file: String,
    lines: usize,
}

impl Layers {
    /// A line for each problem, with its place, and no key in any.
    fn explain(&self, error: &ConfigError) {
        let shown = error.to_string();
        assert_eq!(shown.lines().count(), error.problems().len(), "one line for each problem");
        holds_no_key(&shown);
        holds_no_key(&format!("{error:?}"));
        error.problems().iter().for_each(|problem| self.name(problem));
    }

    /// Where it is wrong: in a line that the file has, in a variable, in a flag; or in the default of a setting that has
    /// none to work with. And in what way.
    fn name(&self, problem: &Problem) {
        assert!(!problem.what.is_empty(), "{problem:?}");
        let place = problem.place.as_str();
        if let Some(rest) = place.strip_prefix(&self.file) {
            let mut numbers = rest.split(':').skip(1).map(|number| number.parse::<usize>().unwrap());
            match numbers.next() {
                Some(line) => assert!((1..=self.lines).contains(&line), "{problem:?}"),
                None => assert!(problem.what.contains("UTF-8"), "no line: {problem:?}"),
            }
        } else {
            // What is missing altogether stands in no line.
            if problem.key == "apps" && place == "configuration" {
                return;
            }
            let known = ["environment variable QFPAY__", "flag --", "default", "flags --env and --config"];
            assert!(known.iter().any(|known| place.starts_with(known)), "{problem:?}");
        }
    }
}

/// No word of a text has the shape of a key: QFPay's 32 hex digits, or one of the sandbox's.
fn holds_no_key(text: &str) {
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
        let issued = word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let sandbox = word.len() == 32 && word.to_ascii_uppercase().starts_with("SANDBOX");
        assert!(!issued && !sandbox, "{word} is shown in {text}");
    }
}

fn pairs(lines: &str) -> Vec<(String, String)> {
    let pairs = lines.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// One for the process, so that a run of millions leaves one behind at most.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        fs::write(&key, KEY).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        folder
    });
    folder.path()
}
