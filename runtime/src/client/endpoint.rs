//! A server as a client knows it: its connections, opened when they are needed, and whether it is worth asking.
//!
//! ```text
//!            needed                 up                    closed, or draining
//!   Idle ─────────────▶ Opening ──────────▶ Up ─────────────────────────────▶ Idle
//!    ▲                     │ failed
//!    └──────────── pause ◀─┘            the pause doubles from failure to failure, with jitter
//! ```
//!
//! A server without a way to it is tried again in the background until it has one or is listed no more: nobody would ask
//! it while others can be asked. One whose connections are silent is asked last, and loses nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::pool::Settings;
use crate::backoff::Backoff;
use crate::balance::{Load, Standing};
use crate::link::{Change, Link};
use crate::observe::{EndpointSample, Kept};
use crate::status::{Phase, Status};
use crate::transport::Address;

/// The first pause behind a failed attempt to connect: a restarting server is back within a few.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause: a server that comes back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How far apart the attempts in the background are at least, all servers taken together: a thousand servers without a connection are
/// tried every [`LONGEST_PAUSE`], and ten thousand, which a registry gone mad may list, take a client no core.
const APART: Duration = Duration::from_millis(2);

/// Calls in flight on every open connection from which another one is opened: as many share a write well, and the tasks of
/// further connections share the work (`cargo xtask bench peers` shows both).
const SPREAD: usize = 16;

/// From here on an attempt to connect is late, and calls are sent elsewhere where they can be. 300 ms: a round trip around the
/// world, and a packet that is sent again.
pub(super) const LATE: Duration = Duration::from_millis(300);

/// How long a server may take to answer a PING before it is asked by another connection: far longer than a way through
/// the network.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// A server, and the connections to it.
#[derive(Debug)]
pub(super) struct Endpoint {
    address: Address,
    text: Arc<str>,
    settings: Settings,
    runtime: Handle,
    /// The connections of `slots` that are up, where a call finds them without a lock.
    up: ArcSwap<Vec<Link>>,
    /// Which of them took the last call.
    last: AtomicUsize,
    slots: Mutex<Slots>,
    /// Ends the pauses.
    hurry: Notify,
    /// What observers keep beside it.
    pub(super) kept: Kept,
}

#[derive(Debug)]
struct Slots {
    list: Vec<Slot>,
    pauses: Backoff,
    /// Before this no attempt is made.
    not_before: Option<Instant>,
    /// When the last connection came about.
    up: Option<Instant>,
    /// The last connection was lost, or the last attempt failed.
    down: bool,
    /// An attempt takes long.
    late: bool,
    /// A task sees that there will be a connection.
    mending: bool,
    /// No service lists it any more.
    retired: bool,
    /// When what listens there started, by its own clock.
    started: u64,
    /// What balancers know of the instances that answer here: one per service.
    loads: Vec<Weak<Load>>,
}

/// Room for one connection.
#[derive(Debug)]
enum Slot {
    Idle,
    Opening(Outcome),
    Up(Link),
}

impl Slots {
    fn links(&self) -> impl Iterator<Item = &Link> {
        let up = self.list.iter().filter_map(|slot| match slot {
            Slot::Up(link) => Some(link),
            Slot::Idle | Slot::Opening(_) => None,
        });
        up.filter(|link| link.is_usable())
    }

    /// Vacates the room of connections that have ended; whether there were any.
    fn sweep(&mut self) -> bool {
        let mut any = false;
        for slot in &mut self.list {
            if matches!(slot, Slot::Up(link) if !link.is_usable()) {
                *slot = Slot::Idle;
                any = true;
            }
        }
        any
    }

    /// No attempt is made for a while: a short one where the last connection has lasted.
    fn pause(&mut self) {
        let now = Instant::now();
        if self.up.take().is_some_and(|up| now - up >= LONGEST_PAUSE) {
            self.pauses.reset();
        }
        self.not_before = Some(now + self.pauses.pause());
    }

    fn has_link(&self) -> bool {
        self.links().next().is_some()
    }

    fn standing(&self) -> Standing {
        if self.has_link() {
            if self.links().any(Link::is_silent) {
                Standing::Suspect
            } else {
                Standing::Good
            }
        } else if self.down {
            Standing::Down
        } else if self.late {
            Standing::Suspect
        } else {
            Standing::Good
        }
    }
}

/// How an attempt to connect ended, for everybody who waits for it.
type Outcome = watch::Receiver<Option<Result<Link, Status>>>;

impl Endpoint {
    /// The server at `address`; `seed` decides the jitter of its pauses.
    pub(super) fn new(address: &Address, settings: Settings, runtime: Handle, seed: u64) -> Self {
        let list = (0..settings.per_server).map(|_| Slot::Idle);
        Self {
            text: address.to_string().into(),
            address: address.clone(),
            runtime,
            up: ArcSwap::default(),
            last: AtomicUsize::new(0),
            slots: Mutex::new(Slots {
                list: list.collect(),
                pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, seed),
                not_before: None,
                up: None,
                down: false,
                late: false,
                mending: false,
                retired: false,
                started: 0,
                loads: Vec::new(),
            }),
            hurry: Notify::new(),
            kept: Kept::default(),
            settings,
        }
    }

    /// Its address, as errors show it.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// A connection that is up: the one that took the last call, so that calls which come together share a write, or the
    /// one with the fewest calls, once that one is [`SPREAD`] ahead. Opens a further one where all are busy.
    pub(super) fn link(self: &Arc<Self>) -> Option<Link> {
        let up = self.up.load();
        let calls = up.iter().map(Link::in_flight).enumerate();
        let (index, least) = calls.min_by_key(|&(_, calls)| calls)?;
        let spread = up.len() < self.settings.per_server && least >= SPREAD;
        if spread || !up.iter().all(Link::is_usable) {
            return self.tidy(spread);
        }
        let last = self.last.load(Ordering::Relaxed);
        match up.get(last) {
            Some(link) if link.in_flight() < least + SPREAD => Some(link.clone()),
            _ => {
                self.last.store(index, Ordering::Relaxed);
                up.get(index).cloned()
            }
        }
    }

    /// The same behind a look at all slots: those whose connection has ended are vacant, and one of them is opened if
    /// calls are to be spread further.
    fn tidy(self: &Arc<Self>, spread: bool) -> Option<Link> {
        let mut slots = self.lock();
        let up = self.publish(&mut slots);
        let vacant = |slot: &Slot| matches!(slot, Slot::Idle);
        if spread && let Some(index) = slots.list.iter().position(vacant) {
            self.open(&mut slots, index);
        }
        up.iter().min_by_key(|link| link.in_flight()).cloned()
    }

    /// Shows calls which connections are up, and balancers how the server stands. A connection that is silent is shown
    /// only where all are.
    fn publish(&self, slots: &mut Slots) -> Arc<Vec<Link>> {
        slots.sweep();
        let mut up: Vec<_> = slots.links().cloned().collect();
        if !up.iter().all(Link::is_silent) {
            up.retain(|link| !link.is_silent());
        }
        let up = Arc::new(up);
        self.up.store(Arc::clone(&up));
        let standing = slots.standing();
        for load in slots.loads.iter().filter_map(Weak::upgrade) {
            load.set_standing(standing);
        }
        up
    }

    /// Tells the balancers of an instance that answers here how the way to it stands, from now on.
    pub(super) fn serves(&self, load: &Arc<Load>) {
        let mut slots = self.lock();
        let is_this = |one: &Weak<Load>| std::ptr::eq(one.as_ptr(), Arc::as_ptr(load));
        if !slots.loads.iter().any(is_this) {
            slots.loads.retain(|one| one.strong_count() > 0);
            slots.loads.push(Arc::downgrade(load));
            load.set_standing(slots.standing());
        }
    }

    /// A connection, opened if none is up. The attempt goes on when the caller goes away: somebody else will want it.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Link, Status> {
        if let Some(link) = self.link() {
            return Ok(link);
        }
        let mut outcome = self.open_first(&mut self.lock());
        let answer = outcome.wait_for(Option::is_some).await;
        match answer.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            Ok(None) | Err(_) => Err(Status::unavailable("the client is shutting down")
                .not_started()
                .in_phase(Phase::Local)),
        }
    }

    /// Whether a connection is up.
    pub(super) fn is_reached(&self) -> bool {
        !self.up.load().is_empty()
    }

    /// Whether the server gives a sign of life: a connection answers, or another one comes about.
    pub(super) async fn probe(self: &Arc<Self>) -> bool {
        let Some(link) = self.link() else {
            return self.connect().await.is_ok();
        };
        let answer = tokio::time::timeout(SIGN_OF_LIFE, link.ping());
        if answer.await == Ok(true) {
            return true;
        }
        // It may be this connection that is broken. The other one has shown what it should and is not kept.
        Link::connect(&self.address, &self.settings.link)
            .await
            .is_ok()
    }

    /// The attempt that is under way, or else a new one.
    fn open_first(self: &Arc<Self>, slots: &mut Slots) -> Outcome {
        let opening = |slot: &Slot| matches!(slot, Slot::Opening(_));
        let first = slots.list.iter().position(opening).unwrap_or(0);
        self.open(slots, first)
    }

    /// The attempt to fill a slot: the one that is under way, or a new one.
    fn open(self: &Arc<Self>, slots: &mut Slots, index: usize) -> Outcome {
        match &slots.list[index] {
            Slot::Opening(outcome) => return outcome.clone(),
            Slot::Up(link) if link.is_usable() => {
                return watch::channel(Some(Ok(link.clone()))).1;
            }
            Slot::Up(_) | Slot::Idle => {}
        }
        let (sender, outcome) = watch::channel(None);
        slots.list[index] = Slot::Opening(outcome.clone());
        let not_before = slots.not_before;
        let endpoint = Arc::clone(self);
        self.runtime.spawn(async move {
            if let Some(not_before) = not_before {
                tokio::select! {
                    () = tokio::time::sleep_until(not_before) => {}
                    () = endpoint.hurry.notified() => {}
                }
            }
            let attempt = endpoint.attempt().await;
            endpoint.note(index, &attempt);
            // Nobody waits any more if every caller has gone.
            let _ = sender.send(Some(attempt));
        });
        outcome
    }

    async fn attempt(self: &Arc<Self>) -> Result<Link, Status> {
        let endpoint = Arc::downgrade(self);
        let watcher = Box::new(move |change| {
            if let Some(endpoint) = endpoint.upgrade() {
                endpoint.told(change);
            }
        });
        let attempt = Link::connect_watched(&self.address, &self.settings.link, watcher);
        let mut attempt = std::pin::pin!(attempt);
        let outcome = if let Ok(outcome) = tokio::time::timeout(LATE, &mut attempt).await {
            outcome
        } else {
            self.is_late();
            attempt.await
        };
        outcome.map_err(|status| status.not_started().at_endpoint(self.text.clone()))
    }

    fn is_late(&self) {
        let mut slots = self.lock();
        slots.late = true;
        self.publish(&mut slots);
    }

    fn note(self: &Arc<Self>, index: usize, attempt: &Result<Link, Status>) {
        let mut slots = self.lock();
        slots.late = false;
        match attempt {
            Ok(link) if link.is_usable() => {
                slots.up = Some(Instant::now());
                slots.not_before = None;
                slots.down = false;
                slots.list[index] = Slot::Up(link.clone());
                if slots.retired {
                    link.drain();
                }
            }
            // It may have been lost at once.
            Ok(_) | Err(_) => {
                slots.pause();
                slots.list[index] = Slot::Idle;
            }
        }
        self.see_to(&mut slots);
    }

    /// Something has become of a connection.
    fn told(self: &Arc<Self>, change: Change) {
        let mut slots = self.lock();
        if change == Change::Over && slots.sweep() {
            // All clients of a server lose it at the same moment, and must not all be back at the same moment.
            slots.pause();
        }
        self.see_to(&mut slots);
    }

    /// Shows what there is, and has it mended where there is nothing.
    fn see_to(self: &Arc<Self>, slots: &mut Slots) {
        if !slots.has_link() {
            slots.down = true;
            if !slots.mending && !slots.retired {
                slots.mending = true;
                self.runtime.spawn(mend(Arc::downgrade(self)));
            }
        }
        self.publish(slots);
    }

    /// What listens here started then, by its own clock. Where that is another process than before, what was said of
    /// the former does not count.
    pub(super) fn started(&self, unix_ms: u64) {
        let mut slots = self.lock();
        if unix_ms <= slots.started {
            return;
        }
        let known = std::mem::replace(&mut slots.started, unix_ms) > 0;
        if known && !slots.has_link() {
            slots.down = false;
            slots.pauses.reset();
            slots.not_before = None;
            self.publish(&mut slots);
            self.hurry.notify_waiters();
        }
    }

    /// What it is like.
    pub(super) fn sample(&self) -> EndpointSample {
        let slots = self.lock();
        let opening = |slot: &&Slot| matches!(slot, Slot::Opening(_));
        EndpointSample {
            instance: self.text.to_string(),
            open: slots.links().count(),
            opening: slots.list.iter().filter(opening).count(),
        }
    }

    /// Lets every connection end with its last call.
    pub(super) fn drain(&self) {
        let mut slots = self.lock();
        slots.retired = true;
        for link in slots.links() {
            link.drain();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Nothing that could panic runs under the lock.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a server for as long as it is waited for.
struct Awaited(Arc<AtomicUsize>);

impl Awaited {
    fn new(all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(all))
    }

    /// How long to rest between two attempts, where the pauses behind failures are too short for so many servers.
    fn rest(&self) -> Option<Duration> {
        let all = u32::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        Some(APART.saturating_mul(all)).filter(|rest| *rest > LONGEST_PAUSE)
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tries until there is a connection, or nobody wants one.
async fn mend(endpoint: Weak<Endpoint>) {
    let Some(awaited) = endpoint
        .upgrade()
        .map(|one| Awaited::new(&one.settings.awaited))
    else {
        return;
    };
    let mut failed = true;
    loop {
        if let Some(rest) = awaited.rest().filter(|_| failed) {
            tokio::time::sleep(rest).await;
        }
        let mut outcome = {
            let Some(endpoint) = endpoint.upgrade() else {
                return;
            };
            let mut slots = endpoint.lock();
            if slots.retired || slots.has_link() {
                slots.mending = false;
                return;
            }
            endpoint.open_first(&mut slots)
        };
        let Ok(outcome) = outcome.wait_for(Option::is_some).await else {
            // The runtime ends.
            return;
        };
        failed = matches!(&*outcome, Some(Err(_)));
    }
}

#[cfg(test)]
mod tests;
