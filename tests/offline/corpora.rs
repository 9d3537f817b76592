//! The inputs that fuzzing kept, run through the checks of the fuzz targets: on any toolchain, without a fuzzer.

// A defect is a finding; clippy.toml allows unwrapping in tests, but not in their helpers.

#[path = "../../fuzz/checks/lib.rs"]
mod checks;

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use checks::CHECKS;

/// So much may stand in the tree: enough for every path, small enough to read.
const MOST_BYTES: u64 = 300_000;

#[test]
fn every_kept_input_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let (mut inputs, mut bytes, mut failed) = (0, 0, Vec::new());
    for (name, check) in CHECKS {
        let mut files: Vec<_> =
            fs::read_dir(folder.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 10, "the corpus of {name} is nearly empty");
        for file in files {
            let input = fs::read(&file).unwrap();
            (inputs, bytes) = (inputs + 1, bytes + input.len() as u64);
            if panic::catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
                failed.push(file);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(bytes < MOST_BYTES, "the corpora have {bytes} bytes; fuzz/README.md says how they are minimised");
    eprintln!("{inputs} inputs, {bytes} bytes");
}

#[test]
fn every_check_has_a_target_and_a_corpus() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |folder: &str| {
        let names = fs::read_dir(fuzz.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> =
            names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        names.retain(|name| name != "lib");
        names.sort();
        names
    };
    let expected = CHECKS.map(|(name, _)| name);
    for folder in ["targets", "checks", "corpus"] {
        assert_eq!(names(folder), expected, "{folder}");
    }
}
