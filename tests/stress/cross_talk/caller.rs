//! A caller with one kept connection, as a shop's HTTP client has it.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fate::{Fate, Payment};

/// No call takes so long: who waits longer was forgotten.
const LONGEST: Duration = Duration::from_secs(60);

/// What a caller has in the end.
#[derive(Debug)]
pub enum Got {
    Answer {
        status: u16,
        code: String,
        delivery: String,
        body: String,
    },
    /// It did not wait for an answer.
    HungUp,
    /// It waited, and the connection ended or stayed silent.
    Nothing(String),
}

impl Got {
    pub fn kind(&self) -> String {
        match self {
            Self::Answer { status, code, delivery, .. } => format!("{status} {code} {delivery}"),
            Self::HungUp => "hung up".to_owned(),
            Self::Nothing(why) => why.clone(),
        }
    }
}

pub struct Caller {
    api: String,
    kept: Option<BufReader<TcpStream>>,
}

impl Caller {
    pub fn new(api: &str) -> Self {
        Self { api: api.to_owned(), kept: None }
    }

    /// Sends a payment and waits for its answer, unless its fate is another.
    pub async fn pay(&mut self, payment: &Payment) -> Got {
        let form = payment.form();
        let request = format!(
            "POST /trade/v1/payment HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            self.api,
            form.len()
        );
        let exchange = async {
            let mut stream = match self.kept.take() {
                Some(kept) => kept,
                None => BufReader::new(TcpStream::connect(&self.api).await?),
            };
            let written = match payment.fate {
                Fate::HangsUpEarly => 1 + payment.somewhere % (request.len() - 1),
                _ => request.len(),
            };
            stream.write_all(&request.as_bytes()[..written]).await?;
            if matches!(payment.fate, Fate::HangsUpEarly | Fate::HangsUpLate) {
                return Ok(Got::HungUp);
            }
            let got = read(&mut stream).await?;
            self.kept = Some(stream);
            Ok::<_, std::io::Error>(got)
        };
        match timeout(LONGEST, exchange).await {
            Ok(Ok(got)) => got,
            Ok(Err(error)) => Got::Nothing(error.to_string()),
            Err(_) => Got::Nothing("no answer at all".to_owned()),
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Got> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let mut values = lines.iter().filter_map(|line| {
            let (other, value) = line.split_once(": ")?;
            other.eq_ignore_ascii_case(name).then(|| value.to_owned())
        });
        values.next()
    };
    let mut body = vec![0; header("content-length").unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await?;
    Ok(Got::Answer {
        status: lines[0].split(' ').nth(1).unwrap().parse().unwrap(),
        code: header("x-sidecar-error").unwrap_or_default(),
        delivery: header("x-sidecar-delivery").unwrap_or_else(|| "answered".to_owned()),
        body: String::from_utf8(body).unwrap(),
    })
}
