//! A unix socket in the file system: who may connect is decided before anybody can.

use std::io;
use std::os::unix::fs::{FileTypeExt, lchown};
use std::path::Path;

use rustix::fs::{Mode, RawMode};
use rustix::process::umask;
use tokio::net::UnixSocket;

use super::address::CannotListen;

/// Who may connect to a unix socket: its file's mode, owner and group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketFile {
    /// The permission bits; connecting takes the right to write.
    pub mode: u32,
    /// The number of the user who owns it; `None` is the process's own.
    pub user: Option<u32>,
    /// The number of its group; `None` is what the system makes it.
    pub group: Option<u32>,
}

impl Default for SocketFile {
    /// For the process's own user alone.
    fn default() -> Self {
        Self { mode: 0o600, user: None, group: None }
    }
}

/// Makes the socket, for the caller to listen on. A stale one, left behind by a crash, is replaced.
///
/// Until then the system refuses connections, so this is when the file gets its owner. Its mode it has from the beginning:
/// by the umask, since `chmod` would follow a link that was put in its place. `lchown` does not.
pub(super) fn bind(path: &Path, file: &SocketFile) -> Result<UnixSocket, CannotListen> {
    remove_dead(path)?;
    let socket = UnixSocket::new_stream()?;
    // The mask is the whole process's. No other thread makes files while listeners are bound.
    let before = umask(Mode::from_raw_mode((0o777 & !file.mode) as RawMode));
    let bound = socket.bind(path);
    umask(before);
    bound?;
    if file.user.is_some() || file.group.is_some() {
        lchown(path, file.user, file.group).map_err(|cause| {
            // Best effort: what stays is replaced by the next start.
            let _ = std::fs::remove_file(path);
            CannotListen::Owner(cause)
        })?;
    }
    Ok(socket)
}

/// Looks whether something else than a socket is in the way, without changing it.
pub(super) fn look(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(in_the_way()),
        _ => Ok(()),
    }
}

fn in_the_way() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is in the way")
}

fn remove_dead(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on this socket")),
            Err(dead) if dead.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
            Err(other) => Err(other),
        },
        Ok(_) => Err(in_the_way()),
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(other) => Err(other),
    }
}
