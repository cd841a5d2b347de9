//! Which servers to ask, and under which names: what the system is set up for (`/etc/resolv.conf`).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The file of every Unix, rewritten when the network changes.
const FILE: &str = "/etc/resolv.conf";

/// As many servers as the C library asks.
const SERVERS: usize = 3;

/// Where names are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct System {
    pub(super) servers: Vec<SocketAddr>,
    /// What short names are tried with.
    search: Vec<String>,
    /// With so many dots a name is tried as it is first.
    dots: usize,
}

impl System {
    /// These servers, and names as they are.
    pub(super) fn of(servers: Vec<SocketAddr>) -> Self {
        Self {
            servers,
            search: Vec::new(),
            dots: 0,
        }
    }

    /// What the system says now. Blocks for a small file.
    pub(super) fn read() -> std::io::Result<Self> {
        std::fs::read_to_string(FILE).map(|text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut system = Self {
            dots: 1,
            ..Self::of(Vec::new())
        };
        for line in text.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    if let Some(server) = server.filter(|_| system.servers.len() < SERVERS) {
                        system.servers.push(SocketAddr::new(server, 53));
                    }
                }
                Some("search" | "domain") => {
                    let domains = words.map(|word| word.trim_end_matches('.').to_owned());
                    system.search = domains
                        .filter(|domain| super::message::is_name(domain))
                        .collect();
                }
                Some("options") => {
                    for option in words {
                        if let Some(dots) = option.strip_prefix("ndots:") {
                            system.dots = dots.parse().unwrap_or(system.dots).min(15);
                        }
                    }
                }
                _ => {}
            }
        }
        if system.servers.is_empty() {
            system.servers.push((Ipv4Addr::LOCALHOST, 53).into());
        }
        system
    }

    /// The names to try for one that was written, in order. A dot at its end says that it is whole.
    pub(super) fn candidates(&self, written: &str) -> Vec<String> {
        let Some(name) = written.strip_suffix('.') else {
            let mut names: Vec<String> = self
                .search
                .iter()
                .map(|domain| format!("{written}.{domain}"))
                .filter(|name| super::message::is_name(name))
                .collect();
            let whole = if written.matches('.').count() >= self.dots {
                0
            } else {
                names.len()
            };
            names.insert(whole, written.to_owned());
            return names;
        };
        vec![name.to_owned()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_tried_with_the_domains_of_the_system() {
        let system = System::parse(
            "# a cluster\nsearch shop.svc.cluster.local svc.cluster.local.\nnameserver 10.96.0.10\n\
             nameserver fe80::1%eth0\nnameserver ::1\noptions ndots:5 edns0\n",
        );
        assert_eq!(
            system.servers,
            [
                "10.96.0.10:53".parse().unwrap(),
                "[::1]:53".parse().unwrap()
            ]
        );
        assert_eq!(
            system.candidates("orders"),
            [
                "orders.shop.svc.cluster.local",
                "orders.svc.cluster.local",
                "orders"
            ]
        );
        assert_eq!(system.candidates("a.b.c.d.e.f")[0], "a.b.c.d.e.f");
        assert_eq!(system.candidates("orders."), ["orders"]);
    }

    #[test]
    fn without_a_file_s_word_the_machine_asks_itself() {
        let system = System::parse("options rotate\n");
        assert_eq!(system.servers, ["127.0.0.1:53".parse().unwrap()]);
        assert_eq!(system.candidates("orders.internal"), ["orders.internal"]);
    }
}
