//! Files with a secret: small, regular, and read by nobody but this process. Judged by the open file, behind links.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::{getegid, geteuid, getgroups};
use zeroize::Zeroizing;

use crate::runtime;

/// The largest file that is read, in bytes; QFPay's keys have 32 characters.
pub(super) const LARGEST: usize = 4096;

/// Where a secret lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folder {
    /// Anywhere: the file must be private by itself.
    Any,
    /// A folder that systemd keeps for this service alone. The rules (ACL) that let its user in show as rights of the group.
    OfTheService,
}

/// Who reads a file: a process's user and groups.
struct Process {
    user: u32,
    groups: Vec<u32>,
}

impl Process {
    fn own() -> Self {
        // The groups beside the first one are not to be had in a strict sandbox only; a file of theirs is then refused.
        let further = getgroups().unwrap_or_default();
        let groups = std::iter::once(getegid()).chain(further).map(|group| group.as_raw()).collect();
        Self { user: geteuid().as_raw(), groups }
    }

    /// What is wrong with a file of this owner, group and mode, if others than this process may use it.
    ///
    /// A group may read it if that is how this process reads it: Kubernetes mounts a Secret so under `fsGroup`. An owner
    /// reads by a right of its own, and needs none of the group's.
    fn judge(&self, owner: u32, group: u32, mode: u32) -> Result<(), Unsafe> {
        match mode & 0o077 {
            0 => Ok(()),
            bits if bits & 0o007 != 0 => Err(Unsafe::Everyone),
            bits if bits & 0o030 != 0 => Err(Unsafe::GroupChanges),
            _ if owner == self.user => Err(Unsafe::GroupOfOwner),
            _ if !self.groups.contains(&group) => Err(Unsafe::OtherGroup(group)),
            _ => Ok(()),
        }
    }
}

/// Why a file is not private.
#[derive(Debug, PartialEq, Eq)]
enum Unsafe {
    /// Rights for every user.
    Everyone,
    /// Its group may write or run it.
    GroupChanges,
    /// Its group may read it, and this process owns it.
    GroupOfOwner,
    /// Its group may read it, and this process is not of that group.
    OtherGroup(u32),
    /// Access rules (ACL) that its mode does not show.
    Rules,
}

impl Unsafe {
    fn told(&self, mode: u32, shown: &str) -> String {
        let who = match self {
            Self::Everyone => "other users may use this key file".to_owned(),
            Self::GroupChanges => "its group may change this key file".to_owned(),
            Self::GroupOfOwner => "its group may read this key file, which belongs to the sidecar's own user; a group's right to \
                                   read is taken only where that is how the sidecar reads it (root's file, fsGroup in \
                                   kubernetes with runAsNonRoot)"
                .to_owned(),
            Self::OtherGroup(group) => {
                format!("group {group} may read this key file, and the sidecar is not of that group")
            }
            Self::Rules => "this key file has access rules (ACL) for further users; run: setfacl -b on it (a systemd credential \
                            is named by client_key_credential)"
                .to_owned(),
        };
        format!(
            "{who} (mode {mode:04o}); run: chmod 600 {shown} (a mounted secret: `mode: 0400` in compose, `defaultMode: 0400` in \
             kubernetes)"
        )
    }
}

/// The content of a file; `shown` is its name as people may see it.
pub(super) fn read(path: &Path, shown: &str, folder: Folder) -> Result<Zeroizing<Vec<u8>>, String> {
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no such key file: {shown}{}", beginning(path)),
        io::ErrorKind::PermissionDenied => {
            format!("the key file may not be read by this user; chown it to the sidecar's user: {shown}")
        }
        _ => format!("the key file cannot be read ({}): {shown}", error.kind()),
    };
    runtime::give_way();
    // Asked before opening: opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(told)?.is_file() {
        return Err(format!("this is a folder or a device, not a file with a key: {shown}"));
    }
    let mut file = File::open(path).map_err(told)?;
    judge(&file, &file.metadata().map_err(told)?, folder).map_err(|(wrong, mode)| wrong.told(mode, shown))?;
    // One buffer of full size: growing would leave copies of the key behind.
    let mut content = Zeroizing::new(vec![0; LARGEST + 1]);
    let mut length = 0;
    loop {
        match file.read(&mut content[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(again) if again.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(told(error)),
        }
    }
    match length {
        0 => Err(format!("the key file is empty: {shown}")),
        1..=LARGEST => {
            content.truncate(length);
            Ok(content)
        }
        _ => Err(format!("the key file is larger than {LARGEST} bytes, so it holds no key: {shown}")),
    }
}

/// Where a name begins that has no slash before it, for one that was not found.
fn beginning(path: &Path) -> String {
    let Ok(folder) = std::env::current_dir() else { return String::new() };
    let name = path.to_string_lossy();
    match path.is_relative() {
        true if name.starts_with('~') || name.contains('$') => {
            "; '~' and variables are not expanded: write the name whole".to_owned()
        }
        true => format!("; relative names start at the working directory, {}", folder.display()),
        false if name.contains('$') => "; variables are not expanded: write the name whole".to_owned(),
        false => String::new(),
    }
}

fn judge(file: &File, found: &Metadata, folder: Folder) -> Result<(), (Unsafe, u32)> {
    let mode = found.mode() & 0o777;
    let wrong = match folder {
        Folder::OfTheService if mode & 0o007 != 0 => Err(Unsafe::Everyone),
        Folder::OfTheService => Ok(()),
        Folder::Any => Process::own().judge(found.uid(), found.gid(), mode),
    };
    let wrong = match wrong {
        // Without rights of the group no rule gives any.
        Ok(()) if folder == Folder::Any && mode & 0o070 != 0 && has_rules(file) => Err(Unsafe::Rules),
        other => other,
    };
    wrong.map_err(|wrong| (wrong, mode))
}

/// Whether it has the extended attribute that holds access rules beyond a file's mode.
#[cfg(target_os = "linux")]
fn has_rules(file: &File) -> bool {
    let mut none: [u8; 0] = [];
    rustix::fs::fgetxattr(file, "system.posix_acl_access", &mut none[..]).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn has_rules(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_read_what_the_process_reads_through_it_and_does_not_own() {
        let process = Process { user: 7, groups: vec![70, 71] };
        for (owner, group, mode, judged) in [
            (7, 70, 0o600, Ok(())),
            (7, 99, 0o400, Ok(())),
            (0, 70, 0o440, Ok(())),
            (0, 71, 0o640, Ok(())),
            (8, 71, 0o040, Ok(())),
            (7, 70, 0o440, Err(Unsafe::GroupOfOwner)),
            (7, 99, 0o640, Err(Unsafe::GroupOfOwner)),
            (0, 99, 0o440, Err(Unsafe::OtherGroup(99))),
            (0, 70, 0o460, Err(Unsafe::GroupChanges)),
            (0, 70, 0o450, Err(Unsafe::GroupChanges)),
            (0, 70, 0o444, Err(Unsafe::Everyone)),
            (7, 70, 0o604, Err(Unsafe::Everyone)),
            (0, 70, 0o402, Err(Unsafe::Everyone)),
        ] {
            assert_eq!(process.judge(owner, group, mode), judged, "{owner} {group} {mode:o}");
        }
    }
}
