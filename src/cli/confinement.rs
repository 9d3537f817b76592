//! Landlock: what the configuration does not name is out of reach, for this process and all its threads, as long as it lives.
//! A flaw that reads or writes files of its own choice then finds none but those.

#[cfg_attr(not(target_os = "linux"), path = "confinement/no_rules.rs")]
mod rules;

use std::fmt;
use std::path::{Path, PathBuf};

use super::Stop;
use crate::config::folders::{Named, of_file, of_files};
use crate::config::{self, Config, ConfigError, Files, Folders, Landlock, Request};

/// What is read beside the configuration: names of hosts and users, and the C library's modules that look them up.
const OF_THE_SYSTEM: [&str; 5] = ["/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64"];

/// Files below `/etc` that are often links to elsewhere, such as a resolver's own folder.
const LINKS: [&str; 3] = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];

/// What the process is confined to.
#[derive(Debug)]
pub(super) enum Confinement {
    /// To these folders; those of the second list it may write.
    Laid { abi: i32, read: Vec<PathBuf>, written: Vec<PathBuf> },
    /// Not at all, and why.
    None(String),
}

impl Confinement {
    /// Confines the process. To be called before it has threads, which would not be confined.
    ///
    /// # Errors
    /// `landlock = "require"`, and that cannot be.
    pub(super) fn lay(folders: &Folders) -> Result<Self, Stop> {
        if folders.landlock == Landlock::Off {
            return Ok(Self::None("landlock = \"off\"".to_owned()));
        }
        let laid = match &folders.program {
            Some(Named { setting, .. }) => Err(format!("the program of {setting} would be confined too")),
            None => lay(folders),
        };
        match (laid, folders.landlock) {
            (Ok(laid), _) => Ok(laid),
            (Err(why), Landlock::Require) => {
                Err(Stop::Usage(format!("landlock = \"require\", and it cannot be laid: {why}")))
            }
            (Err(why), _) => Ok(Self::None(why)),
        }
    }

    /// Reads a configuration anew, unless it names what the process cannot reach any more.
    ///
    /// # Errors
    /// Everything that is wrong with it, or what needs a restart.
    pub(super) fn read_again(&self, request: &Request, files: &mut Files) -> Result<Config, ConfigError> {
        let Self::Laid { read, .. } = self else { return config::load_noting(request, files) };
        config::load_if(request, files, |files, folders| {
            if let Some(outside) =
                of_files(files).find(|folder| !read.iter().any(|laid| folder.starts_with(laid)))
            {
                let what = "this folder is outside of those that the process confined itself to when it started (landlock): that \
                            needs a restart";
                let named = folders.as_ref().and_then(|folders| folders.setting_of(&outside));
                return Err(match named {
                    Some(Named { setting, place }) => {
                        ConfigError::of_setting(place, setting, &format!("{}: {what}", outside.display()))
                    }
                    None => ConfigError::of_place(&outside.display().to_string(), what),
                });
            }
            let Some(Named { setting, place }) = folders.and_then(|folders| folders.program) else {
                return Ok(());
            };
            let what = "the process is confined (landlock), and so would be the program that is named here: that needs a restart";
            Err(ConfigError::of_setting(&place, &setting, what))
        })
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Laid { abi, read, written } => {
                write!(f, "Landlock ABI {abi}, reads below {}", list(read))?;
                match written.is_empty() {
                    true => write!(f, ", writes nowhere"),
                    false => write!(f, ", writes below {}", list(written)),
                }
            }
            Self::None(why) => write!(f, "not confined by Landlock: {why}"),
        }
    }
}

fn list(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" ")
}

fn lay(folders: &Folders) -> Result<Confinement, String> {
    let links = LINKS.iter().filter_map(|link| Path::new(link).canonicalize().ok());
    let links = links.filter_map(|file| Some(file.parent()?.to_owned()));
    let of_the_system = OF_THE_SYSTEM.iter().map(PathBuf::from).chain(links).filter(|path| path.is_dir());
    let read = each_once(of_files(&folders.files).chain(of_the_system));
    let written = each_once(folders.written.iter().flat_map(|file| of_file(file)));
    let abi = rules::lay(&read, &written)?;
    Ok(Confinement::Laid { abi, read, written })
}

fn each_once(paths: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{ErrorKind, Write};
    use std::thread;

    use super::*;

    /// Also on a kernel that lays nothing: what a reload may name is judged here.
    #[test]
    fn a_reading_names_no_folder_outside_and_no_program() {
        let [inside, outside] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [inside, outside] = [&inside, &outside].map(|folder| folder.path().canonicalize().unwrap());
        let read = vec![inside.clone()];
        let confined = Confinement::Laid { abi: 1, read, written: Vec::new() };
        let file = inside.join("sidecar.toml");
        for folder in [&inside, &outside] {
            let key = folder.join("key");
            std::fs::write(&key, "SANDBOX0OF0A0TEST0NOT0A0SECRET00").unwrap();
            std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
        std::os::unix::fs::symlink(outside.join("key"), inside.join("link")).unwrap();
        let read_again = |source: &str| {
            let app = format!("app_code = \"5A4DB0C55A4DB0C55A4DB0C55A4DB0C5\"\n{source}\n");
            std::fs::write(&file, format!("[upstream]\nbase_url = \"sandbox\"\n[apps.shop]\n{app}")).unwrap();
            let request = Request { file: Some(file.clone()), ..Request::default() };
            let mut files = Files::default();
            let read = confined.read_again(&request, &mut files);
            assert!(files.read.contains(&file));
            read.map(|_| ()).map_err(|error| error.to_string())
        };
        let key = |folder: &Path, name: &str| format!("client_key_file = \"{}/{name}\"", folder.display());
        assert_eq!(read_again(&key(&inside, "key")), Ok(()));
        for refused in [key(&outside, "key"), key(&inside, "link")] {
            let why = read_again(&refused).unwrap_err();
            let place = format!("sidecar.toml:5: apps.shop.client_key_file: {}: ", outside.display());
            assert!(why.contains(&place), "{why}");
            assert!(why.contains("needs a restart"), "{why}");
        }
        let why = read_again("client_key_command = [\"/bin/true\"]").unwrap_err();
        assert!(
            why.contains("sidecar.toml:5: apps.shop.client_key_command: ") && why.contains("needs a restart"),
            "{why}"
        );
        let why = read_again("nonsense = ").unwrap_err();
        assert!(why.contains("this is not TOML"), "{why}");
    }

    /// Only the thread that lays it is confined, and those that it starts later: this one goes on as before.
    #[test]
    fn what_is_not_named_cannot_be_read_or_written() {
        let [named, written, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        for folder in [&named, &written, &other] {
            std::fs::write(folder.path().join("file"), "x").unwrap();
        }
        let mut files = Files::default();
        files.read.insert(named.path().join("file"));
        let folders = Folders {
            landlock: Landlock::Auto,
            files,
            written: vec![written.path().join("file")],
            program: None,
            settings: Vec::new(),
        };
        let [in_named, in_written, in_other] =
            [&named, &written, &other].map(|folder| folder.path().join("file"));
        let confined = thread::spawn(move || {
            let confinement = Confinement::lay(&folders).unwrap();
            let Confinement::Laid { abi, .. } = &confinement else {
                let _ = writeln!(std::io::stderr(), "SKIPPED: {confinement}");
                assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{confinement}");
                return;
            };
            let _ = writeln!(std::io::stderr(), "Landlock ABI {abi}");
            let later = thread::spawn(move || {
                let kind = |done: std::io::Result<File>| done.err().map(|error| error.kind());
                assert_eq!(kind(File::open(&in_named)), None);
                assert_eq!(kind(File::create(&in_named)), Some(ErrorKind::PermissionDenied));
                assert_eq!(kind(File::open(&in_other)), Some(ErrorKind::PermissionDenied));
                assert_eq!(
                    kind(File::create(in_other.with_extension("new"))),
                    Some(ErrorKind::PermissionDenied)
                );
                assert_eq!(kind(File::create(in_written.with_extension("new"))), None);
                std::fs::remove_file(&in_written).unwrap();
                assert_eq!(kind(File::open("/etc/hosts")), None);
                let run = std::process::Command::new("/bin/true").status();
                assert_eq!(run.err().map(|error| error.kind()), Some(ErrorKind::PermissionDenied));
            });
            later.join().unwrap();
        });
        confined.join().unwrap();
        assert!(File::open(other.path().join("file")).is_ok());
    }
}
