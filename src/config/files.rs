//! Reading files that an operator names: whole, regular, bounded, and of which others cannot change the content.
//!
//! Links are followed to the file, and folders are not judged: a ConfigMap is a link in a folder that everyone may write,
//! and a checkout lies wherever its user likes.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::runtime;

/// The largest file that is read, in bytes; a bundle of all public authorities has a quarter of it.
const LARGEST: u64 = 1 << 20;

/// Who else may change a file, apart from root and this process's user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writers {
    None,
    Group,
    Everyone,
    Owner(u32),
}

impl Writers {
    /// Judges an owner and a mode for a process of this user.
    fn of(owner: u32, mode: u32, user: u32) -> Self {
        match (owner == 0 || owner == user, mode & 0o002 != 0, mode & 0o020 != 0) {
            (false, _, _) => Self::Owner(owner),
            (true, true, _) => Self::Everyone,
            (true, false, true) => Self::Group,
            (true, false, false) => Self::None,
        }
    }

    fn of_file(file: &Metadata) -> Self {
        Self::of(file.uid(), file.mode(), rustix::process::geteuid().as_raw())
    }
}

/// The content of a file. A pipe would wait for a writer and a device might never end, so both are refused, and so is what
/// others may change: they could have payments sent to a host of their own.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    Ok(read_judged(path)?.0)
}

/// The same, as text, and what would be safer about it.
pub(super) fn read_text(path: &Path) -> io::Result<(String, Option<&'static str>)> {
    let (content, writers) = read_judged(path)?;
    let advice = "its group may write this file, and so decide where payments go; run chmod g-w on it";
    let advice = (writers == Writers::Group).then_some(advice);
    String::from_utf8(content).map(|text| (text, advice)).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn read_judged(path: &Path) -> io::Result<(Vec<u8>, Writers)> {
    runtime::give_way();
    // Asked before opening: opening a pipe would wait as well.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is a folder, a pipe or a device, not a file"));
    }
    let file = File::open(path)?;
    // Of the open file: the name may stand for another one by now.
    let writers = Writers::of_file(&file.metadata()?);
    let refused = match writers {
        Writers::Owner(owner) => Some(format!(
            "it belongs to user {owner}, who could change it; give it to root or to the sidecar's user with chown"
        )),
        Writers::Everyone => Some("every user may write it; run chmod o-w on it".to_owned()),
        Writers::Group | Writers::None => None,
    };
    if let Some(why) = refused {
        return Err(io::Error::other(why));
    }
    let mut content = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut content)?;
    match content.len() as u64 <= LARGEST {
        true => Ok((content, writers)),
        false => Err(io::Error::other("it is larger than 1 MiB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_own_user_may_own_a_file() {
        for (owner, mode, writers) in [
            (0, 0o644, Writers::None),
            (7, 0o600, Writers::None),
            (7, 0o664, Writers::Group),
            (0, 0o646, Writers::Everyone),
            (7, 0o666, Writers::Everyone),
            (8, 0o400, Writers::Owner(8)),
        ] {
            assert_eq!(Writers::of(owner, mode, 7), writers, "{owner} {mode:o}");
        }
        assert_eq!(Writers::of(8, 0o644, 0), Writers::Owner(8), "root's sidecar is no other user's");
    }
}
