//! Ports that an engine keeps over its restarts, and that no other test takes meanwhile.
//!
//! Port 0 will not do: the engine is told its port, and the system gives a port that is free just now to the next who asks
//! for any, or to an outgoing connection, which may even meet itself there.

use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpStream, UdpSocket};

/// The lowest port that is taken; what is below is for services that have a number.
const LOWEST: u16 = 15_000;

/// Where ports that the system gives away begin, on a system that does not say.
const GIVEN_AWAY: u16 = 32_768;

/// Ports of one host, held until they are dropped.
///
/// A port is held by a UDP socket of the same number: processes that ask for ports this way keep out of each other's, the
/// TCP port stays free for the engine, and the end of the process frees it whatever happens.
#[derive(Debug)]
pub struct Ports {
    host: IpAddr,
    numbers: Vec<u16>,
    _held: Vec<UdpSocket>,
}

impl Ports {
    /// So many free ports on 127.0.0.1, outside of those that the system gives away.
    ///
    /// # Panics
    /// When there are none left.
    pub fn free(count: usize) -> Self {
        Self::free_on(Ipv4Addr::LOCALHOST.into(), count)
    }

    /// So many free ports on another address of this machine.
    ///
    /// # Panics
    /// When there are none left, or the address is not this machine's.
    pub fn free_on(host: IpAddr, count: usize) -> Self {
        let end = given_away().max(LOWEST + 1);
        let room = u64::from(end - LOWEST);
        // Tests that start at the same time start at different places.
        let chance = RandomState::new().hash_one(count);
        let mut numbers = Vec::new();
        let mut held = Vec::new();
        for step in 0..room {
            if numbers.len() == count {
                break;
            }
            let offset = (chance % room + step) % room;
            let port = LOWEST + u16::try_from(offset).expect("below the end");
            let Ok(hold) = UdpSocket::bind((host, port)) else {
                continue;
            };
            if unused(host, port) {
                numbers.push(port);
                held.push(hold);
            }
        }
        assert_eq!(
            numbers.len(),
            count,
            "{host} has no {count} free ports from {LOWEST} to {end}"
        );
        Self {
            host,
            numbers,
            _held: held,
        }
    }

    /// So many ports from this one on, of an address that nobody else uses.
    pub(super) fn of(host: IpAddr, first: u16, count: usize) -> Self {
        Self {
            host,
            numbers: (first..).take(count).collect(),
            _held: Vec::new(),
        }
    }

    /// The address that they belong to.
    pub fn host(&self) -> IpAddr {
        self.host
    }

    /// Their numbers.
    pub fn all(&self) -> &[u16] {
        &self.numbers
    }
}

/// Whether nobody listens there. Asked by a connection and not by a listener of our own: a process that is started at the same
/// moment would hold that one open for a while.
fn unused(host: IpAddr, port: u16) -> bool {
    TcpStream::connect((host, port))
        .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

/// The first port that the system gives to who asks for any.
fn given_away() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(GIVEN_AWAY)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ports_are_different_and_free() {
        let held: Vec<Ports> = (0..20).map(|_| Ports::free(3)).collect();
        let numbers: BTreeSet<u16> = held.iter().flat_map(Ports::all).copied().collect();
        assert_eq!(numbers.len(), 60);
        for port in numbers {
            assert!(unused(Ipv4Addr::LOCALHOST.into(), port), "{port}");
            assert!(port < given_away(), "{port}");
        }
    }
}
