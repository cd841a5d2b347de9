//! `etcd:`: a registry in the key-value store of that name, by its public API (v3), as servers from 3.4 on speak it.
//!
//! The messages are our own, over a bare HTTP/2 connection (`docs/adr` says why). One connection serves everything: calls,
//! one watch stream per watched service or document. Each watcher lists, then follows every change from the revision of
//! its list, and lists again on any doubt. Records lie under one lease of etcd's per registration.

mod api;
mod cluster;
mod connection;
mod documents;
mod fault;
mod follow;
mod grpc;
mod keep;
mod keys;
mod list;
mod refusal;
mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime;
use tokio::time::timeout;

use super::lease::{Lease, Terms};
use super::tls::{self, Tls};
use super::{
    BoxFuture, Documents, Entry, Error, ErrorKind, Feed, Instance, Listing, Locator, Override,
    Registry, Snapshot, Watch, override_key,
};
use crate::random;
use api::{Range, Step, Txn, Unchanged};
use cluster::{Cluster, Login};
use follow::Follows;
use keep::{Leased, PERIOD};
use keys::Keys;
use list::{Part, list};
use table::{KeySet, ServiceNames, ServiceTable};

/// Where etcd listens unless it is told otherwise.
const PORT: u16 = 2379;

/// How long opening waits for an answer, to tell at once what will not work: a registry that does not answer in this time
/// is tried in the background, and must not hold up a start.
const PROBE: Duration = Duration::from_secs(1);

/// How many overrides of the dead are cleared away at once: each takes a comparison and a step.
const CLEARED: usize = 100;

/// A registry in etcd. Clones share one connection.
#[derive(Clone)]
pub struct Etcd(Arc<Shared>);

struct Shared {
    cluster: Arc<Cluster>,
    keys: Keys,
    services: Arc<Follows<Snapshot>>,
    documents: Arc<Follows<super::DocumentView>>,
    /// Where views are fed that are asked for outside of a runtime.
    runtime: runtime::Handle,
    seed: u64,
}

impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Etcd").field(&self.address()).finish()
    }
}

impl Etcd {
    /// The registry at `etcd://[user:password@]host[:port][,host[:port]…][/namespace]`, or `etcd+tls://…?ca=FILE` with
    /// `&cert=FILE&key=FILE` where etcd wants to know its clients (all PEM).
    ///
    /// # Errors
    /// An address that is wrong; files that cannot be used; an etcd that answers and lets us not in. One that does not
    /// answer is no error: it is tried until it does.
    pub async fn open(address: &str) -> Result<Self, Error> {
        let locator = Locator::parse(address, PORT, &tls::OPTIONS)?;
        let runtime = runtime::Handle::try_current().map_err(|error| {
            let message = "opening it needs a tokio runtime: call it from an async function";
            Error::caused_by(ErrorKind::Unsupported, locator.to_string(), message, error)
        })?;
        let keys = Keys::new(locator.namespace());
        let seed = random::seed();
        let cluster = Arc::new(Cluster::new(
            locator.to_string(),
            keys.root().to_owned(),
            locator.endpoints().to_vec(),
            Tls::of(&locator, &[b"h2"])?,
            login(&locator)?,
            seed,
        ));
        let etcd = Self(Arc::new(Shared {
            cluster,
            keys,
            services: Arc::default(),
            documents: Arc::default(),
            runtime,
            seed,
        }));
        match timeout(PROBE, etcd.0.probe()).await {
            Ok(Err(error)) if error.kind() == ErrorKind::Denied => Err(error),
            _ => Ok(etcd),
        }
    }
}

fn login(locator: &Locator) -> Result<Option<Login>, Error> {
    match (locator.user(), locator.password()) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) => Ok(Some(Login {
            user: user.to_owned(),
            password: password.to_owned(),
        })),
        _ => {
            let what = "a user and a password belong together: write `user:password@`";
            Err(Error::new(ErrorKind::Address, locator.to_string(), what))
        }
    }
}

impl Registry for Etcd {
    fn address(&self) -> &str {
        self.0.cluster.address()
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        let leased = Leased::new(Arc::clone(&self.0.cluster), self.0.keys.clone());
        let terms = Terms {
            period: PERIOD,
            seed: self.0.seed,
        };
        Lease::keep(self.address(), leased, records, terms)
    }

    fn watch(&self, service: &str) -> Watch {
        let Some(span) = self.0.keys.service(service) else {
            // Nothing can be listed under such a name.
            let feed = Feed::new(service);
            let watch = feed.watch();
            feed.publish(Listing::default());
            return watch;
        };
        let table = ServiceTable::new(service, span.start.len());
        let follows = &self.0.services;
        follows.watch(&self.0.cluster, &self.0.runtime, service, (span, table))
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(async {
            let shared = &self.0;
            let mut names = ServiceNames::new(shared.keys.clone());
            let span = shared.keys.services();
            let listed = list(&shared.cluster, &span, Part::Whole, &mut names).await;
            listed.map_err(|fault| shared.cluster.error(fault))?;
            Ok(names.into_names())
        })
    }

    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.0.steer(order).await })
    }

    fn documents(&self) -> Option<&dyn Documents> {
        Some(self)
    }
}

impl Shared {
    /// Whether we may read what we will read.
    async fn probe(&self) -> Result<(), Error> {
        let span = self.keys.services();
        let request = Range {
            key: span.start,
            end: span.end,
            limit: 1,
            keys_only: true,
            ..Range::default()
        };
        let answer = self.cluster.call(&request).await;
        answer.map(drop).map_err(|fault| self.cluster.error(fault))
    }

    async fn steer(&self, order: Override) -> Result<(), Error> {
        let address = self.cluster.address();
        let told = |fault| self.cluster.error(fault);
        let service = order.service.clone();
        let empty = order.is_empty();
        let entry = Entry::Override(order);
        let json = entry
            .to_json()
            .map_err(|error| Error::new(ErrorKind::Record, address, error.to_string()))?;
        let Some(span) = self.keys.service(&service) else {
            return Ok(());
        };
        let mut there = KeySet::default();
        let listed = list(&self.cluster, &span, Part::Keys, &mut there);
        listed.await.map_err(told)?;
        let place = self.keys.entry(&entry);
        let alone = |order: &[u8]| {
            let suffix = override_key("");
            let owner = order.strip_suffix(suffix.as_bytes());
            owner
                .filter(|owner| !there.0.contains(*owner))
                .map(<[u8]>::to_vec)
        };
        if empty || alone(&place).is_none() {
            let step = if empty {
                Step::delete(place)
            } else {
                Step::put(place, json, 0)
            };
            let change = Txn {
                compare: Vec::new(),
                success: vec![step],
            };
            self.cluster.call(&change).await.map_err(told)?;
        }
        let (owners, orders): (Vec<_>, Vec<_>) = there
            .0
            .iter()
            .filter_map(|key| alone(key).map(|owner| (owner, key.clone())))
            .take(CLEARED)
            .unzip();
        if !orders.is_empty() {
            let compare = owners.into_iter().map(|owner| Unchanged::since(0, owner));
            let clear = Txn {
                compare: compare.collect(),
                success: orders.into_iter().map(Step::delete).collect(),
            };
            // Where one of the owners is back meanwhile, or this fails, they are cleared away another time.
            drop(self.cluster.call(&clear).await);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
