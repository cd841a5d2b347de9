//! `redis:`: a Redis server, version 6 or later.
//!
//! The truth is in keys that run out unless their owners renew them, in lists of these keys by the time at which they run
//! out, and in a version per service that changes with each change; publications are hints that make readers look at once.
//! Every change is one script, so that a reader sees all of it or nothing; times are the server's own. What lies where is
//! in `keys`, what a reader makes of it in `book`.

mod book;
mod conn;
mod dial;
mod documents;
mod fault;
mod keep;
mod keys;
mod poll;
mod reader;
mod reply;
mod script;

use std::sync::Arc;
use std::time::Duration;

use redis::{Pipeline, Value, cmd};
use tokio::time::Instant;

use super::entry::Entry;
use super::instance::{Instance, MAX_INSTANCES, check_service};
use super::lease::{Lease, Terms};
use super::poller::Poller;
use super::snapshot::Listing;
use super::watch::{Feed, Watch};
use super::{BoxFuture, Documents, Error, ErrorKind, Override, Registry, override_key};
use crate::random;
use conn::{Call, Conn};
use dial::Dialer;
use fault::Fault;
use keep::Records;
use keys::Keys;
use reply::Reply as _;
use script::Script;

/// For how long the connection of single requests is taken for good without asking.
const FRESH: Duration = Duration::from_secs(1);

/// A registry in Redis. Clones share its connections: one for what is watched, one for single requests, one per lease.
#[derive(Clone, Debug)]
pub struct Redis(Arc<Shared>);

struct Shared {
    dialer: Dialer,
    keys: Keys,
    poller: Poller,
    /// The connection of single requests, and when it last served.
    requests: tokio::sync::Mutex<Option<(Conn, Instant)>>,
    seed: u64,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("dialer", &self.dialer)
            .finish_non_exhaustive()
    }
}

impl Redis {
    /// The registry at `redis://user:password@host:6379,host:6379/namespace?db=0`, or `redis+tls://`.
    ///
    /// # Errors
    /// The address is wrong, or a server answers and cannot be used or lets us not in. That no server answers is none:
    /// views and leases say so, and go on trying.
    pub async fn open(address: &str) -> Result<Self, Error> {
        Self::open_seeded(address, random::seed()).await
    }

    /// The same with jitter that `seed` decides.
    pub async fn open_seeded(address: &str, seed: u64) -> Result<Self, Error> {
        let dialer = Dialer::parse(address)?;
        let poller = Poller::new(dialer.address())?;
        let requests = match dialer.dial().await {
            Ok(conn) => Some((conn, Instant::now())),
            Err(error) if error.kind() == ErrorKind::Unavailable => None,
            Err(error) => return Err(error),
        };
        let keys = Keys::new(dialer.namespace());
        Ok(Self(Arc::new(Shared {
            dialer,
            keys,
            poller,
            requests: tokio::sync::Mutex::new(requests),
            seed,
        })))
    }
}

impl Shared {
    /// Runs a script for a single request.
    async fn ask(&self, script: &'static Script, call: Call) -> Result<Value, Error> {
        let mut requests = self.requests.lock().await;
        let mut conn = self.request(requests.take()).await?;
        let mut reply = conn.run_one(script, call.clone()).await;
        if reply.as_ref().is_err_and(Fault::is_demoted) {
            conn = self.dialer.dial().await?;
            reply = conn.run_one(script, call).await;
        }
        let reply = reply.map_err(|fault| self.dialer.error(fault))?;
        *requests = Some((conn, Instant::now()));
        Ok(reply)
    }

    /// Which of these keys hold anything.
    async fn are_there(&self, keys: &[String]) -> Result<Vec<bool>, Error> {
        let mut requests = self.requests.lock().await;
        let mut conn = self.request(requests.take()).await?;
        let mut commands = Pipeline::with_capacity(keys.len());
        for key in keys {
            commands.cmd("EXISTS").arg(key);
        }
        let replies = conn.ask(&commands).await;
        let replies = replies.map_err(|fault| self.dialer.error(fault))?;
        *requests = Some((conn, Instant::now()));
        Ok(replies
            .iter()
            .map(|reply| reply.number() == Some(1))
            .collect())
    }

    /// The connection that is there, if the server still knows it, or another.
    async fn request(&self, kept: Option<(Conn, Instant)>) -> Result<Conn, Error> {
        if let Some((mut conn, served)) = kept {
            let fresh = Instant::now() - served < FRESH;
            if fresh || conn.ask_one(&cmd("PING")).await.is_ok() {
                return Ok(conn);
            }
        }
        self.dialer.dial().await
    }

    async fn listed_services(&self) -> Result<Vec<String>, Error> {
        let call = Call::new(vec![self.keys.services()])
            .with_number(&MAX_INSTANCES)
            .with_number(&reader::MAX_NAME);
        let reply = self.ask(&script::SERVICES, call).await?;
        let names = reply
            .list()
            .unwrap_or_default()
            .iter()
            .filter_map(Value::text);
        let mut names: Vec<String> = names
            .filter(|name| check_service(name).is_ok())
            .map(str::to_owned)
            .collect();
        names.sort();
        Ok(names)
    }

    async fn put_override(&self, order: Override) -> Result<(), Error> {
        let (service, key) = (order.service.clone(), override_key(&order.id));
        let empty = order.is_empty();
        let json = Entry::Override(order).to_json().map_err(|error| {
            Error::new(ErrorKind::Record, self.dialer.address(), error.to_string())
        })?;
        let keys = vec![
            self.keys.entry(&service, &key),
            self.keys.marks(&service),
            self.keys.version(&service),
        ];
        let call = Call::new(keys)
            .with(if empty { Vec::new() } else { json })
            .with(key)
            .with(self.keys.channel(&service));
        self.ask(&script::STEER, call).await.map(drop)
    }
}

impl Registry for Redis {
    fn address(&self) -> &str {
        self.0.dialer.address()
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        let terms = Terms {
            period: keep::PERIOD,
            seed: self.0.seed,
        };
        Lease::keep(
            self.address(),
            Records::new(Arc::clone(&self.0)),
            records,
            terms,
        )
    }

    fn watch(&self, service: &str) -> Watch {
        if check_service(service).is_err() {
            // Nothing can be listed under such a name.
            let feed = Feed::new(service);
            let watch = feed.watch();
            feed.publish(Listing::default());
            return watch;
        }
        let poll = || poll::poll(Arc::clone(&self.0));
        self.0.poller.watch(service, poll)
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(self.0.listed_services())
    }

    fn steer(&self, order: Override) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.0.put_override(order))
    }

    fn documents(&self) -> Option<&dyn Documents> {
        Some(self)
    }
}
