//! 30 receivers behind one path and one `app_code`: of 100,000 notifications that shops are to hear of, each reaches the right
//! one once and no other, with its bytes as they were signed; of what is for none, none hears.
//!
//! Bodies, signatures and verdicts are another program's: `shops/notifications.py` writes them, and reads them with Python's
//! JSON. Senders keep their connections, as far as the sidecar does, and receivers are as small as they can be.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Instant;

use crate::support::{CLIENT_KEY, Launch, Stage};

/// What Python makes; of these some 9,000 are for no shop.
const COUNT: usize = 110_000;
/// How many of them are for a shop, at least.
const FOR_SHOPS: usize = 100_000;
const SENDERS: usize = 8;
const UNROUTED: usize = 404;

/// One notification, and its verdict: a receiver's number, or the status of a refusal.
struct Notification {
    verdict: usize,
    request: Vec<u8>,
    body: Vec<u8>,
}

#[test]
fn a_hundred_thousand_reach_the_right_one_of_thirty() {
    let Some(mut author) = Author::start() else { return };
    let routes = author.routes();
    assert_eq!(routes.len(), 30);
    let heard = Arc::new(Mutex::new(HashMap::new()));
    let receivers: Vec<_> = (0..routes.len()).map(|number| receiver(number, heard.clone())).collect();
    // A line for each of them is another test's subject.
    let mut config = Stage::config("http://127.0.0.1:9").replace("\"trace\"", "\"error\"");
    for (route, address) in routes.iter().zip(&receivers) {
        config += &format!(
            "[[notifications.routes]]\npath = \"/n\"\napp = \"shop\"\nreceiver_url = \"http://{address}/n\"\n"
        );
        for (field, list) in [("mchid", "mchids"), ("userid", "userids"), ("notify_type", "types")] {
            if let Some(values) = route.get(field) {
                config += &format!("{list} = {values:?}\n");
            }
        }
        if route.contains_key("userid") {
            config += "acknowledge = \"any_2xx\"\n";
        }
    }
    let sidecar = Launch::new(&config).set("listen.notifications=127.0.0.1:0").start();
    let address = sidecar.notifications.clone().unwrap();

    let started = Instant::now();
    let notifications = thread::scope(|scope| {
        let desks: Vec<_> = (0..SENDERS)
            .map(|_| {
                let (desk, work) = mpsc::sync_channel(16);
                scope.spawn(|| send(&address, work));
                desk
            })
            .collect();
        let each = author.notifications().zip(desks.iter().cycle());
        each.map(|(notification, desk)| {
            desk.send(Arc::clone(&notification)).unwrap();
            notification
        })
        .collect::<Vec<_>>()
    });
    assert_eq!(notifications.len(), COUNT);
    println!("{} notifications in {:.1} s", notifications.len(), started.elapsed().as_secs_f64());

    let mut heard = heard.lock().unwrap();
    let mut for_shops = 0;
    for notification in &notifications {
        let Notification { verdict, body, .. } = &**notification;
        let by = heard.remove(body).unwrap_or_default();
        let text = String::from_utf8_lossy(body);
        match verdict {
            0..30 => {
                assert_eq!(by, [*verdict], "{text}");
                for_shops += 1;
            }
            _ => assert_eq!(by, [0; 0], "{text}"),
        }
    }
    assert!(heard.is_empty(), "{} that were never sent", heard.len());
    assert!(for_shops >= FOR_SHOPS, "{for_shops}");
}

/// The Python process that writes them.
struct Author {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Author {
    /// Nothing where there is no Python, which is loud, and a failure in CI.
    fn start() -> Option<Self> {
        let seed = std::env::var("SHOPS_SEED").unwrap_or_else(|_| "1".to_owned());
        let mut python = Command::new("python3");
        python.args([
            "-I",
            "-c",
            include_str!("shops/notifications.py"),
            &seed,
            &COUNT.to_string(),
            CLIENT_KEY,
        ]);
        match python.stdout(Stdio::piped()).spawn() {
            Ok(mut child) => {
                let lines = BufReader::new(child.stdout.take().unwrap()).lines();
                Some(Self { child, lines })
            }
            Err(error) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "no python3 to write them: {error}");
                eprintln!("SKIPPED: python3, which writes the notifications, cannot be started: {error}");
                None
            }
        }
    }

    /// Each route by the fields and the values that it takes.
    fn routes(&mut self) -> Vec<HashMap<String, Vec<String>>> {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    fn notifications(&mut self) -> impl Iterator<Item = Arc<Notification>> {
        self.lines.by_ref().map(|line| {
            let line = line.unwrap();
            let [verdict, sign, body] = line.splitn(3, '\t').collect::<Vec<_>>().try_into().unwrap();
            let head = format!(
                "POST /n HTTP/1.1\r\nHost: localhost\r\nX-QF-SIGN: {sign}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let request = [head.as_bytes(), body.as_bytes()].concat();
            Arc::new(Notification {
                verdict: verdict.parse().unwrap(),
                request,
                body: body.as_bytes().to_vec(),
            })
        })
    }
}

impl Drop for Author {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts them one after the other, and looks at what QFPay would be told.
fn send(address: &str, work: mpsc::Receiver<Arc<Notification>>) {
    let mut connection = None;
    for notification in work {
        let Notification { verdict, request, body } = &*notification;
        let stream = connection.get_or_insert_with(|| BufReader::new(TcpStream::connect(address).unwrap()));
        stream.get_mut().write_all(request).unwrap();
        let (first, answer, close) = message(stream).expect("an answer");
        let text = String::from_utf8_lossy(body);
        let status: usize = first.split(' ').nth(1).unwrap().parse().unwrap();
        match verdict {
            0..30 => assert_eq!((status, answer.as_slice()), (200, &b"SUCCESS"[..]), "{text}"),
            _ => assert_eq!(status, *verdict, "{text}"),
        }
        if *verdict == UNROUTED {
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.contains("\"notification_unrouted\""), "{answer}");
        }
        if close {
            connection = None;
        }
    }
}

/// A shop's receiver: tells who has heard what, and acknowledges.
fn receiver(number: usize, heard: Arc<Mutex<HashMap<Vec<u8>, Vec<usize>>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            // A connection on which nothing comes is nobody's notification.
            let Some((_, body, _)) = message(&mut stream) else { continue };
            heard.lock().unwrap().entry(body).or_default().push(number);
            // Those for tokens say no more than 200, see `any_2xx`.
            let word = if number < 28 { "SUCCESS" } else { "" };
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{word}", word.len());
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    address
}

/// The first line and the body of a message with a length, and whether the connection ends with it.
fn message(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>, bool)> {
    let (mut first, mut length, mut close) = (String::new(), 0, false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.trim_end().to_ascii_lowercase();
        if lower.is_empty() {
            break;
        }
        if let Some(digits) = lower.strip_prefix("content-length: ") {
            length = digits.parse().unwrap();
        }
        close |= lower == "connection: close";
        if first.is_empty() {
            first = line;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((first, body, close))
}
