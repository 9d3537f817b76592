//! What becomes of each payment, drawn from a seed: callers and upstream know it without telling each other.

/// One payment.
#[derive(Debug)]
pub struct Payment {
    pub out_trade_no: String,
    /// In no other payment.
    pub nonce: String,
    pub fate: Fate,
    /// For what is to happen somewhere in the middle.
    pub somewhere: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Ordinary,
    /// The upstream closes instead of an answer.
    Close,
    /// It resets.
    Reset,
    /// It closes somewhere in the head of its answer.
    Cut,
    /// It closes somewhere in the body.
    Truncated,
    /// It never answers.
    Hang,
    /// It answers with what is no HTTP.
    Garbage,
    /// It answers with this status.
    Status(u16),
    /// It answers twice, the second time in another payment's name.
    Stray,
    /// The caller leaves somewhere in its request.
    HangsUpEarly,
    /// The caller leaves once its request is sent.
    HangsUpLate,
}

impl Fate {
    pub fn kind(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::Close => "closed",
            Self::Reset => "reset",
            Self::Cut => "cut in the head",
            Self::Truncated => "cut in the body",
            Self::Hang => "hung",
            Self::Garbage => "garbage",
            Self::Status(_) => "5xx",
            Self::Stray => "answered twice",
            Self::HangsUpEarly => "caller left early",
            Self::HangsUpLate => "caller left late",
        }
    }
}

impl Payment {
    pub fn new(seed: u64, number: usize) -> Self {
        let mut random = mix(seed ^ (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let nonce = format!("{random:016x}");
        let mut draw = |below: u64| {
            random = mix(random);
            random % below
        };
        let fate = match (draw(1000), draw(8)) {
            (0..20, 0) => Fate::Close,
            (0..20, 1) => Fate::Reset,
            (0..20, 2) => Fate::Cut,
            (0..20, 3) => Fate::Truncated,
            (0..20, 4) => Fate::Hang,
            (0..20, 5) => Fate::Garbage,
            (0..20, 6) => Fate::Status([500, 502, 503, 504][draw(4) as usize]),
            (0..20, _) => Fate::Stray,
            (20..23, _) => Fate::HangsUpEarly,
            (23..26, _) => Fate::HangsUpLate,
            _ => Fate::Ordinary,
        };
        Self { out_trade_no: format!("N{number}"), nonce, fate, somewhere: draw(1 << 20) as usize }
    }

    /// The payment of an order number, as far as it is one of the test's.
    pub fn of(seed: u64, out_trade_no: &str) -> Option<Self> {
        Some(Self::new(seed, out_trade_no.strip_prefix('N')?.parse().ok()?))
    }

    pub fn form(&self) -> String {
        format!("out_trade_no={}&txamt=1&goods_name={}", self.out_trade_no, self.nonce)
    }

    /// The body of its answer, from what the upstream received.
    pub fn answer(out_trade_no: &str, nonce: &str) -> String {
        format!(r#"{{"respcd":"0000","out_trade_no":"{out_trade_no}","goods_name":"{nonce}"}}"#)
    }

    /// The body that its caller must get.
    pub fn body(&self) -> String {
        Self::answer(&self.out_trade_no, &self.nonce)
    }

    pub fn quoted_number(&self) -> String {
        format!(r#""out_trade_no":"{}""#, self.out_trade_no)
    }
}

/// splitmix64.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
