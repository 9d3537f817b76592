//! `include`: further files, of which each holds apps, callers and routes of notifications, and nothing else.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Value};

use super::document::scalar;
use super::errors::{Problem, shown};
use super::sources::Files;

/// How many files may be included.
const MOST: usize = 10_000;

/// Sections of which each file may hold some, and no two the same.
const NAMED: [&str; 2] = ["apps", "callers"];

/// The patterns, from a list, or from text as variables and flags have it.
pub(super) fn patterns(value: &Value) -> Result<Vec<String>, String> {
    let list = match value {
        Value::String(_, text) if text.trim_start().starts_with('[') => {
            text.trim().parse::<toml_edit::Value>().ok().as_ref().map(scalar)
        }
        Value::String(_, text) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Some(Value::from(parts.map(str::to_owned).collect::<Vec<_>>()))
        }
        other => Some(other.clone()),
    };
    let texts = list
        .as_ref()
        .and_then(Value::as_array)
        .map(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>());
    texts.flatten().ok_or_else(|| "this is not a list of files; write [\"apps.d/*.toml\"]".to_owned())
}

/// The files that the patterns name, in the order of the patterns and then of their names; one that two patterns name comes
/// once. Relative ones begin at `folder`.
pub(super) fn expand(patterns: &[String], folder: &Path, files: &mut Files) -> Result<Vec<PathBuf>, String> {
    let mut found: Vec<PathBuf> = Vec::new();
    for pattern in patterns {
        let path = folder.join(pattern);
        let (Some(name), Some(parent)) = (path.file_name().and_then(|name| name.to_str()), path.parent())
        else {
            return Err(format!("{} names no file; write \"apps.d/*.toml\"", shown(pattern)));
        };
        if parent.to_string_lossy().contains('*') {
            return Err(format!(
                "{}: '*' may stand in the name of the file only, not of its folder",
                shown(pattern)
            ));
        }
        if !name.contains('*') {
            found.push(path);
            continue;
        }
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        files.listed.insert(parent.to_owned());
        let names = list(parent, name).map_err(|error| {
            format!("{}: the folder {} cannot be read: {}", shown(pattern), parent.display(), error.kind())
        })?;
        // Without the "." that stood for no folder.
        let base = path.parent().unwrap_or(parent);
        found.extend(names.into_iter().map(|name| base.join(name)));
    }
    if found.len() > MOST {
        return Err(format!("these are more than {MOST} files"));
    }
    let mut once = HashSet::new();
    found.retain(|path| once.insert(path.clone()));
    Ok(found)
}

/// What is wrong with the name of a file that cannot be read, if it is the name.
pub(super) fn wrong_name(path: &Path) -> Option<String> {
    let name = path.display();
    match path.metadata() {
        Ok(found) if found.is_dir() => {
            Some(format!("{name} is a folder; write {}", path.join("*.toml").display()))
        }
        Ok(_) => None,
        Err(_) if path.is_symlink() => {
            Some(format!("{name}: this is a link, and what it leads to does not exist"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.to_string_lossy().contains('?') => {
            Some(format!(
                "{name}: this configuration file does not exist; only '*' stands for other text, '?' does not"
            ))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some(format!("{name}: this configuration file does not exist"))
        }
        Err(_) => None,
    }
}

/// The names in a folder that a pattern names, sorted. Hidden ones are none: editors and Kubernetes keep theirs there.
fn list(folder: &Path, pattern: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in folder.read_dir()? {
        if let Ok(name) = entry?.file_name().into_string()
            && !name.starts_with('.')
            && matches(pattern, &name)
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether a name is what a pattern says, in which `*` is any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let (Some(first), Some(last)) = (pieces.next(), pieces.next_back()) else { return pattern == name };
    let Some(mut middle) = name.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    pieces.all(|piece| match middle.find(piece) {
        Some(at) => {
            middle = &middle[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// How many routes a file has.
pub(super) fn routes(values: &Dict) -> usize {
    let routes =
        values.get("notifications").and_then(Value::as_dict).and_then(|section| section.get("routes"));
    routes.and_then(Value::as_dict).map_or(0, Dict::len)
}

/// What an included file holds that it may not, and what another file before it holds as well.
pub(super) fn check(
    values: &Dict,
    places: &BTreeMap<String, String>,
    before: &[(&Dict, &BTreeMap<String, String>)],
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |key: &str, what: &str| {
        let place = places.get(key).map_or("", String::as_str);
        problems.push(Problem::new(place, key, what));
    };
    let foreign = "an included file holds [apps.NAME], [callers.NAME] and [[notifications.routes]] only; write this into \
                   the file that includes it";
    for (name, value) in values {
        match (name.as_str(), value.as_dict()) {
            ("notifications", Some(section)) => {
                for key in section.keys().filter(|key| *key != "routes") {
                    problem(&format!("notifications.{key}"), foreign);
                }
            }
            (named, Some(sections)) if NAMED.contains(&named) => {
                for section in sections.keys() {
                    let key = format!("{named}.{section}");
                    let twin = before.iter().find_map(|(values, places)| {
                        let stands = values.get(named).and_then(Value::as_dict)?.contains_key(section);
                        stands.then(|| places.get(&key).map_or("another file", String::as_str))
                    });
                    if let Some(place) = twin {
                        problem(
                            &key,
                            &format!("{place} has this section as well; keep one of the two, or rename one"),
                        );
                    }
                }
            }
            _ => problem(name, foreign),
        }
    }
    problems
}

/// Adds the sections of a further file to those before it.
pub(super) fn unite(before: &mut Dict, further: Dict) {
    for (name, value) in further {
        match (before.get_mut(&name), value) {
            (Some(Value::Dict(_, there)), Value::Dict(_, inner)) => unite(there, inner),
            (_, value) => _ = before.insert(name, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_everything_else_itself() {
        for (pattern, name) in
            [("*.toml", "a.toml"), ("*", "a"), ("a*b*c", "abc"), ("a*b*c", "a1b2b3c"), ("shop-*", "shop-")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.toml", "a.toml~"),
            ("*.toml", "toml"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
            ("a", "b"),
            ("?", "a"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
