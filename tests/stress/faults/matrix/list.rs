//! Every case of the matrix.

use super::case::{Act, Call, Case, Connection, Fault, Framing, Idle, Over};
use super::odd::ODD;
use super::reply::{Reply, body};

/// What depends on the sidecar's request and on the TLS library, measured before the matrix begins.
pub struct Measured {
    /// The length of the request for a payment.
    pub request: usize,
    /// The server's raw bytes of a handshake, for each version.
    pub handshakes: Vec<(Over, Vec<u8>)>,
}

const CONNECTIONS: [Connection; 2] = [Connection::Fresh, Connection::Reused];

/// The two ways of one row that most differ, where all four would be too many.
const DIAGONAL: [(Over, Connection); 2] =
    [(Over::Http, Connection::Fresh), (Over::Tls13, Connection::Reused)];

/// Where each byte would be too many.
const EVERY: usize = 8;

pub fn cases(measured: &Measured, out_trade_no: &str) -> Vec<Case> {
    let mut list = List(Vec::new());
    list.connecting(measured);
    list.idle();
    list.requests(measured.request);
    list.answers(out_trade_no);
    list.records(out_trade_no);
    list.lengths(body(out_trade_no).len());
    for odd in ODD {
        list.everywhere(Fault::Odd(odd));
    }
    list.queries(measured.request, out_trade_no);
    list.0
}

struct List(Vec<Case>);

impl List {
    fn connecting(&mut self, measured: &Measured) {
        self.everywhere(Fault::Port);
        for act in [Act::Reset, Act::Close, Act::Hang, Act::Garbage, Act::Answer] {
            for over in [Over::Http, Over::Tls13] {
                self.add(over, Connection::Fresh, Fault::Accepted(act));
            }
        }
        self.add(Over::Tls13, Connection::Fresh, Fault::Certificate);
        for (over, handshake) in &measured.handshakes {
            for offset in offsets(handshake) {
                for act in [Act::Reset, Act::Close, Act::Alert, Act::Garbage, Act::Hang] {
                    self.add(*over, Connection::Fresh, Fault::Handshake(act, offset));
                }
            }
        }
    }

    fn idle(&mut self) {
        for over in [Over::Http, Over::Tls12, Over::Tls13] {
            for idle in Idle::ALL {
                if over != Over::Http || !idle.needs_tls() {
                    // A race would show in some runs only: hence more than one.
                    for _ in 0..5 {
                        self.add(over, Connection::Reused, Fault::Idle(idle));
                    }
                }
            }
        }
    }

    fn requests(&mut self, length: usize) {
        for offset in 1..=length {
            let sample = offset % EVERY == 0 || offset == length;
            for act in [Act::Reset, Act::Close, Act::Hang] {
                let fault = Fault::Request(act, offset);
                self.over(Over::Http, fault);
                // One TLS record holds the request: it is read at once, whatever is taken out of it.
                if act == Act::Reset || sample {
                    self.over(Over::Tls13, fault);
                }
            }
            if sample {
                for act in [Act::Pause, Act::Answer] {
                    self.everywhere(Fault::Request(act, offset));
                }
                for act in [Act::Cut, Act::Alert] {
                    self.over(Over::Tls13, Fault::Request(act, offset));
                }
            }
        }
    }

    fn answers(&mut self, out_trade_no: &str) {
        let length = |framing| Reply::new(framing, out_trade_no).wire.len();
        for offset in 0..=length(Framing::Length) {
            for act in [Act::Reset, Act::Close] {
                self.everywhere(Fault::Answer(act, Framing::Length, offset));
            }
            self.over(Over::Tls13, Fault::Answer(Act::Cut, Framing::Length, offset));
            // Once all is written there is nothing left to wait for or to spoil.
            if offset < length(Framing::Length) {
                for act in [Act::Hang, Act::Pause, Act::Garbage] {
                    self.everywhere(Fault::Answer(act, Framing::Length, offset));
                }
                self.add(Over::Tls13, Connection::Fresh, Fault::Answer(Act::Alert, Framing::Length, offset));
            }
        }
        for framing in [Framing::Chunked, Framing::UntilClose, Framing::Interim] {
            // Only with the connection does the answer end that has no length.
            let until = length(framing) + usize::from(framing == Framing::UntilClose);
            for offset in 0..until {
                for act in [Act::Reset, Act::Close, Act::Hang] {
                    self.diagonal(Fault::Answer(act, framing, offset));
                }
                if framing == Framing::Chunked && offset < length(framing) {
                    self.diagonal(Fault::Answer(Act::Garbage, framing, offset));
                }
                self.add(Over::Tls13, Connection::Fresh, Fault::Answer(Act::Cut, framing, offset));
            }
        }
    }

    fn records(&mut self, out_trade_no: &str) {
        let length = Reply::new(Framing::Length, out_trade_no).wire.len();
        // What a record adds: in TLS 1.3 a head, the kind and a tag; in TLS 1.2 a head, a nonce and a tag.
        for offset in 0..length + 5 + 1 + 16 {
            for act in [Act::Reset, Act::Cut, Act::Hang, Act::Garbage] {
                self.add(Over::Tls13, Connection::Fresh, Fault::Record(act, offset));
            }
        }
        for offset in 0..length + 5 + 8 + 16 {
            for act in [Act::Reset, Act::Cut, Act::Garbage] {
                self.add(Over::Tls12, Connection::Reused, Fault::Record(act, offset));
            }
        }
    }

    fn lengths(&mut self, length: usize) {
        for announced in (0..length + 20).filter(|announced| *announced != length) {
            self.everywhere(Fault::Length(announced));
            if announced > 0 {
                self.diagonal(Fault::ChunkSize(announced));
            }
        }
    }

    /// A query meets some of what payments meet.
    fn queries(&mut self, request: usize, out_trade_no: &str) {
        let payments = self.0.len();
        self.diagonal(Fault::Port);
        for idle in Idle::ALL {
            self.add(Over::Tls13, Connection::Reused, Fault::Idle(idle));
        }
        for offset in (1..request).step_by(EVERY) {
            for act in [Act::Reset, Act::Close, Act::Hang] {
                self.diagonal(Fault::Request(act, offset));
            }
        }
        for offset in (0..Reply::new(Framing::Length, out_trade_no).wire.len()).step_by(EVERY) {
            for act in [Act::Reset, Act::Close, Act::Hang] {
                self.diagonal(Fault::Answer(act, Framing::Length, offset));
            }
        }
        for odd in ODD.iter().filter(|odd| odd.name.starts_with("redirects")) {
            self.diagonal(Fault::Odd(odd));
        }
        for case in &mut self.0[payments..] {
            case.call = Call::Query;
        }
    }

    /// Over HTTP and TLS, on fresh and reused connections.
    fn everywhere(&mut self, fault: Fault) {
        for over in [Over::Http, Over::Tls13] {
            self.over(over, fault);
        }
    }

    fn diagonal(&mut self, fault: Fault) {
        for (over, connection) in DIAGONAL {
            self.add(over, connection, fault);
        }
    }

    fn over(&mut self, over: Over, fault: Fault) {
        for connection in CONNECTIONS {
            self.add(over, connection, fault);
        }
    }

    fn add(&mut self, over: Over, connection: Connection, fault: Fault) {
        self.0.push(Case { call: Call::Payment, over, connection, fault });
    }
}

/// Places in a handshake: in and around the head of every record, and every 101st byte between them.
fn offsets(handshake: &[u8]) -> Vec<usize> {
    let mut offsets: Vec<_> = (0..handshake.len()).step_by(101).collect();
    let mut record = 0;
    while record + 5 <= handshake.len() {
        offsets.extend(record..=record + 6);
        record += 5 + usize::from(u16::from_be_bytes([handshake[record + 3], handshake[record + 4]]));
    }
    offsets.push(handshake.len() - 1);
    offsets.retain(|offset| *offset < handshake.len());
    offsets.sort_unstable();
    offsets.dedup();
    offsets
}
