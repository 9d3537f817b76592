//! The folders that a configuration names: all of the file system that a process needs which confines itself (Landlock).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::errors::Problem;
use super::raw::Raw;
use super::sources::Files;
use crate::server::Address;

/// Whether the process confines itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landlock {
    /// Where the kernel can, as far as it can.
    Auto,
    /// Never.
    Off,
    /// A start where it cannot is refused.
    Require,
}

impl Landlock {
    /// How configurations write them.
    pub const WORDS: [(&str, Self); 3] =
        [("auto", Self::Auto), ("off", Self::Off), ("require", Self::Require)];
}

/// What a configuration needs of the file system.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Whether the process confines itself.
    pub landlock: Landlock,
    /// What is read.
    pub files: Files,
    /// Sockets and the journal: files that come and go.
    pub written: Vec<PathBuf>,
    /// The setting of a program to be run, which would be confined too.
    pub program: Option<Named>,
    /// The settings that name files.
    pub settings: Vec<(PathBuf, Named)>,
}

/// A setting, and where it was written.
#[derive(Clone, Debug)]
pub struct Named {
    /// The key path of the setting.
    pub setting: String,
    /// Its file and line.
    pub place: String,
}

/// The settings that name addresses, unix sockets among them.
const LISTENERS: [&str; 3] = ["listen.api", "listen.admin", "listen.notifications"];

const LANDLOCK: &str = "landlock";

/// Reads what settings name without judging it, and without reading a key. `files` is what they were read from and name.
pub(super) fn folders(raw: &mut Raw, files: Files) -> Folders {
    let text = |raw: &Raw, key: &str| {
        let setting = raw.settings.get(key).and_then(|setting| setting.value.as_str());
        setting.unwrap_or_default().to_owned()
    };
    let word = text(raw, LANDLOCK);
    let landlock = Landlock::WORDS.iter().find(|(known, _)| *known == word);
    let mut entries = |key: &str| raw.again(|raw| raw.entries(key)).unwrap_or_default();
    let sockets = LISTENERS.iter().flat_map(|key| entries(key)).collect::<Vec<_>>();
    let sockets = sockets.iter().filter_map(|address| match Address::parse(address) {
        Ok(Address::Unix(path)) => Some(path),
        _ => None,
    });
    let mut written: Vec<_> = sockets.collect();
    let program = program(raw);
    let journal = text(raw, "journal.file");
    if !journal.is_empty() {
        written.push(PathBuf::from(journal));
    }
    let landlock = landlock.map_or(Landlock::Auto, |(_, landlock)| *landlock);
    Folders { landlock, files, written, program, settings: settings(raw) }
}

/// The settings that name a file which is read.
fn settings(raw: &Raw) -> Vec<(PathBuf, Named)> {
    let files = raw.settings.iter().filter(|(key, _)| key.ends_with("_file"));
    let named = files.filter_map(|(key, setting)| {
        let file = setting.value.as_str().filter(|file| !file.is_empty())?;
        Some((PathBuf::from(file), Named { setting: key.clone(), place: setting.place.clone() }))
    });
    named.collect()
}

impl Folders {
    /// The setting that names a file in this folder.
    pub fn setting_of(&self, folder: &Path) -> Option<&Named> {
        let mut named = self.settings.iter();
        named.find(|(file, _)| of_file(file).any(|own| own == folder)).map(|(_, setting)| setting)
    }
}

fn program(raw: &mut Raw) -> Option<Named> {
    let commands: Vec<_> = raw.settings.keys().filter(|key| key.ends_with("_command")).cloned().collect();
    let named = |key: &String| raw.again(|raw| raw.entries(key)).is_some_and(|entries| !entries.is_empty());
    let setting = commands.into_iter().find(named)?;
    Some(Named { place: raw.place(&setting), setting })
}

/// That a process confines itself, and runs a program.
pub(super) fn contradiction(raw: &mut Raw) -> Option<Problem> {
    let required =
        raw.settings.get(LANDLOCK).is_some_and(|setting| setting.value.as_str() == Some("require"));
    let Named { setting, place } = program(raw).filter(|_| required)?;
    let what = format!(
        "\"require\" cannot be had: the program of {setting} ({place}) would be confined too; name a file with the key, or \
         write \"auto\""
    );
    Some(Problem::new(&raw.place(LANDLOCK), LANDLOCK, &what))
}

/// The folder of a file, and the one that links lead to; those that exist, without links.
pub(crate) fn of_file(file: &Path) -> impl Iterator<Item = PathBuf> {
    [file].into_iter().filter_map(folder).filter_map(|folder| folder.canonicalize().ok()).chain(linked(file))
}

/// The folders of everything that is read, each that is named once.
pub(crate) fn of_files(files: &Files) -> impl Iterator<Item = PathBuf> {
    let named: BTreeSet<_> = files.read.iter().filter_map(|file| folder(file)).collect();
    let named = named.into_iter().chain(files.listed.iter().map(PathBuf::as_path));
    named
        .filter_map(|folder| folder.canonicalize().ok())
        .chain(files.read.iter().filter_map(|file| linked(file)))
}

fn folder(file: &Path) -> Option<&Path> {
    file.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

/// Where the file is that a link leads to.
fn linked(link: &Path) -> Option<PathBuf> {
    let file = link.is_symlink().then(|| link.canonicalize().ok())?;
    Some(file?.parent()?.to_owned())
}
