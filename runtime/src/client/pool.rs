//! The connections of a client: a few long ones per server, opened when they are needed, shared by all its services.
//!
//! ```text
//!            needed                 up                    closed, or draining
//!   Idle ─────────────▶ Opening ──────────▶ Up ─────────────────────────────▶ Idle
//!    ▲                     │ failed
//!    └──────────── pause ◀─┘            the pause doubles from failure to failure, with jitter
//! ```

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::balance::Load;
use crate::link::{self, Link};
use crate::random;
use crate::status::{Phase, Status};
use crate::transport::Address;

/// The first pause behind a failed attempt to connect: a restarting server is back within a few.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause: a server that comes back is found within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Calls in flight on every open connection from which another one is opened: as many share a write well, and the tasks of
/// further connections share the work (`cargo xtask bench peers` shows both).
const SPREAD: usize = 16;

/// How connections are made.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// How many per server at most.
    pub(super) per_server: usize,
    /// What each is made with.
    pub(super) link: link::Config,
}

/// The servers that a client has dealt with, by address.
#[derive(Debug)]
pub(super) struct Pool {
    settings: Settings,
    runtime: Handle,
    endpoints: Mutex<HashMap<Address, Arc<Endpoint>>>,
}

impl Pool {
    pub(super) fn new(settings: Settings, runtime: Handle) -> Self {
        Self {
            settings,
            runtime,
            endpoints: Mutex::default(),
        }
    }

    /// The server at `address`.
    pub(super) fn endpoint(&self, address: &Address) -> Arc<Endpoint> {
        let mut endpoints = lock(&self.endpoints);
        if let Some(endpoint) = endpoints.get(address) {
            return Arc::clone(endpoint);
        }
        let endpoint = Arc::new(Endpoint {
            text: address.to_string().into(),
            address: address.clone(),
            settings: self.settings.clone(),
            runtime: self.runtime.clone(),
            up: ArcSwap::default(),
            last: AtomicUsize::new(0),
            slots: Mutex::new((0..self.settings.per_server).map(|_| Slot::new()).collect()),
            load: Arc::default(),
            retired: AtomicBool::new(false),
        });
        endpoints.insert(address.clone(), Arc::clone(&endpoint));
        endpoint
    }

    /// Lets the connections of every server that is not `wanted` end with their last call, and forgets it.
    pub(super) fn retain(&self, wanted: impl Fn(&Address) -> bool) {
        lock(&self.endpoints).retain(|address, endpoint| {
            let keep = wanted(address);
            if !keep {
                endpoint.drain();
            }
            keep
        });
    }
}

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
    slots: Mutex<Vec<Slot>>,
    /// Whether no service lists it any more.
    retired: AtomicBool,
    /// What the balancers know of it.
    pub(super) load: Arc<Load>,
}

/// Room for one connection.
#[derive(Debug)]
struct Slot {
    state: State,
    pauses: Backoff,
    /// Before this no attempt is made.
    not_before: Option<Instant>,
}

#[derive(Debug)]
enum State {
    Idle,
    Opening(Outcome),
    Up(Link),
}

impl Slot {
    fn new() -> Self {
        Self {
            state: State::Idle,
            pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, random::seed()),
            not_before: None,
        }
    }
}

/// How an attempt to connect ended, for everybody who waits for it.
type Outcome = watch::Receiver<Option<Result<Link, Status>>>;

impl Endpoint {
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
        let mut slots = lock(&self.slots);
        for slot in &mut *slots {
            if matches!(&slot.state, State::Up(link) if !link.is_usable()) {
                slot.state = State::Idle;
            }
        }
        let up = self.publish(&slots);
        let vacant = |slot: &Slot| matches!(slot.state, State::Idle);
        if spread && let Some(index) = slots.iter().position(vacant) {
            self.open(&mut slots, index);
        }
        up.iter().min_by_key(|link| link.in_flight()).cloned()
    }

    /// Shows calls which connections are up.
    fn publish(&self, slots: &[Slot]) -> Arc<Vec<Link>> {
        let up = slots.iter().filter_map(|slot| match &slot.state {
            State::Up(link) => Some(link.clone()),
            State::Idle | State::Opening(_) => None,
        });
        let up = Arc::new(up.collect());
        self.up.store(Arc::clone(&up));
        up
    }

    /// A connection, opened if none is up. The attempt goes on when the caller goes away: somebody else will want it.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Link, Status> {
        if let Some(link) = self.link() {
            return Ok(link);
        }
        let mut outcome = self.open_first();
        let answer = outcome.wait_for(Option::is_some).await;
        match answer.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            Ok(None) | Err(_) => Err(Status::unavailable("the client is shutting down")
                .not_started()
                .in_phase(Phase::Local)),
        }
    }

    /// The attempt that is over first: one that is under way, or else one in the slot whose pause ends first.
    fn open_first(self: &Arc<Self>) -> Outcome {
        let mut slots = lock(&self.slots);
        let rank = |slot: &Slot| {
            let opening = matches!(slot.state, State::Opening(_));
            (!opening, slot.not_before)
        };
        let first = (0..slots.len()).min_by_key(|&index| rank(&slots[index]));
        self.open(&mut slots, first.unwrap_or(0))
    }

    /// The attempt to fill a slot: the one that is under way, or a new one.
    fn open(self: &Arc<Self>, slots: &mut [Slot], index: usize) -> Outcome {
        let slot = &mut slots[index];
        match &slot.state {
            State::Opening(outcome) => return outcome.clone(),
            State::Up(link) if link.is_usable() => {
                return watch::channel(Some(Ok(link.clone()))).1;
            }
            State::Up(_) | State::Idle => {}
        }
        let (sender, outcome) = watch::channel(None);
        slot.state = State::Opening(outcome.clone());
        let not_before = slot.not_before;
        let endpoint = Arc::clone(self);
        self.runtime.spawn(async move {
            if let Some(not_before) = not_before {
                tokio::time::sleep_until(not_before).await;
            }
            let attempt = Link::connect(&endpoint.address, &endpoint.settings.link).await;
            let attempt =
                attempt.map_err(|status| status.not_started().at_endpoint(endpoint.text.clone()));
            endpoint.note(index, &attempt);
            // Nobody waits any more if every caller has gone.
            let _ = sender.send(Some(attempt));
        });
        outcome
    }

    fn note(&self, index: usize, attempt: &Result<Link, Status>) {
        let mut slots = lock(&self.slots);
        let slot = &mut slots[index];
        if let Ok(link) = attempt {
            slot.pauses.reset();
            slot.not_before = None;
            slot.state = State::Up(link.clone());
            self.load.set_available(true);
            if self.retired.load(Ordering::Relaxed) {
                link.drain();
            }
        } else {
            let pause = slot.pauses.pause();
            slot.not_before = Some(Instant::now() + pause);
            slot.state = State::Idle;
            // Others are asked first until somebody gets through.
            self.load.set_available(false);
        }
        self.publish(&slots);
    }

    /// Lets every connection end with its last call.
    fn drain(&self) {
        let slots = lock(&self.slots);
        self.retired.store(true, Ordering::Relaxed);
        for slot in &*slots {
            if let State::Up(link) = &slot.state {
                link.drain();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
