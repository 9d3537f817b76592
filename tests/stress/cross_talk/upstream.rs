//! An upstream that answers each payment with what it read of it, or as its fate wills.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::fate::{Fate, Payment};

#[derive(Default)]
struct Shared {
    seed: u64,
    arrived: Mutex<HashMap<String, usize>>,
    strangers: AtomicUsize,
    opened: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
}

pub struct Upstream {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Upstream {
    /// Runs as long as the runtime.
    pub async fn start(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { seed, ..Shared::default() });
        let server = shared.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = server.clone();
                tokio::spawn(async move {
                    server.opened.fetch_add(1, Ordering::SeqCst);
                    let open = server.open.fetch_add(1, Ordering::SeqCst) + 1;
                    server.most.fetch_max(open, Ordering::SeqCst);
                    let _broken = serve(stream, &server).await;
                    server.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, shared }
    }

    /// How often a payment arrived.
    pub fn arrived(&self, out_trade_no: &str) -> usize {
        self.shared.arrived.lock().unwrap().get(out_trade_no).copied().unwrap_or(0)
    }

    /// Requests that are none of the test's payments.
    pub fn strangers(&self) -> usize {
        self.shared.strangers.load(Ordering::SeqCst)
    }

    /// How many connections were opened, and how many were open at once.
    pub fn connections(&self) -> (usize, usize) {
        (self.shared.opened.load(Ordering::SeqCst), self.shared.most.load(Ordering::SeqCst))
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut unread = Vec::new();
    while let Some(form) = request(&mut stream, &mut unread).await? {
        let param = |name: &str| {
            form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        let number = param("out_trade_no");
        let Some(payment) = Payment::of(shared.seed, number) else {
            shared.strangers.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        };
        *shared.arrived.lock().unwrap().entry(number.to_owned()).or_insert(0) += 1;
        // What was read is what is answered: if the sidecar mixed payments up, it would show.
        let answer = answer(200, &Payment::answer(number, param("goods_name")));
        let head = answer.find("\r\n\r\n").unwrap() + 4;
        match payment.fate {
            Fate::Close => return Ok(()),
            Fate::Reset => return stream.set_zero_linger(),
            Fate::Cut => return stream.write_all(&answer.as_bytes()[..payment.somewhere % head]).await,
            Fate::Truncated => {
                let end = head + payment.somewhere % (answer.len() - head);
                return stream.write_all(&answer.as_bytes()[..end]).await;
            }
            Fate::Hang => {
                while stream.read(&mut [0; 64]).await? > 0 {}
                return Ok(());
            }
            Fate::Garbage => return stream.write_all(b"\x16\x03\x01 is no HTTP\r\n\r\n").await,
            Fate::Status(status) => {
                let body = Payment::answer(number, param("goods_name"));
                stream.write_all(self::answer(status, &body).as_bytes()).await?;
            }
            Fate::Stray => {
                let stray = self::answer(200, &Payment::answer("N0", "stray"));
                stream.write_all((answer + &stray).as_bytes()).await?;
            }
            Fate::Ordinary | Fate::HangsUpEarly | Fate::HangsUpLate => {
                stream.write_all(answer.as_bytes()).await?;
            }
        }
    }
    Ok(())
}

/// Reads a request, and returns its form; nothing at the end of the connection.
async fn request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        if let Some(head) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&unread[..head]).to_ascii_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            let whole = head + 4 + length.unwrap_or(0);
            if unread.len() >= whole {
                let form = String::from_utf8_lossy(&unread[head + 4..whole]).into_owned();
                unread.drain(..whole);
                return Ok(Some(form));
            }
        }
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
