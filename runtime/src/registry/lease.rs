//! A registration that is kept: made, renewed, re-made for ever after a loss, and ended.
//!
//! The loop is the same for every back end; a [`Registrar`] does what differs. Knows no back end.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::entry::Entry;
use super::error::{Error, ErrorKind};
use super::instance::Instance;
use crate::backoff::Backoff;
use crate::random::Random;

/// The first pause after a failed registration: most failures are a restart of the registry, over in a moment.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest pause: a server is listed again within about 2 s of the registry's return, and a registry that is down
/// sees at most one try per second and server.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often a lease asks whether it is listed, give or take a quarter: what somebody else did to its records is put right
/// within this, for one read per record.
pub const AUDIT: Duration = Duration::from_secs(30);

/// What a back end does for one lease. Calls never overlap and are never cut short, so each must end by itself within
/// seconds.
pub trait Registrar: Send + 'static {
    /// Lists every record as one's own, over whatever stands in its place. Called again after each failure and each
    /// change, so it must not mind records that are listed already.
    fn publish(&mut self, records: &[Instance]) -> impl Future<Output = Result<(), Error>> + Send;

    /// Renews every record. An error makes the lease lost until [`Registrar::publish`] succeeds.
    fn renew(&mut self, records: &[Instance]) -> impl Future<Output = Result<(), Error>> + Send;

    /// Is every record listed, and as ours? Puts right what somebody else has removed or changed. Called every
    /// [`AUDIT`]; a back end that sees that whenever it renews has nothing to do here. An error counts as one of
    /// [`Registrar::renew`].
    fn audit(&mut self, records: &[Instance]) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = records;
        async { Ok(()) }
    }

    /// Takes records off the list and leaves tombstones.
    fn withdraw(&mut self, records: &[Instance]) -> impl Future<Output = Result<(), Error>> + Send;
}

/// How a lease is kept.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How often it is renewed: a third of the time after which readers give an instance up.
    pub period: Duration,
    /// Decides the jitter of the pauses.
    pub seed: u64,
}

/// How a registration stands.
///
/// ```text
/// Registering ──ok──▶ Listed ──error──▶ Lost ──ok──▶ Listed
///      └─────error──────────────────────▲
/// any ──update──▶ Registering
/// any ──deregister, drop, end of the runtime──▶ Left
/// ```
#[derive(Clone, Debug)]
pub enum LeaseState {
    /// The first try is on its way.
    Registering,
    /// The registry lists the records.
    Listed,
    /// The registry failed; it is tried again until it works.
    Lost(Error),
    /// The lease is at its end.
    Left,
}

enum Command {
    Update(Vec<Instance>),
    Deregister(oneshot::Sender<Result<(), Error>>),
}

/// A registration. Lasts until it is ended or dropped, whatever happens to the registry.
///
/// Dropping it takes the records off the list in the background, which a process that ends at once may not live to
/// see: [`Lease::deregister`] waits for it.
#[derive(Debug)]
pub struct Lease {
    commands: mpsc::UnboundedSender<Command>,
    state: Arc<watch::Sender<LeaseState>>,
    registry: String,
    #[cfg(feature = "testing")]
    keeper: tokio::task::AbortHandle,
}

impl Lease {
    /// Keeps `records` listed through `registrar` on the tokio runtime of the caller; `registry` is its address
    /// without secrets. The records are checked here, so that a bad one fails at once and not in the background.
    pub fn keep<R: Registrar>(
        registry: &str,
        registrar: R,
        records: Vec<Instance>,
        terms: Terms,
    ) -> Result<Self, Error> {
        check(registry, &records)?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|error| {
            Error::caused_by(
                ErrorKind::Unsupported,
                registry,
                "registering needs a tokio runtime: call it from an async function",
                error,
            )
        })?;
        let (commands, orders) = mpsc::unbounded_channel();
        let state = Arc::new(watch::Sender::new(LeaseState::Registering));
        let keeper = Keeper {
            registrar,
            records,
            leaving: Vec::new(),
            orders,
            says: Arc::clone(&state),
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, terms.seed),
            period: terms.period,
            chance: Random::new(terms.seed),
            audit: Instant::now() + AUDIT,
        };
        let keeper = runtime.spawn(keeper.run());
        #[cfg(not(feature = "testing"))]
        drop(keeper);
        Ok(Self {
            commands,
            state,
            registry: registry.into(),
            #[cfg(feature = "testing")]
            keeper: keeper.abort_handle(),
        })
    }

    /// How it stands now.
    pub fn state(&self) -> LeaseState {
        self.state.borrow().clone()
    }

    /// How it stands, also when the lease itself has gone.
    pub(crate) fn states(&self) -> watch::Receiver<LeaseState> {
        self.state.subscribe()
    }

    /// Waits until the records are listed. Waits out every failure: give it a timeout where that matters, and look at
    /// [`Lease::state`] for the reason.
    ///
    /// # Errors
    /// The lease is at its end, because its tokio runtime is.
    pub async fn listed(&self) -> Result<(), Error> {
        let state = self.wait(|state| matches!(state, LeaseState::Listed | LeaseState::Left));
        match state.await {
            LeaseState::Listed => Ok(()),
            _ => Err(self.ended()),
        }
    }

    /// Waits until the newest records have been tried: gives [`LeaseState::Listed`], or the failure.
    pub async fn tried(&self) -> LeaseState {
        self.wait(|state| !matches!(state, LeaseState::Registering))
            .await
    }

    async fn wait(&self, wanted: impl FnMut(&LeaseState) -> bool) -> LeaseState {
        let mut states = self.state.subscribe();
        // The sender is ours, so that waiting cannot fail.
        let state = states.wait_for(wanted).await;
        state.map_or(LeaseState::Left, |state| state.clone())
    }

    /// Lists `records` from now on: changed ones are changed in one step for the watchers, new ones join, and those
    /// that are not among them leave with a tombstone.
    pub fn update(&self, records: Vec<Instance>) -> Result<(), Error> {
        check(&self.registry, &records)?;
        self.state.send_if_modified(|state| {
            let listed = matches!(state, LeaseState::Listed);
            if listed {
                *state = LeaseState::Registering;
            }
            listed
        });
        self.commands
            .send(Command::Update(records))
            .map_err(|_| self.ended())
    }

    /// Takes the records off the list, leaving tombstones, and waits until that is done. If it fails the entries run
    /// out by themselves.
    pub async fn deregister(self) -> Result<(), Error> {
        let (done, result) = oneshot::channel();
        self.commands
            .send(Command::Deregister(done))
            .map_err(|_| self.ended())?;
        result.await.map_err(|_| self.ended())?
    }

    /// Ends it as the end of its process does: nobody renews it, and nobody says that it leaves.
    #[cfg(feature = "testing")]
    pub(crate) fn abandon(self) {
        self.keeper.abort();
    }

    fn ended(&self) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            &self.registry,
            "the tokio runtime that kept the registration is gone",
        )
    }
}

fn check(registry: &str, records: &[Instance]) -> Result<(), Error> {
    let mut seen = HashSet::with_capacity(records.len());
    for record in records {
        Entry::Listed(record.clone()).to_json().map_err(|error| {
            Error::new(
                ErrorKind::Record,
                registry,
                format!("instance of {}: {error}", record.service),
            )
        })?;
        if !seen.insert(place(record)) {
            return Err(Error::new(
                ErrorKind::Record,
                registry,
                format!(
                    "{} is offered twice as `{}`: give each its own id",
                    record.service, record.id
                ),
            ));
        }
    }
    Ok(())
}

/// What no two records share.
fn place(record: &Instance) -> (&str, &str) {
    (&record.service, &record.id)
}

struct Keeper<R> {
    registrar: R,
    records: Vec<Instance>,
    /// Records that an update removed and that are not withdrawn yet.
    leaving: Vec<Instance>,
    orders: mpsc::UnboundedReceiver<Command>,
    says: Arc<watch::Sender<LeaseState>>,
    backoff: Backoff,
    period: Duration,
    chance: Random,
    /// When to ask whether it is listed.
    audit: Instant,
}

impl<R> Drop for Keeper<R> {
    fn drop(&mut self) {
        self.says.send_replace(LeaseState::Left);
    }
}

impl<R: Registrar> Keeper<R> {
    async fn run(mut self) {
        loop {
            let next = self.step().await;
            let order = tokio::select! {
                order = self.orders.recv() => order,
                () = sleep_until(next) => continue,
            };
            match order {
                Some(Command::Update(records)) => {
                    if let Some(done) = self.update(records) {
                        // The caller may have stopped waiting; the records are withdrawn all the same.
                        drop(done.send(self.withdraw_all().await));
                        return;
                    }
                }
                Some(Command::Deregister(done)) => {
                    drop(done.send(self.withdraw_all().await));
                    return;
                }
                None => {
                    // Nobody is left to tell.
                    drop(self.withdraw_all().await);
                    return;
                }
            }
        }
    }

    /// Several updates in a row are one change; a wish to deregister behind them is given back.
    fn update(&mut self, records: Vec<Instance>) -> Option<oneshot::Sender<Result<(), Error>>> {
        self.replace(records);
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Command::Update(records) => self.replace(records),
                Command::Deregister(done) => return Some(done),
            }
        }
        None
    }

    fn replace(&mut self, records: Vec<Instance>) {
        let before = std::mem::replace(&mut self.records, records);
        self.leaving.extend(before);
        let kept: HashSet<_> = self.records.iter().map(place).collect();
        self.leaving.retain(|old| !kept.contains(&place(old)));
        self.says.send_replace(LeaseState::Registering);
    }

    /// One call to the registry; gives the time of the next.
    async fn step(&mut self) -> Instant {
        let listed = matches!(*self.says.borrow(), LeaseState::Listed);
        let mut result = if listed {
            self.renew().await
        } else {
            self.registrar.publish(&self.records).await
        };
        if result.is_ok() && !self.leaving.is_empty() {
            result = self.registrar.withdraw(&self.leaving).await;
        }
        match result {
            Ok(()) => {
                self.leaving.clear();
                self.backoff.reset();
                // An update that waits is not listed yet.
                if !listed && self.orders.is_empty() {
                    self.says.send_replace(LeaseState::Listed);
                }
                Instant::now() + self.period
            }
            Err(error) => {
                self.says.send_replace(LeaseState::Lost(error));
                Instant::now() + self.backoff.pause()
            }
        }
    }

    async fn renew(&mut self) -> Result<(), Error> {
        self.registrar.renew(&self.records).await?;
        if Instant::now() >= self.audit {
            self.registrar.audit(&self.records).await?;
            self.audit = Instant::now() + AUDIT.mul_f64(0.75 + self.chance.unit() / 2.0);
        }
        Ok(())
    }

    async fn withdraw_all(&mut self) -> Result<(), Error> {
        let mut all = std::mem::take(&mut self.records);
        all.append(&mut self.leaving);
        self.registrar.withdraw(&all).await
    }
}

#[cfg(test)]
mod tests;
