//! `dns:`: names in DNS, of addresses or of services with places, weights and priorities.
//!
//! DNS has no watch: names are asked for again when their time is up. Takes no registrations. `docs/discovery.md` says what is
//! believed.

mod ask;
mod follow;
mod names;
mod reply;
mod system;

#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::net::NetError;

use super::fixed::{checked, set_one};
use super::instance::{Instance, shown};
use super::poller::Poller;
use super::watch::{Feed, Watch};
use super::{BoxFuture, Error, ErrorKind, Lease, Listing, Registry};
use crate::random;
use system::System;

/// When a name is asked for again.
#[derive(Clone, Copy, Debug)]
struct Terms {
    /// The shortest time to the next question, whatever the records say: servers that change all the time say 0, and a
    /// thousand clients shall not ask them a thousand times per second.
    floor: Duration,
    /// The longest: some zones say a day, and nobody wants to wait that long for a new server.
    ceiling: Duration,
    /// How long one server has for one answer. A resolver that asks others needs a second now and then.
    limit: Duration,
}

const TERMS: Terms = Terms {
    floor: Duration::from_secs(2),
    ceiling: Duration::from_secs(300),
    limit: Duration::from_secs(2),
};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// A and AAAA records of a host; the port is written down.
    Host(String, u16),
    /// SRV records.
    Service(String),
}

/// A registry of what a name in DNS says.
///
/// ```text
/// dns:orders.internal:7000                                    A and AAAA: every address is an instance
/// dns:_orders._tcp.shop.internal                              SRV: every record is an instance
/// dns:orders.internal:7000;release=1.1;group=wholesale;zone=a settings of the instances, as of `static:`
/// dns:orders.service.consul:7000;server=127.0.0.1:8600        asks this server, not those of the system; repeatable
/// ```
#[derive(Clone, Debug)]
pub struct Dns(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    address: String,
    name: Name,
    /// Empty for those of the system.
    servers: Vec<SocketAddr>,
    /// What is the same of all instances; with an empty service where any will do.
    model: Instance,
    poller: Poller,
    terms: Terms,
    seed: u64,
}

impl Dns {
    /// Reads what stands behind `dns:`, and asks nobody yet.
    ///
    /// # Errors
    /// An address that is wrong, or there is no tokio runtime.
    pub fn open(address: &str) -> Result<Self, Error> {
        Self::with(address, TERMS, random::seed())
    }

    fn with(rest: &str, terms: Terms, seed: u64) -> Result<Self, Error> {
        let address = format!("dns:{rest}");
        let wrong = |message: String| Error::new(ErrorKind::Address, &address, message);
        let mut parts = rest.split(';').map(str::trim);
        let name = name(parts.next().unwrap_or_default()).map_err(wrong)?;
        let mut servers = Vec::new();
        let mut model = Instance::new("", "");
        for setting in parts {
            if let Some(server) = setting.strip_prefix("server=") {
                servers.push(server_at(server).map_err(wrong)?);
            } else if setting.starts_with("weight=") && matches!(name, Name::Service(_)) {
                return Err(wrong(
                    "SRV records have weights of their own: leave `weight` out".to_owned(),
                ));
            } else {
                model = set_one(model, setting).map_err(|reason| {
                    wrong(reason.replace("there are group", "there are server, group"))
                })?;
            }
        }
        let mut example = model.clone();
        example.id = "a".into();
        example.addresses = vec!["tcp://h:1".into()];
        checked(&example).map_err(|error| wrong(error.to_string()))?;
        let poller = Poller::new(&address)?;
        Ok(Self(Arc::new(Shared {
            address,
            name,
            servers,
            model,
            poller,
            terms,
            seed,
        })))
    }
}

/// A name with letters, digits, `-`, `_` in labels between dots; none behind the last.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(fits);
    name.len() <= 253 && name.split('.').all(label)
}

/// What stands before the first `;`.
fn name(text: &str) -> Result<Name, String> {
    let plain = |name: &str| is_name(name.strip_suffix('.').unwrap_or(name));
    if text.starts_with('_') {
        return if plain(text) {
            Ok(Name::Service(text.to_owned()))
        } else {
            Err(format!(
                "`{}` is no name of SRV records: write `_orders._tcp.shop.internal`, without a port, which the records have",
                shown(text)
            ))
        };
    }
    let host = text
        .rsplit_once(':')
        .filter(|(host, _)| plain(host))
        .and_then(|(host, port)| Some((host, port.parse::<u16>().ok().filter(|port| *port > 0)?)));
    host.map(|(host, port)| Name::Host(host.to_owned(), port))
        .ok_or_else(|| {
            format!(
                "`{}` is no name with a port: write `orders.internal:7000`, or `_orders._tcp.shop.internal` for SRV records",
                shown(text)
            )
        })
}

fn server_at(text: &str) -> Result<SocketAddr, String> {
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse().map(|server| SocketAddr::new(server, 53)))
        .map_err(|_| {
            format!(
                "server `{}`: write its number, such as 10.0.0.2 or 10.0.0.2:53 or [fd00::2]:53",
                shown(text)
            )
        })
}

impl Shared {
    fn error(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unavailable, &self.address, message)
    }

    /// The servers to ask and how to write names.
    async fn system(&self) -> Result<System, Error> {
        let limit = self.terms.limit;
        let unset = |message: &str, error: NetError| {
            Error::caused_by(ErrorKind::Unavailable, &self.address, message, error)
        };
        if !self.servers.is_empty() {
            return System::of(&self.servers, limit)
                .map_err(|error| unset("its servers cannot be asked", error));
        }
        // Read each time: it changes with the network.
        let read = tokio::task::spawn_blocking(move || System::read(limit)).await;
        let read = read.unwrap_or_else(|error| Err(io::Error::other(error).into()));
        read.map_err(|error| {
            unset(
                "the system does not say in /etc/resolv.conf which servers to ask: name one, as in `;server=10.0.0.2`",
                error,
            )
        })
    }

    /// Whether instances of `service` may be listed.
    fn lists(&self, service: &str) -> bool {
        super::is_service(service)
            && (self.model.service.is_empty() || self.model.service == service)
    }
}

impl Registry for Dns {
    fn address(&self) -> &str {
        &self.0.address
    }

    fn register(&self, _: Vec<Instance>) -> Result<Lease, Error> {
        Err(Error::new(
            ErrorKind::Unsupported,
            &self.0.address,
            "DNS takes no registrations: leave `.register(..)` out and let records be made by who makes them, or use \
             another registry that servers write to",
        ))
    }

    fn watch(&self, service: &str) -> Watch {
        if self.0.lists(service) {
            let follow = || follow::follow(Arc::clone(&self.0));
            return self.0.poller.watch(service, follow);
        }
        let feed = Feed::new(service);
        let watch = feed.watch();
        feed.publish(Listing::default());
        watch
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        let service = Some(self.0.model.service.clone()).filter(|service| !service.is_empty());
        Box::pin(async move { Ok(service.into_iter().collect()) })
    }
}
