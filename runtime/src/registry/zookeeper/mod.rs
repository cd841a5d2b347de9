//! `zookeeper:`: an ensemble of `ZooKeeper` servers, 3.6 or later.
//!
//! An instance is a node that lasts as long as the session of its server. The client is our own (`session`, `proto`): one
//! connection per registry, shared by all leases and views.

mod catalog;
mod documents;
#[cfg(test)]
mod fake;
mod fault;
mod follow;
mod jute;
mod keep;
mod layout;
mod line;
mod proto;
mod server;
mod session;
mod sweep;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;

use super::document::DocumentFeeds;
use super::instance::{MAX_RECORD_BYTES, check_service};
use super::lease::{Lease, Terms};
use super::watch::{Feed, Feeds, Watch};
use super::{
    BoxFuture, Documents, Entry, Error, ErrorKind, Instance, Listing, Locator, Override, Registry,
    tls,
};
use crate::random;
use fault::Party;
use follow::{Running, Service, WINDOW};
use keep::Nodes;
use layout::{Layout, above, id_of};
use line::{Fault, Line};
use proto::{Access, Change, Lasts, code};
use server::Servers;
use session::Session;

/// The port of a server that names none.
const PORT: u16 = 2181;

/// How long the servers wait for a sign of life before they delete what is ours. Clients find the dead sooner by their own
/// heartbeats; servers that do not hear us for a while, as when they elect a leader, must not give us up.
const SESSION: Duration = Duration::from_secs(10);

/// The shortest and the longest time that may be asked for in its place. A server has limits of its own: by default 2 and
/// 20 of its ticks, 4 s and 40 s.
const SESSIONS_MS: std::ops::RangeInclusive<u64> = 1_000..=600_000;

/// How often a lease asks whether its connection and its nodes are what they were. Costs no request where they are.
const PERIOD: Duration = Duration::from_secs(1);

/// How often something is tried again that others change at the same time.
const TRIES: usize = 8;

/// A registry in `ZooKeeper`. Clones share one session, which ends with the last of them, its leases and views.
#[derive(Clone)]
pub struct ZooKeeper(Arc<Shared>);

struct Shared {
    party: Party,
    layout: Layout,
    access: Access,
    session: Session,
    feeds: Feeds,
    documents: DocumentFeeds,
    running: Running,
    /// Where views are kept that are asked for outside of a runtime.
    runtime: runtime::Handle,
    seed: u64,
}

impl fmt::Debug for ZooKeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ZooKeeper")
            .field(&self.0.party.address)
            .finish()
    }
}

impl ZooKeeper {
    /// The registry at `zookeeper[+tls]://[user:password@]host[:port][,host[:port]…][/namespace][?option=value&…]`. It need
    /// not answer now.
    ///
    /// | option | default | meaning |
    /// |---|---|---|
    /// | `session_ms` | 10000 | after how much silence the servers give us up |
    /// | `acl` | `read` with a user, else `open` | who may do what with the nodes that are made: `open` lets everybody do everything, `read` lets everybody read, `own` lets nobody else do anything |
    /// | `ca`, `cert`, `key` | | files in PEM, with `zookeeper+tls:`: whom we trust, who we are |
    ///
    /// # Errors
    /// An address that is wrong, or no tokio runtime.
    pub fn open(address: &str) -> Result<Self, Error> {
        Self::open_seeded(address, random::seed())
    }

    /// The same with an order of servers and jitter that `seed` decides.
    pub fn open_seeded(address: &str, seed: u64) -> Result<Self, Error> {
        let [ca, cert, key] = tls::OPTIONS;
        let locator = Locator::parse(address, PORT, &["session_ms", "acl", ca, cert, key])?;
        let address = locator.to_string();
        let wrong = |message: String| Error::new(ErrorKind::Address, &address, message);
        let session = match locator.option("session_ms") {
            None => SESSION,
            Some(text) => match text.parse() {
                Ok(millis) if SESSIONS_MS.contains(&millis) => Duration::from_millis(millis),
                _ => {
                    let (least, most) = (SESSIONS_MS.start(), SESSIONS_MS.end());
                    return Err(wrong(format!(
                        "`session_ms` is a number from {least} to {most}"
                    )));
                }
            },
        };
        let access = match (locator.option("acl"), locator.user()) {
            (Some("open"), _) | (None, None) => Access::Open,
            (Some("read") | None, Some(_)) => Access::Readable,
            (Some("own"), Some(_)) => Access::Private,
            (Some("read" | "own"), None) => {
                return Err(wrong(
                    "`acl` gives nodes to our user: write `user:password@`".into(),
                ));
            }
            (Some(_), _) => return Err(wrong("`acl` is `open`, `read` or `own`".into())),
        };
        let runtime = runtime::Handle::try_current().map_err(|error| {
            let message = "opening it needs a tokio runtime: call it from an async function";
            Error::caused_by(ErrorKind::Unsupported, &address, message, error)
        })?;
        let servers = Servers::of(&locator, seed)?;
        Ok(Self(Arc::new(Shared {
            party: Party {
                address: address.clone(),
                user: locator.user().map(Into::into),
            },
            layout: Layout::new(locator.namespace()),
            access,
            session: Session::open(servers, session, seed),
            feeds: Feeds::default(),
            documents: DocumentFeeds::default(),
            running: Running::default(),
            runtime,
            seed,
        })))
    }
}

impl Shared {
    /// Makes the node at `path`, and those above it that are missing; these stay.
    async fn make(&self, line: &Line, path: &str, lasts: Lasts) -> Result<(), Error> {
        let mut missing = vec![path];
        // Each round makes one or goes up by one; somebody may delete them meanwhile.
        for _ in 0..TRIES * 4 {
            let Some(&next) = missing.last() else {
                return Ok(());
            };
            let lasts = if next == path { lasts } else { Lasts::Forever };
            match line
                .change(Change::Create(next, b"", lasts, self.access))
                .await
            {
                Ok(()) | Err(Fault::Refused(code::NODE_EXISTS)) => {
                    missing.pop();
                }
                Err(Fault::Refused(code::NO_NODE)) if above(next).is_some() => {
                    missing.extend(above(next));
                }
                Err(fault) => return Err(self.party.error("create", next, fault)),
            }
        }
        let fault = Fault::Refused(code::NO_NODE);
        Err(self.party.error("create", path, fault))
    }

    async fn steer(&self, order: Override) -> Result<(), Error> {
        let empty = order.is_empty();
        let entry = Entry::Override(order);
        let json = entry.to_json().map_err(|error| {
            Error::new(ErrorKind::Record, &self.party.address, error.to_string())
        })?;
        let line = self.session.line().await?;
        let directory = self.layout.service(entry.service());
        let path = self.layout.entry(entry.service(), &entry.key());
        for _ in 0..TRIES {
            let change = if empty {
                line.change(Change::Delete(&path, -1)).await
            } else {
                line.change(Change::Write(&path, &json, -1)).await
            };
            let change = match change {
                Err(Fault::Refused(code::NO_NODE)) if empty => Ok(()),
                Err(Fault::Refused(code::NO_NODE)) => {
                    line.change(Change::Create(&path, &json, Lasts::Forever, self.access))
                        .await
                }
                change => change,
            };
            match change {
                Ok(()) => return self.forget_overrides(&line, &directory).await,
                Err(Fault::Refused(code::NODE_EXISTS)) => {}
                Err(Fault::Refused(code::NO_NODE)) => {
                    self.make(&line, &directory, Lasts::WhileFilled).await?;
                }
                Err(fault) => return Err(self.party.error("write", &path, fault)),
            }
        }
        let fault = Fault::Refused(code::NODE_EXISTS);
        Err(self.party.error("write", &path, fault))
    }

    /// Deletes the overrides of instances that are there no more.
    async fn forget_overrides(&self, line: &Line, directory: &str) -> Result<(), Error> {
        let names = line.children(directory).await;
        let names = names.map_err(|fault| self.party.error("list", directory, fault))?;
        let names: std::collections::BTreeSet<_> = names.unwrap_or_default().into_iter().collect();
        for name in &names {
            if id_of(name).is_some_and(|id| id != name && !names.contains(id)) {
                // Who may not do that leaves it to others.
                drop(
                    line.change(Change::Delete(&format!("{directory}/{name}"), -1))
                        .await,
                );
            }
        }
        Ok(())
    }

    async fn services(&self) -> Result<Vec<String>, Error> {
        let line = self.session.line().await?;
        let root = self.layout.services();
        let error = |fault| self.party.error("list", &root, fault);
        line.sync(&root).await.map_err(error)?;
        let mut names = line
            .children(&root)
            .await
            .map_err(error)?
            .unwrap_or_default();
        names.retain(|name| check_service(name).is_ok());
        names.sort_unstable();
        let mut found = Vec::new();
        for names in names.chunks(WINDOW) {
            let asked: Vec<_> = names
                .iter()
                .map(|name| line.children(&self.layout.service(name)))
                .collect();
            for (service, answer) in names.iter().zip(asked) {
                let below = match answer.await {
                    Ok(below) => below.unwrap_or_default(),
                    Err(Fault::Lost(error)) => return Err(error),
                    // What cannot be read offers nothing to us.
                    Err(_) => continue,
                };
                if self.offers(&line, service, below).await? {
                    found.push(service.clone());
                }
            }
        }
        Ok(found)
    }

    /// Whether one of these nodes is an instance of that service.
    async fn offers(
        &self,
        line: &Line,
        service: &str,
        mut names: Vec<String>,
    ) -> Result<bool, Error> {
        names.retain(|name| id_of(name) == Some(name));
        for names in names.chunks(WINDOW) {
            let asked: Vec<_> = names
                .iter()
                .map(|name| line.read(&self.layout.entry(service, name), MAX_RECORD_BYTES))
                .collect();
            let mut offered = false;
            for (name, answer) in names.iter().zip(asked) {
                match answer.await {
                    Ok(Some((json, _))) => {
                        let entry = Entry::read(service, name, &json);
                        offered |= matches!(entry, Ok(Entry::Listed(_)));
                    }
                    Err(Fault::Lost(error)) => return Err(error),
                    Ok(None) | Err(_) => {}
                }
            }
            if offered {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Registry for ZooKeeper {
    fn address(&self) -> &str {
        &self.0.party.address
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        // Every lease has pauses of its own.
        let seed = random::mix(self.0.seed ^ random::seed());
        let nodes = Nodes::new(Arc::clone(&self.0), seed);
        let terms = Terms {
            period: PERIOD,
            seed,
        };
        Lease::keep(self.address(), nodes, records, terms)
    }

    fn watch(&self, service: &str) -> Watch {
        if check_service(service).is_err() {
            // Nothing can be listed under such a name.
            let feed = Feed::new(service);
            let watch = feed.watch();
            feed.publish(Listing::default());
            return watch;
        }
        let view = || {
            let watch = self.0.feeds.watch(service);
            (watch, self.0.feeds.of(service))
        };
        follow::watch(&self.0, self.0.layout.service(service), view, |path| {
            Service::new(service, path, random::mix(self.0.seed))
        })
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(self.0.services())
    }

    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.0.steer(order))
    }

    fn documents(&self) -> Option<&dyn Documents> {
        Some(self)
    }
}
