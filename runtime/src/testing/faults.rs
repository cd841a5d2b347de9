//! Faults that a test makes: calls that are slow, fail, are never answered or lose their connection.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::wire::Gate;
use crate::filter::{Call, Filter, Next, Reply};
use crate::random::{self, Random};
use crate::status::{Code, Status};

/// What goes wrong, with which calls, and with how many of them.
///
/// ```
/// use std::time::Duration;
/// use callsheet::Code;
/// use callsheet::testing::{Fault, Faults};
///
/// let faults = Faults::new(7);
/// // One call of `get` in ten takes 200 ms longer on instance 1, and every third fails wherever it goes.
/// let slow = faults.add(Fault::latency(Duration::from_millis(200)).method("get").instance("1").share(0.1));
/// faults.add(Fault::code(Code::Unavailable).method("get").share(1.0 / 3.0));
/// // Better again.
/// faults.remove(slow);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault happens once it is added to `Faults`"]
pub struct Fault {
    kind: Kind,
    service: Option<String>,
    method: Option<String>,
    instance: Option<String>,
    share: f64,
    times: Option<u64>,
    after: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    /// So much longer, and up to so much more.
    Latency(Duration, Duration),
    Failure(Box<Status>),
    Silence,
    Reset,
}

impl Fault {
    fn of(kind: Kind) -> Self {
        Self {
            kind,
            service: None,
            method: None,
            instance: None,
            share: 1.0,
            times: None,
            after: false,
        }
    }

    /// The call takes this much longer.
    pub fn latency(delay: Duration) -> Self {
        Self::of(Kind::Latency(delay, Duration::ZERO))
    }

    /// The call takes at least `from` and less than `to` longer.
    pub fn latency_between(from: Duration, to: Duration) -> Self {
        Self::of(Kind::Latency(from, to.saturating_sub(from)))
    }

    /// The call fails with this code.
    pub fn code(code: Code) -> Self {
        Self::status(Status::new(code, "a fault of the test"))
    }

    /// The call fails with this status, as if its handler had answered so. Say [`Status::not_started`] of one that is to look
    /// as if no handler had seen the call.
    pub fn status(status: Status) -> Self {
        Self::of(Kind::Failure(Box::new(status)))
    }

    /// The call is never answered: only its deadline ends it.
    pub fn silence() -> Self {
        Self::of(Kind::Silence)
    }

    /// The connection that the call came on breaks, with all calls on it. Where there is no connection to break, outside of a
    /// [`Cluster`](super::Cluster), the one call ends as if it had.
    pub fn reset() -> Self {
        Self::of(Kind::Reset)
    }

    /// Only with calls of this service, by its full name.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// Only with calls of this method, by the name that it has in the contract.
    pub fn method(mut self, name: impl Into<String>) -> Self {
        self.method = Some(name.into());
        self
    }

    /// Only with calls that reach this instance: the [name](super::Cluster::name) of a member of a cluster, or what was given to
    /// [`Faults::at`].
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Only with this part of the calls, chosen by chance: 0.1 is every tenth.
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Only this many times; then no more.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// When the handler has run: its answer is late or lost, and what it did is done.
    pub fn after_handler(mut self) -> Self {
        self.after = true;
        self
    }

    fn concerns(&self, call: &Call, instance: Option<&str>) -> bool {
        let fits =
            |wanted: &Option<String>, is: Option<&str>| wanted.is_none() || wanted.as_deref() == is;
        fits(&self.service, Some(call.service().name))
            && fits(&self.method, Some(call.method().name))
            && fits(&self.instance, instance)
    }
}

/// Names a fault that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FaultId(u64);

/// The faults of a test. Cheap to clone; what is added or removed counts for the next call.
///
/// It is a [`Filter`]: with `Server::filter(faults.at("a"))` calls go wrong where they arrive, so that clients meet what they
/// would meet in earnest; with `ClientBuilder::filter(faults.clone())` they go wrong before they leave, for tests without a
/// server. A [`Cluster`](super::Cluster) has its own.
#[derive(Clone, Debug)]
pub struct Faults(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    seed: u64,
    next: AtomicU64,
    active: Mutex<Vec<Active>>,
}

#[derive(Debug)]
struct Active {
    id: FaultId,
    fault: Arc<Fault>,
    /// Decides which calls, and how late they are.
    chance: Random,
    struck: u64,
}

impl Faults {
    /// None yet. What is left to chance, `seed` decides.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Shared {
            seed,
            next: AtomicU64::new(0),
            active: Mutex::default(),
        }))
    }

    /// From now on this goes wrong as well.
    pub fn add(&self, fault: Fault) -> FaultId {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let active = Active {
            id: FaultId(id),
            fault: Arc::new(fault),
            chance: Random::new(random::mix(self.0.seed ^ random::mix(id))),
            struck: 0,
        };
        self.active().push(active);
        FaultId(id)
    }

    /// This goes wrong no more. Calls that it has struck stay struck.
    pub fn remove(&self, id: FaultId) {
        self.active().retain(|active| active.id != id);
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.active().clear();
    }

    /// How many calls a fault has struck; 0 of one that was removed.
    pub fn struck(&self, id: FaultId) -> u64 {
        let active = self.active();
        let found = active.iter().find(|active| active.id == id);
        found.map_or(0, |active| active.struck)
    }

    /// The same faults as a filter of this instance, for servers outside of a cluster.
    pub fn at(&self, instance: impl Into<String>) -> impl Filter {
        At {
            faults: self.clone(),
            instance: Some(instance.into()),
            gate: None,
        }
    }

    /// The same as a filter of an instance whose connections can be broken.
    pub(super) fn behind(&self, instance: &str, gate: Gate) -> impl Filter {
        At {
            faults: self.clone(),
            instance: Some(instance.into()),
            gate: Some(gate),
        }
    }

    fn active(&self) -> MutexGuard<'_, Vec<Active>> {
        // No statement that holds the lock leaves it half done.
        self.0.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What strikes this call, in the order in which it was added, before the handler or after it.
    fn strikes(&self, call: &Call, instance: Option<&str>) -> Vec<(Arc<Fault>, Duration)> {
        let mut struck = Vec::new();
        for active in &mut *self.active() {
            let fault = &active.fault;
            let spent = fault.times.is_some_and(|times| active.struck >= times);
            if spent || !fault.concerns(call, instance) || active.chance.unit() >= fault.share {
                continue;
            }
            let delay = match fault.kind {
                Kind::Latency(least, more) => least + more.mul_f64(active.chance.unit()),
                _ => Duration::ZERO,
            };
            active.struck += 1;
            struck.push((Arc::clone(fault), delay));
        }
        struck
    }
}

impl Filter for Faults {
    async fn call(&self, call: Call, next: Next) -> Result<Reply, Status> {
        run(self, None, None, call, next).await
    }
}

struct At {
    faults: Faults,
    instance: Option<String>,
    gate: Option<Gate>,
}

impl Filter for At {
    async fn call(&self, call: Call, next: Next) -> Result<Reply, Status> {
        let instance = self.instance.as_deref();
        run(&self.faults, instance, self.gate.as_ref(), call, next).await
    }
}

async fn run(
    faults: &Faults,
    instance: Option<&str>,
    gate: Option<&Gate>,
    call: Call,
    next: Next,
) -> Result<Reply, Status> {
    let strikes = faults.strikes(&call, instance);
    if strikes.is_empty() {
        return next.run(call).await;
    }
    let peer = call.peer().map(str::to_owned);
    let peer = peer.as_deref();
    for (fault, delay) in strikes.iter().filter(|(fault, _)| !fault.after) {
        strike(fault, *delay, peer, gate).await?;
    }
    let answer = next.run(call).await;
    for (fault, delay) in strikes.iter().filter(|(fault, _)| fault.after) {
        strike(fault, *delay, peer, gate).await?;
    }
    answer
}

async fn strike(
    fault: &Fault,
    delay: Duration,
    peer: Option<&str>,
    gate: Option<&Gate>,
) -> Result<(), Status> {
    match &fault.kind {
        Kind::Latency(..) => {
            tokio::time::sleep(delay).await;
            Ok(())
        }
        Kind::Failure(status) => Err(Status::clone(status)),
        Kind::Silence => std::future::pending().await,
        Kind::Reset => match gate {
            Some(gate) => {
                gate.cut_line(peer);
                // The connection takes the call along.
                std::future::pending().await
            }
            None => Err(Status::unavailable("the connection was lost")),
        },
    }
}

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {}", self.0)
    }
}
