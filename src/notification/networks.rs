//! Addresses and networks, for settings that say where a notification may come from.

use std::net::IpAddr;

/// QFPay's documented sources of notifications (CAM, asynchronous notifications), by the word `qfpay`.
const QFPAY: [&str; 3] = ["13.228.112.115", "18.138.115.47", "18.166.202.92"];

/// A set of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// How many leading bits count.
    prefix: u8,
}

/// A text that is no network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is neither an address (192.0.2.1, 2001:db8::1) nor a network (192.0.2.0/24)")]
pub struct BadNetwork;

impl Networks {
    /// Reads addresses, networks such as `192.0.2.0/24`, and, where `preset` says so, the word `qfpay`.
    ///
    /// # Errors
    /// The first entry at fault.
    pub fn parse(entries: &[String], preset: bool) -> Result<Self, (Option<String>, BadNetwork)> {
        let mut networks = Vec::new();
        for entry in entries {
            let texts = match entry.as_str() {
                "qfpay" if preset => QFPAY.to_vec(),
                text => vec![text],
            };
            for text in texts {
                networks.push(Network::parse(text).ok_or((Some(entry.clone()), BadNetwork))?);
            }
        }
        Ok(Self(networks))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is in one of them. An IPv4 address in IPv6 clothes is the IPv4 address.
    pub fn contain(&self, address: IpAddr) -> bool {
        let bits = bits(address.to_canonical());
        self.0.iter().any(|network| network.contains(bits))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(at, prefix)| (at, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => longest,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
            Some(_) => return None,
        };
        (prefix <= longest).then_some(Self { address, prefix })
    }

    fn contains(&self, (family, bits): (u8, u128)) -> bool {
        let (own_family, own) = self::bits(self.address);
        // Shifting by the whole width, for a prefix of 0, is no shift in Rust.
        let differing = (own ^ bits).checked_shr(u32::from(family - self.prefix.min(family))).unwrap_or(0);
        family == own_family && differing == 0
    }
}

/// The width of an address's family, and its bits.
fn bits(address: IpAddr) -> (u8, u128) {
    match address {
        IpAddr::V4(v4) => (32, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (128, v6.to_bits()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(entries: &[&str]) -> Result<Networks, BadNetwork> {
        let entries: Vec<_> = entries.iter().map(|&entry| entry.to_owned()).collect();
        Networks::parse(&entries, true).map_err(|(_, bad)| bad)
    }

    #[test]
    fn networks_hold_their_addresses() {
        let holds =
            |network: &str, address: &str| networks(&[network]).unwrap().contain(address.parse().unwrap());
        assert!(holds("192.0.2.0/24", "192.0.2.255") && !holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("0.0.0.0/0", "203.0.113.9") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("::/0", "2001:db8::1") && !holds("::/0", "203.0.113.9"));
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(holds("qfpay", "18.166.202.92") && !holds("qfpay", "18.166.202.93"));
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in
            ["", "qfapi", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/+8", "::/129", "192.0.2", "host.test"]
        {
            assert_eq!(networks(&[bad]), Err(BadNetwork), "{bad}");
        }
        assert!(Networks::parse(&["qfpay".to_owned()], false).is_err());
    }
}
