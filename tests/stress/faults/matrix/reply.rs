//! The upstream's answers: each names the payment that it belongs to.

use super::case::Framing;

/// An answer as bytes, and what of it the caller should get.
#[derive(Clone, Debug)]
pub struct Reply {
    pub wire: Vec<u8>,
    /// Where the head ends, interim heads included.
    pub head: usize,
    pub body: Vec<u8>,
}

/// The body of every answer: whose it is.
pub fn body(out_trade_no: &str) -> String {
    format!(r#"{{"respcd":"0000","out_trade_no":"{out_trade_no}"}}"#)
}

impl Reply {
    pub fn new(framing: Framing, out_trade_no: &str) -> Self {
        let body = body(out_trade_no);
        let length = body.len();
        match framing {
            Framing::Length => Self::of(format!("Content-Length: {length}\r\n"), body.clone(), &body),
            Framing::UntilClose => Self::of(String::new(), body.clone(), &body),
            Framing::Chunked => Self::of(
                "Transfer-Encoding: chunked\r\n".to_owned(),
                format!("{length:x}\r\n{body}\r\n0\r\n\r\n"),
                &body,
            ),
            Framing::Interim => {
                let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
                let reply = Self::new(Framing::Length, out_trade_no);
                Self {
                    wire: [&interim[..], &reply.wire].concat(),
                    head: interim.len() + reply.head,
                    body: reply.body,
                }
            }
        }
    }

    /// With this `Content-Length`, whether or not it is so.
    pub fn announcing(length: usize, out_trade_no: &str) -> Self {
        let whole = body(out_trade_no);
        let body = &whole[..length.min(whole.len())];
        Self::of(format!("Content-Length: {length}\r\n"), whole.clone(), body)
    }

    /// In one chunk of this announced size, whether or not it is so.
    pub fn in_a_chunk_of(size: usize, out_trade_no: &str) -> Self {
        let whole = body(out_trade_no);
        let framed = format!("{size:x}\r\n{whole}\r\n0\r\n\r\n");
        Self::of("Transfer-Encoding: chunked\r\n".to_owned(), framed, &whole[..size.min(whole.len())])
    }

    fn of(header: String, framed: String, body: &str) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\n{header}\r\n");
        Self { head: head.len(), wire: (head + &framed).into_bytes(), body: body.as_bytes().to_vec() }
    }

    /// The same length, but other bytes from an offset on. The body follows as far as it is delimited by its length.
    pub fn spoilt_from(mut self, offset: usize) -> Self {
        for (i, byte) in self.wire[offset..].iter_mut().enumerate() {
            *byte = if i % 2 == 0 { 0 } else { 0xFF };
        }
        self.body = self.wire[self.head..].to_vec();
        self
    }
}
