//! One connection of the upstream, from its first byte to its end.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

use super::case::{Act, Fault};
use super::channel::Channel;
use super::script::{self, Step};
use super::upstream::Shared;

/// Long enough to be noticed, short enough to be a pause.
const PAUSE: Duration = Duration::from_millis(10);

/// No HTTP, and no TLS either.
const GARBAGE: [u8; 64] = [0xFF; 64];

/// Serves a connection until it ends.
pub async fn connection(stream: TcpStream, number: usize, shared: &Shared) -> io::Result<()> {
    let heard = Heard { number, arrival: None, shared };
    let at_once =
        |fault: &Fault| matches!(fault, Fault::Accepted(_) | Fault::Handshake(..) | Fault::Certificate);
    match shared.take(at_once) {
        Some(Fault::Accepted(act)) => {
            play(Channel::new(stream, None), script::accepted(act), heard).await.map(drop)
        }
        Some(Fault::Handshake(act, offset)) => {
            let mut channel = Channel::new(stream, shared.tls.clone());
            channel.limit = offset;
            let _limited = channel.handshake().await?;
            channel.forget_tls(); // there is none yet that could say close_notify
            end(channel, act, heard).await
        }
        Some(Fault::Certificate) => {
            shared.acted();
            serve(Channel::new(stream, Some(shared.misnamed.clone())), heard).await
        }
        _ => serve(Channel::new(stream, shared.tls.clone()), heard).await,
    }
}

async fn serve(mut channel: Channel, heard: Heard<'_>) -> io::Result<()> {
    let shared = heard.shared;
    let _whole = channel.handshake().await?;
    shared.shook_hands(&channel.written);
    loop {
        let first = tokio::select! {
            first = channel.read(1) => Some(first?),
            () = shared.idle.notified() => None,
        };
        let open = match first {
            None => idle(channel, heard).await?,
            Some(first) if first.is_empty() => None,
            Some(first) => request(channel, shared.arrives(heard.number, first), heard).await?,
        };
        match open {
            Some(open) => channel = open,
            None => return Ok(()),
        }
    }
}

/// Meets the fault while nothing is under way. Gives the connection back if more may follow on it.
async fn idle(channel: Channel, heard: Heard<'_>) -> io::Result<Option<Channel>> {
    let Some(Fault::Idle(idle)) = heard.shared.take(|fault| matches!(fault, Fault::Idle(_))) else {
        unreachable!("it is woken for this fault");
    };
    let open = play(channel, script::idle(idle), heard).await;
    heard.shared.acted();
    open
}

/// Takes one request and answers it. Gives the connection back if more may follow on it.
async fn request(mut channel: Channel, arrival: usize, heard: Heard<'_>) -> io::Result<Option<Channel>> {
    let shared = heard.shared;
    let heard = Heard { arrival: Some(arrival), ..heard };
    let fault = shared.take(|fault| !matches!(fault, Fault::Port | Fault::Idle(_)));
    if let Some(Fault::Request(act, offset)) = fault {
        read_until(&mut channel, arrival, shared, offset).await?;
        let Some(open) = play(channel, script::request(act, &shared.payment()), heard).await? else {
            return Ok(None);
        };
        channel = open;
        shared.acted();
        if act == Act::Answer {
            read_until(&mut channel, arrival, shared, usize::MAX).await?;
            return Ok(Some(channel));
        }
    }
    let out_trade_no = read_until(&mut channel, arrival, shared, usize::MAX).await?;
    let steps = match shared.inquiry(arrival) {
        Some((number, is_booked)) => script::row(&number, is_booked),
        None => script::answer(fault, &out_trade_no),
    };
    let open = play(channel, steps, heard).await;
    if fault.is_some() {
        shared.acted();
    }
    open
}

/// Reads a request up to an offset, or to its end. Returns its number, as far as it has come.
async fn read_until(
    channel: &mut Channel,
    arrival: usize,
    shared: &Shared,
    offset: usize,
) -> io::Result<String> {
    let mut so_far = shared.arrived(arrival, &[]);
    loop {
        let end = whole(&so_far.bytes).map_or(offset, |whole| whole.min(offset));
        let missing = end.saturating_sub(so_far.bytes.len());
        if missing == 0 {
            return Ok(so_far.out_trade_no().unwrap_or_default().to_owned());
        }
        let bytes = channel.read(missing.min(4096)).await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        so_far = shared.arrived(arrival, &bytes);
    }
}

/// How long a request is, once its head is there.
pub fn whole(bytes: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(bytes).expect("a signed request is ASCII");
    let (head, _) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    Some(head.len() + 4 + length.unwrap_or(0))
}

/// Who hears what still arrives while a connection ends.
#[derive(Clone, Copy)]
struct Heard<'a> {
    number: usize,
    arrival: Option<usize>,
    shared: &'a Shared,
}

/// Plays a script. Gives the connection back if it is still open at the end.
async fn play(mut channel: Channel, steps: Vec<Step>, heard: Heard<'_>) -> io::Result<Option<Channel>> {
    for step in steps {
        match step {
            Step::Bytes(bytes) => drop(channel.write(&bytes).await?),
            Step::Limit(raw) => channel.limit = channel.written.len() + raw,
            Step::CloseNotify => channel.close_notify().await?,
            Step::Pause => tokio::time::sleep(PAUSE).await,
            Step::Endless(bytes, pause) => {
                heard.shared.acted();
                while channel.write(&bytes).await.is_ok() {
                    tokio::time::sleep(pause).await;
                }
                return Ok(None);
            }
            Step::End(act) => {
                end(channel, act, heard).await?;
                return Ok(None);
            }
        }
    }
    Ok(Some(channel))
}

/// Ends a connection, and then listens until the sidecar has ended it too.
async fn end(mut channel: Channel, act: Act, heard: Heard<'_>) -> io::Result<()> {
    match act {
        Act::Reset => {
            channel.reset();
            heard.shared.acted();
            return Ok(());
        }
        Act::Close => {
            channel.close_notify().await?;
            channel.fin().await?;
        }
        Act::Cut => channel.fin().await?,
        Act::Alert => {
            channel.alert().await?;
            channel.fin().await?;
        }
        Act::Garbage => {
            channel.put_raw(&GARBAGE).await?;
            channel.fin().await?;
        }
        Act::Hang => {}
        Act::Pause | Act::Answer => unreachable!("no end"),
    }
    heard.shared.acted();
    let mut arrival = heard.arrival;
    loop {
        let bytes = channel.read(4096).await?;
        match arrival {
            _ if bytes.is_empty() => return Ok(()),
            Some(arrival) => drop(heard.shared.arrived(arrival, &bytes)),
            // Without TLS whatever comes is a request.
            None if heard.shared.tls.is_none() => {
                arrival = Some(heard.shared.payment_arrives(heard.number, bytes))
            }
            None => {}
        }
    }
}
