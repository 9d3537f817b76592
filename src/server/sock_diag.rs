//! One exact question to the kernel: which socket has these ends, and whose is it? Never a list of sockets.
//!
//! The kernel answers while the request is sent, so the answer is there when `send` returns.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use netlink_packet_sock_diag::{SockDiagMessage, TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_LISTEN};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// An answer has some 100 bytes.
const ANSWER_BYTES: usize = 4096;
/// Says that no cookie is known.
const NO_COOKIE: [u8; 8] = [0xff; 8];

/// A socket to ask through, in this process's network namespace.
#[derive(Debug)]
pub(super) struct SockDiag {
    socket: OwnedFd,
    asked: u32,
}

/// What the kernel says of a socket.
#[derive(Debug)]
pub(super) struct Found {
    /// The user who made it; 0 once no process holds it any more.
    pub(super) uid: u32,
    /// The number of its file, as `fstat` tells it to who holds it; 0 once no process does.
    pub(super) inode: u32,
    /// It is connected, and its process can still read.
    pub(super) connected: bool,
    /// It listens.
    pub(super) listens: bool,
}

impl SockDiag {
    /// Opens the way to ask.
    ///
    /// # Errors
    /// The system has no netlink, or a sandbox forbids it.
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(SOCK_DIAG))?;
        // The kernel's own address: what others send here is dropped.
        rustix::net::connect(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self { socket, asked: 0 })
    }

    /// The TCP socket with these ends, seen from its own side: `source` is its address, `destination` that of its peer, or
    /// the unspecified one with port 0 for a listening socket.
    ///
    /// A socket of the IPv6 family that speaks IPv4 is found by its IPv4 addresses.
    ///
    /// # Errors
    /// The kernel gives no answer.
    pub(super) fn find(&mut self, source: SocketAddr, destination: SocketAddr) -> io::Result<Option<Found>> {
        self.asked = self.asked.wrapping_add(1);
        retry_on_intr(|| {
            rustix::net::send(&self.socket, &self.request(source, destination), SendFlags::DONTWAIT)
        })?;
        loop {
            let mut bytes = [0; ANSWER_BYTES];
            let (_, length) =
                retry_on_intr(|| rustix::net::recv(&self.socket, &mut bytes, RecvFlags::DONTWAIT))?;
            let answer = NetlinkMessage::<SockDiagMessage>::deserialize(&bytes[..length.min(ANSWER_BYTES)])
                .map_err(io::Error::other)?;
            // Behind one that came too late for its question.
            if answer.header.sequence_number != self.asked {
                continue;
            }
            return match answer.payload {
                NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) => {
                    Ok(found_at(&found.header, source, destination))
                }
                NetlinkPayload::Error(error) if is_nothing_there(error.raw_code()) => Ok(None),
                NetlinkPayload::Error(error) => Err(error.to_io()),
                _ => Err(io::ErrorKind::InvalidData.into()),
            };
        }
    }

    fn request(&self, source: SocketAddr, destination: SocketAddr) -> Vec<u8> {
        let request = SockDiagMessage::InetRequest(InetRequest {
            family: if source.is_ipv4() { AF_INET } else { AF_INET6 },
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all(),
            socket_id: SocketId {
                source_port: source.port(),
                destination_port: destination.port(),
                source_address: source.ip(),
                destination_address: destination.ip(),
                interface_id: 0,
                cookie: NO_COOKIE,
            },
        });
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        header.sequence_number = self.asked;
        let mut message = NetlinkMessage::new(header, request.into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        bytes
    }
}

fn is_nothing_there(code: i32) -> bool {
    code == -Errno::NOENT.raw_os_error()
}

/// What was found, if it is what was asked for: where no connection has these ends, the kernel may name a socket that listens
/// at one of them.
fn found_at(found: &InetResponseHeader, source: SocketAddr, destination: SocketAddr) -> Option<Found> {
    let id = &found.socket_id;
    let ends = [(id.source_address, id.source_port), (id.destination_address, id.destination_port)];
    let asked = [source, destination].map(|end| (end.ip(), end.port()));
    let plain = |(address, port): (IpAddr, u16)| (address.to_canonical(), port);
    (ends.map(plain) == asked.map(plain)).then(|| Found {
        uid: found.uid,
        inode: found.inode,
        connected: [TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_FIN_WAIT2].contains(&found.state),
        listens: found.state == TCP_LISTEN,
    })
}
