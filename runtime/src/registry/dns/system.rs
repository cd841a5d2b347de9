//! Which servers to ask, and under which names: what the system is set up for (`/etc/resolv.conf` on Unix).

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::system_conf::read_system_conf;

use super::ask::Server;

/// As many servers as the C library asks.
const SERVERS: usize = 3;

/// The most dots that the C library lets a short name have.
const DOTS: usize = 15;

/// Where names are asked for.
#[derive(Clone)]
pub(super) struct System {
    pub(super) servers: Vec<Server>,
    /// What short names are tried with.
    search: Vec<String>,
    /// With so many dots a name is tried as it is first.
    dots: usize,
}

impl System {
    /// These servers, and names as they are. Each server has `limit` for each answer.
    pub(super) fn of(servers: &[SocketAddr], limit: Duration) -> Result<Self, NetError> {
        let servers = servers.iter().map(|server| Server::new(*server, limit));
        Ok(Self {
            servers: servers.collect::<Result<_, _>>()?,
            search: Vec::new(),
            dots: 0,
        })
    }

    /// What the system says now. Blocks for a small file.
    pub(super) fn read(limit: Duration) -> Result<Self, NetError> {
        let (config, options) = read_system_conf()?;
        Self::from(&config, &options, limit)
    }

    fn from(
        config: &ResolverConfig,
        options: &ResolverOpts,
        limit: Duration,
    ) -> Result<Self, NetError> {
        let servers: Vec<SocketAddr> = config
            .name_servers()
            .iter()
            .take(SERVERS)
            .map(|server| (server.ip, 53).into())
            .collect();
        let search = config.search().iter().map(|domain| {
            let domain = domain.to_ascii();
            domain.trim_end_matches('.').to_owned()
        });
        Ok(Self {
            search: search.filter(|domain| super::is_name(domain)).collect(),
            dots: options.ndots.min(DOTS),
            ..Self::of(&servers, limit)?
        })
    }

    /// The names to try for one that was written, in order. A dot at its end says that it is whole.
    ///
    /// Not left to hickory: it goes on to the next name after a failure, too, and then tells of that one only.
    pub(super) fn candidates(&self, written: &str) -> Vec<String> {
        let Some(name) = written.strip_suffix('.') else {
            let mut names: Vec<String> = self
                .search
                .iter()
                .map(|domain| format!("{written}.{domain}"))
                .filter(|name| super::is_name(name))
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
    use hickory_resolver::config::NameServerConfig;
    use hickory_resolver::proto::rr::Name;

    use super::*;

    #[test]
    fn short_names_are_tried_with_the_domains_of_the_system() {
        let domain = |text: &str| Name::from_ascii(text).unwrap();
        let server = |text: &str| NameServerConfig::udp_and_tcp(text.parse().unwrap());
        let config = ResolverConfig::from_parts(
            None,
            vec![
                domain("shop.svc.cluster.local"),
                domain("svc.cluster.local."),
            ],
            ["10.96.0.10", "::1", "10.0.0.1", "10.0.0.2"]
                .map(server)
                .into(),
        );
        let mut options = ResolverOpts::default();
        options.ndots = 5;
        let system = System::from(&config, &options, Duration::from_secs(1)).unwrap();
        let servers: Vec<String> = system
            .servers
            .iter()
            .map(|server| server.address.to_string())
            .collect();
        assert_eq!(servers, ["10.96.0.10:53", "[::1]:53", "10.0.0.1:53"]);
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
    fn with_a_server_of_its_own_a_name_is_asked_for_as_it_is() {
        let server = "10.0.0.2:53".parse().unwrap();
        let system = System::of(&[server], Duration::from_secs(1)).unwrap();
        assert_eq!(system.candidates("orders"), ["orders"]);
    }
}
