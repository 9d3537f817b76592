//! Every name on the way to a file: links, the folders that they stand in, and what they lead to. Kubernetes changes a Secret
//! by one link in the middle of that way, a deployment may rename a folder above.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::config::Files;

/// As many links as the system follows.
const LINKS: usize = 40;

/// The names that lead to files, and where they stand.
#[derive(Debug, Default)]
pub(super) struct Chains {
    /// Every name on the way.
    pub names: HashSet<PathBuf>,
    /// Folders of which any name matters that is not hidden.
    pub listed: HashSet<PathBuf>,
    /// The folders that hold one of the names.
    pub folders: HashSet<PathBuf>,
    /// Those without which a change of a file itself, or of a link to it, would not be seen.
    pub needed: HashSet<PathBuf>,
}

impl Chains {
    pub fn of(files: &Files) -> Self {
        let mut chains = Self::default();
        for file in &files.read {
            chains.follow(file);
        }
        for folder in &files.listed {
            let end = chains.follow(folder);
            chains.folders.insert(end.clone());
            chains.needed.insert(end.clone());
            chains.listed.insert(end);
        }
        chains
    }

    /// Adds the way to a file, and returns where it ends.
    fn follow(&mut self, file: &Path) -> PathBuf {
        let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let mut left: Vec<OsString> = parts(&absolute);
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                at.pop();
                continue;
            }
            let name = at.join(&part);
            self.names.insert(name.clone());
            self.folders.insert(at.clone());
            let target = name.read_link().ok().filter(|_| links < LINKS);
            if target.is_some() || left.is_empty() {
                self.needed.insert(at.clone());
            }
            match target {
                Some(target) => {
                    links += 1;
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    left.extend(parts(&target));
                }
                None => at = name,
            }
        }
        at
    }
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir(root.join("..1")).unwrap();
        fs::write(root.join("..1/key"), "x").unwrap();
        symlink("..1", root.join("..data")).unwrap();
        symlink("..data/key", root.join("key")).unwrap();
        let files = Files { read: [root.join("key")].into(), ..Files::default() };
        let chains = Chains::of(&files);
        for name in ["key", "..data", "..1", "..1/key"] {
            assert!(chains.names.contains(&root.join(name)), "{name}");
        }
        for folder in ["", "..1"] {
            assert!(chains.needed.contains(&root.join(folder)), "{folder}");
        }
        symlink("round", root.join("round")).unwrap();
        Chains::of(&Files { read: [root.join("round")].into(), ..Files::default() });
    }
}
