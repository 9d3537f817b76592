//! 20,000 payments over two sidecars with one store. One in ten is sent twice at once, to the same sidecar or to both: QFPay's
//! stand-in never sees two of a number.
//!
//! The stand-in answers a payment that is sent twice only once its twin was refused, so that both are on their way together
//! however slow the machine is.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Launch, RedisServer, SOON, Sidecar, Stage};

const PAYMENTS: usize = 20_000;
const CALLERS: usize = 32;

#[derive(Default)]
struct Qfpay {
    seen: Mutex<HashMap<usize, usize>>,
    /// Whether the twin of a payment was refused, and who waits for that.
    refused: Mutex<HashMap<usize, Arc<Notify>>>,
}

fn is_doubled(number: usize) -> bool {
    number % 10 == 3
}

impl Qfpay {
    fn twin(&self, number: usize) -> Arc<Notify> {
        self.refused.lock().unwrap().entry(number).or_default().clone()
    }

    async fn start(self: Arc<Self>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let qfpay = self.clone();
                tokio::spawn(async move { qfpay.serve(stream).await });
            }
        });
        address
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let (_, body) = read(&mut stream).await?;
            let number = body.split("out_trade_no=N").nth(1)?.split('&').next()?.parse().ok()?;
            let seen = {
                let mut seen = self.seen.lock().unwrap();
                let count = seen.entry(number).or_insert(0);
                *count += 1;
                *count
            };
            if is_doubled(number) && seen == 1 {
                let _ = timeout(SOON, self.twin(number).notified()).await;
            }
            let body = format!(r#"{{"respcd":"0000","out_trade_no":"N{number}"}}"#);
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
    }
}

/// One message: its first line, and its body.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let (mut first, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        if first.is_empty() {
            first = line;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((first, String::from_utf8(body).unwrap()))
}

/// A shop with a kept connection to each sidecar, and one more for what it sends twice.
struct Shop {
    connections: Vec<BufReader<TcpStream>>,
}

async fn pay(stream: &mut BufReader<TcpStream>, number: usize) -> String {
    let form = format!("out_trade_no=N{number}&txamt=100");
    let head = "POST /trade/v1/payment HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{form}", form.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let (first, body) = read(stream).await.unwrap();
    match first.split(' ').nth(1).unwrap() {
        "200" => {
            assert!(body.contains(&format!("\"N{number}\"")), "{body}");
            "paid".to_owned()
        }
        "409" => {
            assert!(body.contains("order_in_flight") && body.contains("not_sent"), "{body}");
            "held".to_owned()
        }
        status => panic!("{status}: {body}"),
    }
}

impl Shop {
    async fn connect(sidecars: &[String; 2]) -> Self {
        let mut connections = Vec::new();
        for api in sidecars.iter().chain(sidecars) {
            connections.push(BufReader::new(TcpStream::connect(api).await.unwrap()));
        }
        Self { connections }
    }

    async fn pay(&mut self, number: usize, qfpay: &Qfpay) {
        let [a, b, c, d] = &mut self.connections[..] else { unreachable!() };
        // To both sidecars, or twice to one.
        let (one, other) = match number % 4 {
            0 => (a, b),
            1 => (b, a),
            2 => (a, c),
            _ => (b, d),
        };
        if !is_doubled(number) {
            assert_eq!(pay(one, number).await, "paid");
            return;
        }
        let twin = qfpay.twin(number);
        let told = async |stream| {
            let came = pay(stream, number).await;
            if came == "held" {
                twin.notify_one();
            }
            came
        };
        let mut came = <[String; 2]>::from(tokio::join!(told(one), told(other)));
        came.sort();
        assert_eq!(came, ["held", "paid"], "N{number}");
    }
}

fn sidecar(upstream: SocketAddr, redis: &RedisServer) -> Sidecar {
    let launch = Launch::new(&Stage::config(&format!("http://{upstream}")));
    let settings = [
        "log.level=info",
        "orders.one_flight=true",
        "quota.per_second=100000",
        "quota.store_timeout_ms=10000",
    ];
    let launch = settings.iter().fold(launch, |launch, setting| launch.set(setting)).set(&redis.setting());
    let sidecar = launch.start();
    sidecar.wait_for_log(&["the quota is shared through its store"]);
    sidecar
}

#[test]
fn of_twenty_thousand_payments_one_in_ten_is_sent_twice_and_none_arrives_twice() {
    let Some(redis) = RedisServer::start(&[]) else { return };
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let qfpay = Arc::new(Qfpay::default());
    let upstream = runtime.block_on(qfpay.clone().start());
    let sidecars = [sidecar(upstream, &redis), sidecar(upstream, &redis)];
    let apis = [&sidecars[0], &sidecars[1]].map(|sidecar| sidecar.api.clone());
    let begun = Instant::now();
    runtime.block_on(async {
        let mut shops = JoinSet::new();
        for shop in 0..CALLERS {
            let (apis, qfpay) = (apis.clone(), qfpay.clone());
            shops.spawn(async move {
                let mut caller = Shop::connect(&apis).await;
                for number in (shop..PAYMENTS).step_by(CALLERS) {
                    caller.pay(number, &qfpay).await;
                }
            });
        }
        while let Some(done) = shops.join_next().await {
            done.unwrap();
        }
    });
    let took = begun.elapsed();
    let seen = qfpay.seen.lock().unwrap();
    assert_eq!(seen.len(), PAYMENTS);
    let twice: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "QFPay saw these more than once: {twice:?}");
    println!("{PAYMENTS} payments, {} of them sent twice, in {:.1} s", PAYMENTS / 10, took.as_secs_f64());
    assert!(took < Duration::from_secs(300), "{took:?}");
    // Nothing is held once all have landed.
    let deadline = Instant::now() + SOON;
    while redis.ask("KEYS qfpay-sidecar:flight:*") != "*0\r\n" {
        assert!(Instant::now() < deadline, "flights are left in the store");
        std::thread::sleep(Duration::from_millis(50));
    }
}
