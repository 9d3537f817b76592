//! ARCHITECTURE.md tells the truth: its map names every room, modules import only what its rows allow, and what
//! comments cite is explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text below a heading of ARCHITECTURE.md, up to the next one.
fn section(heading: &str) -> String {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, below) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    below.split("\n## ").next().unwrap().to_owned()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source file by its path from the root.
fn source_files() -> BTreeSet<String> {
    let mut found = Vec::new();
    sources(&root().join("src"), &mut found);
    found.iter().map(|path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()).collect()
}

/// The part of the house that a file belongs to: a folder with the file of its name, or a file by itself.
fn room(file: &str) -> String {
    let inside = file.trim_start_matches("src/");
    let name = inside.split('/').next().unwrap().trim_end_matches(".rs");
    if root().join("src").join(name).is_dir() { format!("{name}/") } else { format!("{name}.rs") }
}

#[test]
fn the_map_names_every_room_once() {
    let mut named = BTreeSet::new();
    for line in section("The map").lines().filter_map(|line| line.strip_prefix("src/")) {
        let (names, says) = line.split_once("  ").unwrap_or_else(|| panic!("{line} is not explained"));
        assert!(says.trim().len() > 10, "{line} is not explained");
        for name in names.split(", ") {
            assert!(named.insert(name.to_owned()), "{name} stands twice");
        }
    }
    let rooms: BTreeSet<_> = source_files().iter().map(|file| room(file)).collect();
    assert_eq!(rooms, named, "src and the map");
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in source_files() {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        assert!(text.starts_with("//! "), "{file} begins without a line that says what it is for");
    }
}

/// Whoever runs the tests may have a sidecar running, or other tests: a fixed port makes them fail. `Launch` looks at the
/// ports of what it starts; a test that starts a server by itself has to.
#[test]
fn a_test_that_starts_a_server_looks_at_its_ports() {
    let mut found = Vec::new();
    sources(&root().join("tests"), &mut found);
    found.retain(|path| !path.starts_with(root().join("tests/support")) && !path.ends_with(file!()));
    let mut starts = 0;
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        if text.contains("CARGO_BIN_EXE_") && text.contains("ready\"") {
            starts += 1;
            let looks = text.contains("assert_chosen_by_the_system(");
            assert!(
                looks,
                "{} starts a server and does not call assert_chosen_by_the_system",
                path.display()
            );
        }
    }
    assert!(starts > 0, "no test starts a server by itself, or this test does not see it");
}

/// The row of each module, counted from the top.
fn rows() -> BTreeMap<String, usize> {
    let text = section("The direction of imports");
    let lines = text.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let mut rows = BTreeMap::new();
    for (row, line) in lines.enumerate() {
        let modules = line.split('|').nth(2).unwrap();
        for module in modules.split('`').skip(1).step_by(2) {
            assert_eq!(rows.insert(module.to_owned(), row), None, "{module} stands in two rows");
        }
    }
    rows
}

/// The modules that a file names by their path from the crate's root; comments do not count.
fn imports(file: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = code.flat_map(|line| line.split("crate::").skip(1));
    paths.map(|path| path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn modules_import_only_from_rows_above() {
    let rows = rows();
    for file in source_files() {
        let module = file.trim_start_matches("src/").split('/').next().unwrap().trim_end_matches(".rs");
        if matches!(module, "lib" | "main") {
            continue;
        }
        let row = rows.get(module).unwrap_or_else(|| panic!("no row has the module {module}"));
        for imported in imports(&file) {
            let above = rows.get(&imported).unwrap_or_else(|| panic!("{file}: no row has {imported}"));
            let right = imported == module || above < row;
            assert!(right, "{file} imports {imported}, which is not in a row above");
        }
    }
}

#[test]
fn the_crate_documentation_has_the_same_rows() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut rows = rows();
    for line in text.lines().filter_map(|line| line.strip_prefix("//! ")) {
        let Some((number, modules)) = line.split_once(". ") else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        for module in modules.split('`').skip(1).step_by(2) {
            assert_eq!(rows.remove(module), Some(number - 1), "{module}");
        }
    }
    assert_eq!(rows, BTreeMap::new(), "rows that src/lib.rs lacks");
}

#[test]
fn the_sandbox_shares_no_code_with_the_proxy() {
    let allowed = [
        ("src/sandbox", &["sandbox", "explain", "credentials"][..]),
        ("src/explain", &["explain", "credentials"]),
    ];
    for (folder, modules) in allowed {
        for file in source_files().iter().filter(|file| file.starts_with(folder)) {
            for imported in imports(file) {
                assert!(modules.contains(&&*imported), "{file} imports {imported}");
            }
        }
    }
}

#[test]
fn sections_that_comments_cite_are_explained() {
    let legend = fs::read_to_string(root().join("docs/protocol-sources.md")).unwrap();
    let mut cited = 0;
    for file in source_files() {
        let text = fs::read_to_string(root().join(&file)).unwrap();
        // "(protocol sheet, sections 3.1 and 3.8)"
        for citation in text.split("protocol sheet").skip(1) {
            let citation = citation.split([')', ':', '\n']).next().unwrap();
            let numbers = citation.split([' ', ',']).map(|word| word.trim_end_matches('.'));
            for number in numbers.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
                assert!(legend.contains(&format!("\n| {number} | ")), "{file}: {number}");
                cited += 1;
            }
        }
    }
    assert!(cited > 8, "only {cited} citations were found");
}

/// The sibling files that a file names: `super::name`, or `{name, ...}` behind `super::`. Files of one folder are siblings.
fn siblings(file: &str, files: &BTreeSet<String>) -> BTreeSet<String> {
    let (folder, _) = file.rsplit_once('/').unwrap();
    let text = fs::read_to_string(root().join(file)).unwrap();
    let code: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join(" ");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("super::").filter(|(at, _)| !code[..*at].ends_with("::")) {
        let behind = &code[at + "super::".len()..];
        let mut names = vec![behind];
        if let Some(group) = behind.strip_prefix('{') {
            let mut depth = 0;
            let end = group.find(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth < 0
            });
            names = group[..end.unwrap()].split([',', '{']).map(str::trim_start).collect();
        }
        for name in names {
            let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let sibling = format!("{folder}/{name}.rs");
            if sibling != file && files.contains(&sibling) {
                found.insert(sibling);
            }
        }
    }
    found
}

/// Who wants to read one of the two has to read the other first, and the first before it.
#[test]
fn files_of_a_room_do_not_import_in_circles() {
    let files = source_files();
    let mut left: BTreeMap<_, _> = files.iter().map(|file| (file.clone(), siblings(file, &files))).collect();
    // An answer's body drives the connection that hands it out: one life in two files.
    let body = left.get_mut("src/client/body.rs").unwrap();
    assert!(body.remove("src/client/connection.rs"), "there is no such circle any more");
    let edges: usize = left.values().map(BTreeSet::len).sum();
    assert!(edges > 100, "only {edges} imports were found");
    // What imports nothing that is left cannot be part of a circle.
    while let Some(free) =
        left.iter().find(|(_, imports)| !imports.iter().any(|other| left.contains_key(other)))
    {
        let free = free.0.clone();
        left.remove(&free);
    }
    left.values_mut().for_each(|imports| imports.retain(|other| files.contains(other)));
    assert_eq!(left, BTreeMap::new(), "these files import each other");
}
