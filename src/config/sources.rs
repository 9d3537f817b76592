//! The files that a configuration was read from, and those that it names: what `watch` looks at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Variable;
use super::errors::looks_like_key;

/// Files and folders, as they were named: relative ones begin at the working directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// What was read, or should have been: configuration, keys, tokens, certificate authorities, passwords.
    pub read: BTreeSet<PathBuf>,
    /// Folders of which the content was listed, for `include`.
    pub listed: BTreeSet<PathBuf>,
}

impl Files {
    /// Adds the files that settings name, whether or not they were read well: every setting of a file that is read has a name
    /// that ends in `_file`, and every one of a systemd credential ends in `_credential`.
    pub(super) fn add_named_by<'s>(
        &mut self,
        settings: impl Iterator<Item = (&'s String, Option<&'s str>)>,
        env: &[Variable],
    ) {
        let credentials = env.iter().find(|(name, _)| name == "CREDENTIALS_DIRECTORY");
        for (key, value) in settings {
            let Some(name) = value.filter(|name| !name.is_empty() && !looks_like_key(name)) else { continue };
            if key.ends_with("_file") {
                self.read.insert(PathBuf::from(name));
            } else if key.ends_with("_credential")
                && let Some((_, folder)) = credentials
            {
                self.read.insert(Path::new(folder.as_str()).join(name));
            }
        }
    }
}
