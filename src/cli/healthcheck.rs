//! `healthcheck`: is the sidecar of this configuration ready? Plain HTTP over one socket, without reading a key.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::Stop;
use super::args::Args;
use crate::config;
use crate::server::Address;

pub(super) fn run(args: &Args, timeout_ms: u64) -> Result<(), Stop> {
    let listen = config::load_listen(&args.config_request()?)?;
    let Some(address) = listen.admin else {
        return Err(Stop::Usage("listen.admin is off: the health check needs it".to_owned()));
    };
    let timeout = Duration::from_millis(timeout_ms.max(1));
    match status(&address, timeout) {
        Ok(line) if line.starts_with("HTTP/1.1 200 ") => {
            outln!("ready");
            Ok(())
        }
        Ok(line) => Err(Stop::Failed(format!("not ready: {address}/readyz answered {line}"))),
        Err(error) => Err(Stop::Failed(format!("not ready: {address}/readyz: {error}"))),
    }
}

/// The status line of `/readyz`.
fn status(address: &Address, timeout: Duration) -> io::Result<String> {
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect_timeout(address, timeout)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            // Whatever it is bound to, it answers to this name on its port.
            ask(stream, &format!("localhost:{}", address.port()))
        }
        Address::Unix(path) => ask_unix(path, timeout),
    }
}

fn ask_unix(path: &Path, timeout: Duration) -> io::Result<String> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    ask(stream, "localhost")
}

fn ask(mut stream: impl Read + Write, host: &str) -> io::Result<String> {
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    // The status line comes at once or not at all: what drips is not ready either.
    let mut answer = [0; 64];
    let read = loop {
        match stream.read(&mut answer) {
            // The process was stopped and continued, as with a machine that is paused.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    let line = String::from_utf8_lossy(&answer[..read]);
    Ok(line.lines().next().unwrap_or("nothing").to_owned())
}
