//! Proxies of companies: squid and tinyproxy, each with and without a user and a password.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::support::{SOON, own_ip};

pub const USER: &str = "sidecar";
pub const WORD: &str = "a-pass-word-41";

/// A proxy in a process of its own; dropping it ends it.
pub struct RealProxy {
    pub address: String,
    child: Child,
    _folder: TempDir,
}

/// Whether a program is there; said aloud where it is not, which is a failure with CI=true.
fn found(program: &str, version: &str) -> bool {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.env("PATH", path).args(["-c", &format!("{program} {version}")]);
    let found = shell.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success();
    if !found {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{program} is missing, and CI=true");
        // Past the test harness, which shows nothing that a test prints unless it fails.
        let _ = writeln!(std::io::stderr(), "SKIPPED: a test of the way out through {program}");
    }
    found
}

/// A free port of an address that no other test uses.
fn address() -> String {
    crate::support::nobody_listens().to_string()
}

impl RealProxy {
    /// `auth` has it ask for [`USER`] and [`WORD`]; `ports` are those to which it opens tunnels.
    pub fn squid(auth: bool, port: u16) -> Option<Self> {
        if !found("squid", "-v") {
            return None;
        }
        let folder = readable_folder();
        let path = folder.path().display().to_string();
        let hash = Command::new("openssl").args(["passwd", "-apr1", WORD]).output().unwrap().stdout;
        fs::write(folder.path().join("users"), [b"sidecar:", &*hash].concat()).unwrap();
        let who = match auth {
            true => format!(
                "auth_param basic program /usr/lib/squid/basic_ncsa_auth {path}/users\nacl known proxy_auth REQUIRED\n\
                 http_access allow CONNECT known target\n"
            ),
            false => "http_access allow CONNECT target\n".to_owned(),
        };
        let address = address();
        let config = format!(
            "http_port {address}\nacl CONNECT method CONNECT\nacl target port {port}\n{who}http_access deny all\n\
             cache deny all\naccess_log none\ncache_log {path}/log/cache.log\npid_filename none\nshutdown_lifetime 0 seconds\n\
             coredump_dir {path}/log\nvisible_hostname proxy.test\nhosts_file {path}/hosts\n"
        );
        fs::create_dir(folder.path().join("log")).unwrap();
        fs::set_permissions(folder.path().join("log"), fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(folder.path().join("hosts"), "127.0.0.1 qfpay.test\n").unwrap();
        fs::write(folder.path().join("squid.conf"), config).unwrap();
        Some(Self::run("squid", &["-N", "-f", &format!("{path}/squid.conf")], address, folder))
    }

    /// The same; its tunnels lead to names that this machine knows.
    pub fn tinyproxy(auth: bool, port: u16) -> Option<Self> {
        if !found("tinyproxy", "-v") {
            return None;
        }
        let folder = readable_folder();
        let address = address();
        let (ip, own) = address.rsplit_once(':').unwrap();
        let who = if auth { format!("BasicAuth {USER} {WORD}\n") } else { String::new() };
        let config = format!(
            "Port {own}\nListen {ip}\nTimeout 60\nMaxClients 20\nAllow 127.0.0.0/8\nConnectPort {port}\n{who}\
             LogFile \"{}/log\"\n",
            folder.path().display()
        );
        fs::write(folder.path().join("tinyproxy.conf"), config).unwrap();
        let file = folder.path().join("tinyproxy.conf").display().to_string();
        Some(Self::run("tinyproxy", &["-d", "-c", &file], address, folder))
    }

    fn run(program: &str, arguments: &[&str], address: String, folder: TempDir) -> Self {
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("env");
        command.arg(format!("PATH={path}")).arg(program).args(arguments);
        let output = fs::File::create(folder.path().join("output")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output).spawn();
        let mut child = child.unwrap();
        let deadline = Instant::now() + SOON;
        while TcpStream::connect(&address).is_err() {
            let said = || fs::read_to_string(folder.path().join("output")).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "{program} ended: {}", said());
            assert!(Instant::now() < deadline, "{program} does not listen: {}", said());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(address.starts_with(&own_ip().to_string()));
        Self { address, child, _folder: folder }
    }
}

/// A folder that the proxy's own user, to whom it changes, may read.
fn readable_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

impl Drop for RealProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
