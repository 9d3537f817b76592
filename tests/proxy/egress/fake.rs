//! A proxy that keeps every CONNECT, and either opens tunnels or does something else.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::{SOON, uninterrupted};

/// What the proxy does once it has read a CONNECT.
#[derive(Clone, Copy)]
pub enum Does {
    /// Opens a tunnel to the port of the request on this machine, whatever the host, and first says this.
    Opens(&'static str),
    /// Says this, and closes.
    Says(&'static str),
    /// Says this, and no more.
    Hangs(&'static str),
    /// Opens tunnels that end after so many bytes from the upstream's side, twice as many, and so on.
    Cuts(usize),
}

pub struct FakeProxy {
    pub port: u16,
    /// The heads that came.
    pub heads: Arc<Mutex<Vec<String>>>,
}

impl FakeProxy {
    pub fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = heads.clone();
        // Ends with the test's process; it holds nothing but a port.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = seen.clone();
                thread::spawn(move || serve(stream, does, &seen));
            }
        });
        Self { port, heads }
    }

    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, does: Does, seen: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match uninterrupted(|| client.read(&mut byte)) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let port = head.split_whitespace().nth(1).and_then(|target| target.rsplit(':').next()?.parse().ok());
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(head);
        seen.len()
    };
    match does {
        Does::Opens(words) => {
            client.write_all(words.as_bytes()).unwrap();
            splice(client, port.unwrap(), usize::MAX);
        }
        Does::Cuts(step) => {
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            splice(client, port.unwrap(), step * number);
        }
        Does::Says(words) => {
            let _ = client.write_all(words.as_bytes());
            let _ = client.shutdown(Shutdown::Write);
            let _ = io::copy(&mut client, &mut io::sink());
        }
        Does::Hangs(words) => {
            let _ = client.write_all(words.as_bytes());
            client.set_read_timeout(Some(SOON)).unwrap();
            let _ = uninterrupted(|| client.read(&mut byte));
        }
    }
}

/// Passes bytes on in both directions; ends both after `limit` bytes from the upstream.
fn splice(client: TcpStream, port: u16, limit: usize) {
    let upstream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let (mut upstream, mut client) = (upstream, client);
    let mut passed = 0;
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = uninterrupted(|| upstream.read(&mut bytes)) {
        let now = read.min(limit - passed);
        if client.write_all(&bytes[..now]).is_err() {
            break;
        }
        passed += now;
        if passed == limit {
            break;
        }
    }
    // What was passed on arrives before the end does.
    thread::sleep(Duration::from_millis(20));
    let _ = client.shutdown(Shutdown::Both);
    let _ = upstream.shutdown(Shutdown::Both);
}
