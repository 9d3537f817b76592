//! Ports: no test has one of its own choice, so that they pass beside a sidecar that serves, and beside each other.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// An address on which nothing listens, and nothing will: its IP is this process's own, so that no other test run is given
/// the same port meanwhile.
pub fn nobody_listens() -> SocketAddr {
    TcpListener::bind((own_ip(), 0)).unwrap().local_addr().unwrap()
}

/// A loopback address that other test processes do not use: they have other process ids, which have 22 bits.
pub fn own_ip() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + high, middle, low)
}

/// Fails if an address on a start screen has a port that the system did not choose. Such a test would pass only while
/// nothing else has that port: the usual ones belong to whoever runs a demo or a sidecar on this machine.
#[track_caller]
pub fn assert_chosen_by_the_system(screen: &str) {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let mut range = range.split_whitespace().map(|port| port.parse::<u16>().unwrap());
    let range = range.next().unwrap()..=range.next().unwrap();
    // What the listeners are told elsewhere on the screen (receivers, QFPay's host) stands behind "->" or "upstream".
    let own = screen.lines().map(str::trim_start);
    let own = own
        .filter(|line| ["api ", "admin ", "notify ", "sandbox "].iter().any(|label| line.starts_with(label)));
    for line in own {
        let Some((_, rest)) = line.split_once("http://") else { continue };
        let address: SocketAddr = rest.split_whitespace().next().unwrap().parse().unwrap();
        assert!(
            range.contains(&address.port()),
            "a test listens on {address}: set listen.api, listen.admin and sandbox.listen to port 0"
        );
    }
}
