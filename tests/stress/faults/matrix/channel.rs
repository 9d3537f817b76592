//! One connection of the upstream, plain or through TLS, that can stop at any raw byte and end in every way.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A fatal handshake_failure as a plain record: not what the peer expects anywhere but early in a handshake.
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";

pub struct Channel {
    stream: TcpStream,
    tls: Option<Box<ServerConnection>>,
    /// Every raw byte that was written.
    pub written: Vec<u8>,
    /// How many raw bytes may be written in all.
    pub limit: usize,
}

/// The raw limit was reached: it is time for the fault.
pub struct Limited;

impl Channel {
    pub fn new(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> Self {
        stream.set_nodelay(true).unwrap();
        let tls = tls.map(|config| Box::new(ServerConnection::new(config).unwrap()));
        Self { stream, tls, written: Vec::new(), limit: usize::MAX }
    }

    /// From here on the bytes are raw.
    pub fn forget_tls(&mut self) {
        self.tls = None;
    }

    /// Carries the handshake through, or as far as the limit.
    pub async fn handshake(&mut self) -> io::Result<Result<(), Limited>> {
        while self.tls.as_ref().is_some_and(|tls| tls.is_handshaking()) {
            if self.receive().await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if self.flush().await?.is_err() {
                return Ok(Err(Limited));
            }
        }
        Ok(Ok(()))
    }

    /// Reads at most so many bytes of what the peer says; nothing at its end.
    pub async fn read(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        loop {
            let read = match &mut self.tls {
                None => self.stream.read(&mut bytes).await?,
                Some(tls) => match tls.reader().read(&mut bytes) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        if self.receive().await? == 0 {
                            return Ok(Vec::new());
                        }
                        continue;
                    }
                    read => read?,
                },
            };
            bytes.truncate(read);
            return Ok(bytes);
        }
    }

    /// Takes raw bytes into TLS.
    async fn receive(&mut self) -> io::Result<usize> {
        let mut raw = [0; 4096];
        let count = self.stream.read(&mut raw).await?;
        let tls = self.tls.as_mut().unwrap();
        let mut rest = &raw[..count];
        while !rest.is_empty() {
            tls.read_tls(&mut rest)?;
            tls.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
        Ok(count)
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<Result<(), Limited>> {
        match &mut self.tls {
            None => self.put(bytes).await,
            Some(tls) => {
                tls.writer().write_all(bytes)?;
                self.flush().await
            }
        }
    }

    /// Writes what TLS has to say.
    async fn flush(&mut self) -> io::Result<Result<(), Limited>> {
        let tls = self.tls.as_mut().unwrap();
        let mut raw = Vec::new();
        while tls.wants_write() {
            tls.write_tls(&mut raw)?;
        }
        self.put(&raw).await
    }

    /// Writes raw bytes as far as the limit.
    async fn put(&mut self, raw: &[u8]) -> io::Result<Result<(), Limited>> {
        let allowed = raw.len().min(self.limit - self.written.len());
        self.written.extend_from_slice(&raw[..allowed]);
        self.stream.write_all(&raw[..allowed]).await?;
        Ok(if allowed < raw.len() { Err(Limited) } else { Ok(()) })
    }

    /// Writes raw bytes past TLS and limit.
    pub async fn put_raw(&mut self, raw: &[u8]) -> io::Result<()> {
        self.stream.write_all(raw).await
    }

    pub async fn alert(&mut self) -> io::Result<()> {
        self.put_raw(ALERT).await
    }

    pub async fn close_notify(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let mut raw = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut raw)?;
            }
            self.put_raw(&raw).await?;
        }
        Ok(())
    }

    /// FIN, while the peer can still send.
    pub async fn fin(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}
