//! `reload`: lets the running sidecar of this configuration read it again, over its admin listener.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::Stop;
use super::args::Args;
use crate::config;
use crate::server::Address;

/// More than a sidecar needs for ten thousand merchants.
const LONGEST_ANSWER: u64 = 1 << 20;

const NO_ANSWER: &str = "is the sidecar running? If listen.admin was changed since it was started, it listens where it did: a \
                         changed listen.admin needs a restart, and for anything else SIGHUP reaches it";

pub(super) fn run(args: &Args, timeout_ms: u64) -> Result<(), Stop> {
    let listen = config::load_listen(&args.config_request()?)?;
    let Some(address) = listen.admin else {
        return Err(Stop::Usage("listen.admin is off: send the process SIGHUP instead".to_owned()));
    };
    let timeout = Duration::from_millis(timeout_ms.max(1));
    let answer = ask(&address, timeout)
        .map_err(|error| Stop::Failed(format!("{address}/reload: {error}; {NO_ANSWER}")))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split(' ').nth(1) {
        Some("200") => {
            outln!("{}", body.trim_end());
            Ok(())
        }
        Some("422") => {
            Err(Stop::Failed(format!("nothing was changed; the sidecar answers:\n{}", body.trim_end())))
        }
        _ => {
            let status = head.lines().next().unwrap_or("nothing");
            Err(Stop::Failed(format!("{address}/reload answered {status}\n{}", body.trim_end())))
        }
    }
}

fn ask(address: &Address, timeout: Duration) -> io::Result<String> {
    match address {
        Address::Tcp(address) => {
            let stream = TcpStream::connect_timeout(address, timeout)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            // Whatever it is bound to, it answers to this name on its port.
            exchange(stream, &format!("localhost:{}", address.port()))
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(timeout))?;
            stream.set_write_timeout(Some(timeout))?;
            exchange(stream, "localhost")
        }
    }
}

fn exchange(mut stream: impl Read + Write, host: &str) -> io::Result<String> {
    let request = format!(
        "POST /reload HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\
         \r\n{{}}"
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LONGEST_ANSWER).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
