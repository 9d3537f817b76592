//! Where to listen, and why that may fail.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where to listen: `host:port` or `unix:/path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP address; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A unix domain socket.
    Unix(PathBuf),
}

/// The bytes of the longest path of a unix socket: what `sockaddr_un` has room for, without the NUL behind it.
const LONGEST_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A text that is no [`Address`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadAddress {
    /// It has another form.
    #[error("it is neither IP:PORT (127.0.0.1:8787, [::1]:8787) nor unix:/absolute/path")]
    Form,
    /// The system has no room for it.
    #[error("the path of a unix socket has at most {longest} bytes, and this one has {0}; choose a shorter one", longest = LONGEST_PATH)]
    TooLong(usize),
    /// It has the form, and a number that is no port.
    #[error("its port is none: ports are 1 to 65535, and 0 lets the system choose")]
    Port,
}

impl Address {
    /// Reads `127.0.0.1:8787`, `[::1]:8787`, `localhost:8787` or `unix:/run/api.sock`.
    ///
    /// # Errors
    /// [`BadAddress`] for anything else; names other than `localhost` are not looked up.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return match path.as_os_str().len() {
                length if length > LONGEST_PATH => Err(BadAddress::TooLong(length)),
                _ if path.is_absolute() => Ok(Self::Unix(path)),
                _ => Err(BadAddress::Form),
            };
        }
        let numeric = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        numeric.parse().map(Self::Tcp).map_err(|_| match numeric.rsplit_once(':') {
            Some((ip, port)) if is_ip(ip) && is_too_large(port) => BadAddress::Port,
            _ => BadAddress::Form,
        })
    }
}

fn is_ip(text: &str) -> bool {
    text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
}

fn is_too_large(port: &str) -> bool {
    !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_err()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Why there is no socket at an address.
#[derive(Debug, thiserror::Error)]
pub enum CannotListen {
    /// What the system says: the port is taken, the folder is missing, a live process holds the socket.
    #[error(transparent)]
    System(#[from] io::Error),
    /// The socket's file could not be given to the user or group of [`SocketFile`](super::SocketFile).
    #[error("the socket's file cannot be given to another user or group: {0}")]
    Owner(io::Error),
}
