//! A server at work, and its orderly end.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::connections::Connections;
use super::notice::{Listener, Notice};
use super::report::{Ending, Report};
use super::standing::Standing;
use super::steering::Steerings;
use crate::link::Traffic;
use crate::observe::{Observer, Sample, Source};
use crate::registry::{self, ErrorKind, Instance, Lease};
use crate::service::{Admission, Occupancy};
use crate::signal;
use crate::steering::DocumentState;
use crate::transport::Address;

/// What a registry gets to take a server off its list, and a quarter of the limit at most. One that is down must not hold
/// up a shutdown for longer.
const DEREGISTER: Duration = Duration::from_secs(2);

/// What connections get to end when they are told to end at once. They wait for nobody; only user code that blocks a
/// task could hold them up.
const CLOSE: Duration = Duration::from_millis(100);

/// What the tasks of connections get to end when they are taken away.
const ABORT: Duration = Duration::from_millis(50);

/// A server at work. Dropped without [`Running::shutdown`], it ends at once with everything that it is doing.
#[derive(Debug)]
#[must_use = "a server that is dropped ends"]
pub struct Running {
    /// What is seen of it from outside.
    pub(super) standing: Arc<Standing>,
    pub(super) observer: Observer,
    pub(super) addresses: Vec<Address>,
    pub(super) accepting: Vec<JoinHandle<()>>,
    pub(super) connections: Arc<Connections>,
    pub(super) registries: Vec<registry::Handle>,
    /// In each of them.
    pub(super) leases: Vec<Lease>,
    /// What they list.
    pub(super) instances: Mutex<Vec<Instance>>,
    pub(super) drain_limit: Duration,
    pub(super) propagation: Duration,
    pub(super) listener: Listener,
    pub(super) steerings: Steerings,
    pub(super) admission: Arc<Admission>,
}

impl Running {
    /// Where it listens, with real ports, in the order in which they were given.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.connections.count()
    }

    /// What its connections have done with their transports so far.
    pub fn traffic(&self) -> Traffic {
        self.connections.traffic()
    }

    /// How the calls of each method stand: how many run and wait, how many may, and how many were turned away.
    pub fn occupancy(&self) -> Vec<Occupancy> {
        self.admission.occupancy()
    }

    /// Who is told of its calls.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    /// What it is like now: how far it is, what it offers, its connections.
    pub fn sample(&self) -> Sample {
        self.standing.sample()
    }

    /// What is seen of it from outside.
    #[cfg(feature = "admin")]
    pub(crate) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    /// What has become of the governance documents of every service that it offers: that of all services, and its own.
    pub fn documents(&self) -> Vec<(&'static str, [DocumentState; 2])> {
        self.steerings.states()
    }

    /// Waits until every registry lists what is served, as it was last [updated](Self::update). Waits out every failure
    /// of a registry; at once without one.
    pub async fn listed(&self) {
        for lease in &self.leases {
            // It fails with the runtime only, which then is that of the caller as well.
            let _ = lease.listed().await;
        }
    }

    /// Changes what the registries say of this server while it serves: weight, tags, zone. `change` is called with the
    /// record of each offer, in the order in which they were added; clients see all that it does to a record in one
    /// step. What tells the record from others (id, service, start, contract) stays as it is. Without registries
    /// nothing happens.
    ///
    /// ```
    /// # fn example(running: &callsheet::server::Running) -> Result<(), callsheet::registry::Error> {
    /// running.update(|instance| {
    ///     instance.weight = 10;
    ///     instance.tags.insert("lane".into(), "canary".into());
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A record is not fit for a registry any more; nothing has changed then.
    pub fn update(&self, mut change: impl FnMut(&mut Instance)) -> Result<(), registry::Error> {
        let mut instances = self
            .instances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut changed = instances.clone();
        for (record, before) in changed.iter_mut().zip(&*instances) {
            change(record);
            record.id.clone_from(&before.id);
            record.service.clone_from(&before.service);
            record.started_unix_ms = before.started_unix_ms;
            record.contract = before.contract;
        }
        // The first objects to all that the others would object to.
        for lease in &self.leases {
            lease.update(changed.clone())?;
        }
        *instances = changed;
        Ok(())
    }

    /// Ends the server within its [limit](super::Server::drain_limit), whatever registries, peers and handlers do:
    ///
    /// ```text
    ///   Leaving ──told, and spread──▶ Draining ──last call over──▶ Ended ──▶ report
    ///      │ registries, then time       │ GOAWAY; calls            ▲
    ///      │ for clients to hear         │ in flight go on          │
    ///      └──── limit, or asked again ──┴──▶ Closing ──────────────┘
    ///                                         every call cancelled
    /// ```
    ///
    /// New connections and calls are taken until clients had time to hear that it leaves. Where [`shutdown_signal`] is
    /// waited for, a second signal is what asks again.
    ///
    /// A handler that blocks its thread cannot be stopped: the [report](Report::stuck) counts the connections that it
    /// holds up, and a tokio runtime that is dropped waits for it, so that a program may have to leave by
    /// [`std::process::exit`].
    ///
    /// [`shutdown_signal`]: crate::shutdown_signal
    pub async fn shutdown(self) -> Report {
        self.shutdown_unless(signal::insisted()).await
    }

    /// The same; ends at once when `at_once` does, in the place of a second signal.
    pub async fn shutdown_unless(mut self, at_once: impl Future) -> Report {
        self.standing.leaves();
        let start = Instant::now();
        let deadline = start + self.drain_limit;
        let connections = self.connections.count();
        let ending = tokio::select! {
            biased;
            () = self.leave(deadline) => Ending::Drained,
            _ = at_once => Ending::AtOnce,
            () = sleep_until(deadline) => Ending::Limit,
        };
        for accepting in self.accepting.drain(..) {
            accepting.abort();
        }
        let mut stuck = 0;
        if ending != Ending::Drained {
            self.connections.close();
            if timeout(CLOSE, self.connections.ended()).await.is_err() {
                self.connections.abort();
                if timeout(ABORT, self.connections.ended()).await.is_err() {
                    stuck = self.connections.count();
                }
            }
        }
        let tally = self.connections.tally();
        Report {
            ending,
            drained: tally.drained,
            cancelled: tally.cancelled,
            refused: tally.refused,
            connections,
            stuck,
            duration: start.elapsed(),
        }
    }

    /// All that is orderly, as long as it takes.
    async fn leave(&mut self, deadline: Instant) {
        if !self.leases.is_empty() {
            self.deregister(deadline).await;
            // Who has not heard then is told by GOAWAY.
            let left = deadline.saturating_duration_since(Instant::now());
            sleep(self.propagation.min(left / 2)).await;
        }
        // Gives the addresses back.
        for accepting in self.accepting.drain(..) {
            accepting.abort();
            // It ends with the abort; its listener has gone then.
            let _ = accepting.await;
        }
        self.connections.drain();
        self.connections.ended().await;
    }

    async fn deregister(&mut self, deadline: Instant) {
        let wait = DEREGISTER.min(self.drain_limit / 4);
        let until = deadline.min(Instant::now() + wait);
        // In tasks of their own: a registry may be told even if nobody waits for its answer.
        let leases: Vec<_> = self
            .leases
            .drain(..)
            .map(|lease| tokio::spawn(timeout(DEREGISTER, lease.deregister())))
            .collect();
        for (lease, registry) in leases.into_iter().zip(&self.registries) {
            let error = match timeout_at(until, lease).await {
                Ok(Ok(Ok(Err(error)))) => error,
                Err(_) | Ok(Ok(Err(_))) => registry::Error::new(
                    ErrorKind::Unavailable,
                    registry.address(),
                    format!("no answer within {wait:?}"),
                ),
                Ok(_) => continue,
            };
            self.listener.tell(|| Notice::NotDelisted { error });
        }
    }
}

#[cfg(feature = "testing")]
impl Running {
    /// Ends as a crash does: registries are told nothing.
    pub(crate) fn crash(mut self) {
        self.leases.drain(..).for_each(Lease::abandon);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.standing.ends();
        for accepting in &self.accepting {
            accepting.abort();
        }
        self.connections.close();
    }
}
