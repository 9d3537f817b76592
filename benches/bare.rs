//! The smallest proxy on hyper that signs, for the comparison in `benches/proxy`: what any signing proxy on hyper costs
//! before it checks, bounds, counts or logs anything. It signs flat forms only and is no example to follow.
//!
//! Arguments: the address to listen on, QFPay's base URL, an app code, a key, and PEM text of an authority for https.

#![allow(missing_docs)] // a program, not a library
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // it ends at the first surprise

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::header::{HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use md5::{Digest, Md5};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tower_service::Service;

struct Proxy {
    client: Client<Connect, Full<Bytes>>,
    base: Uri,
    app_code: HeaderValue,
    key: String,
}

impl Proxy {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Incoming>, io::Error> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        head.headers.insert("x-qf-appcode", self.app_code.clone());
        head.headers.insert("x-qf-sign", self.signature(&body));
        head.headers.insert(HOST, HeaderValue::from_str(self.base.authority().unwrap().as_str()).unwrap());
        let mut target = self.base.clone().into_parts();
        target.path_and_query = head.uri.path_and_query().cloned();
        head.uri = Uri::from_parts(target).unwrap();
        let request = Request::from_parts(head, Full::new(body));
        self.client.request(request).await.map_err(io::Error::other)
    }

    /// Sorted, decoded, joined, with the key behind it.
    fn signature(&self, form: &[u8]) -> HeaderValue {
        let form = std::str::from_utf8(form).unwrap().replace('+', " ");
        let mut pairs: Vec<_> = form
            .split('&')
            .map(|pair| percent_encoding::percent_decode_str(pair).decode_utf8().unwrap())
            .collect();
        pairs.sort_unstable();
        let mut hash = Md5::new();
        hash.update(pairs.join("&"));
        hash.update(&self.key);
        HeaderValue::from_str(&hex::encode_upper(hash.finalize())).unwrap()
    }
}

/// TCP, with TLS on it for https.
#[derive(Clone)]
struct Connect {
    tcp: HttpConnector,
    tls: Option<TlsConnector>,
}

enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<tokio_rustls::client::TlsStream<TcpStream>>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Service<Uri> for Connect {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (mut tcp, tls) = (self.tcp.clone(), self.tls.clone());
        Box::pin(async move {
            let name = ServerName::try_from(uri.host().unwrap().to_owned()).map_err(io::Error::other)?;
            let stream = tcp.call(uri).await.map_err(io::Error::other)?;
            Ok(match tls {
                None => Stream::Plain(stream),
                Some(tls) => {
                    Stream::Tls(Box::new(TokioIo::new(tls.connect(name, stream.into_inner()).await?)))
                }
            })
        })
    }
}

macro_rules! delegate {
    ($self:ident, $stream:ident => $poll:expr) => {
        match $self.get_mut() {
            Stream::Plain($stream) => $poll,
            Stream::Tls($stream) => $poll,
        }
    };
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        delegate!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        delegate!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        delegate!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        delegate!(self, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }
}

fn tls(authority: &str) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    TlsConnector::from(Arc::new(config.unwrap().with_root_certificates(roots).with_no_client_auth()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    // `cargo test --benches` and `cargo bench` run it with their own arguments: nothing to measure by itself.
    let Some(address) = arguments.next().filter(|first| !first.starts_with("--")) else { return };
    let mut next = || arguments.next().unwrap();
    let base: Uri = next().parse().unwrap();
    let app_code = HeaderValue::from_str(&next()).unwrap();
    let key = next();
    let tls = arguments.next().map(|file| tls(&std::fs::read_to_string(file).unwrap()));
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(Connect { tcp, tls });
    let proxy = Arc::new(Proxy { client, base, app_code, key });
    let listener = TcpListener::bind(address).await.unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let proxy = proxy.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| proxy.clone().answer(request));
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            drop(served.await);
        });
    }
}
