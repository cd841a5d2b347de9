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
/// further connections share the work (`tests/examples/throughput.rs` shows both).
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
            slots: (0..self.settings.per_server).map(|_| Slot::new()).collect(),
            turn: AtomicUsize::new(0),
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
    slots: Box<[Mutex<Slot>]>,
    turn: AtomicUsize,
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
    fn new() -> Mutex<Self> {
        Mutex::new(Self {
            state: State::Idle,
            pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, random::seed()),
            not_before: None,
        })
    }
}

/// How an attempt to connect ended, for everybody who waits for it.
type Outcome = watch::Receiver<Option<Result<Link, Status>>>;

impl Endpoint {
    /// Its address, as errors show it.
    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// A connection that is up, the one with the fewest calls; opens a further one where all are busy.
    pub(super) fn link(self: &Arc<Self>) -> Option<Link> {
        let mut best: Option<Link> = None;
        let mut vacant = None;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for step in 0..self.slots.len() {
            let index = turn.wrapping_add(step) % self.slots.len();
            let mut slot = lock(&self.slots[index]);
            match &slot.state {
                State::Up(link) if link.is_usable() => {
                    if best
                        .as_ref()
                        .is_none_or(|best| link.in_flight() < best.in_flight())
                    {
                        best = Some(link.clone());
                    }
                }
                State::Up(_) => slot.state = State::Idle,
                State::Opening(_) | State::Idle => {}
            }
            if matches!(slot.state, State::Idle) {
                vacant = Some(index);
            }
        }
        if let (Some(best), Some(index)) = (&best, vacant)
            && best.in_flight() >= SPREAD
        {
            self.open(index);
        }
        best
    }

    /// A connection, opened if none is up. The attempt goes on when the caller goes away: somebody else will want it.
    pub(super) async fn connect(self: &Arc<Self>) -> Result<Link, Status> {
        if let Some(link) = self.link() {
            return Ok(link);
        }
        let mut outcome = self.open(self.next_up());
        let answer = outcome.wait_for(Option::is_some).await;
        match answer.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            Ok(None) | Err(_) => Err(Status::unavailable("the client is shutting down")
                .not_started()
                .in_phase(Phase::Local)),
        }
    }

    /// The slot that is up first: one that is being filled, or else the one whose pause ends first.
    fn next_up(&self) -> usize {
        let rank = |slot: &Mutex<Slot>| {
            let slot = lock(slot);
            (!matches!(slot.state, State::Opening(_)), slot.not_before)
        };
        let ranked = self.slots.iter().map(rank).enumerate();
        ranked
            .min_by_key(|&(_, rank)| rank)
            .map_or(0, |(index, _)| index)
    }

    /// The attempt to fill a slot: the one that is under way, or a new one.
    fn open(self: &Arc<Self>, index: usize) -> Outcome {
        let mut slot = lock(&self.slots[index]);
        if let State::Opening(outcome) = &slot.state {
            return outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        slot.state = State::Opening(outcome.clone());
        let not_before = slot.not_before;
        drop(slot);
        let endpoint = Arc::clone(self);
        self.runtime.spawn(async move {
            if let Some(not_before) = not_before {
                tokio::time::sleep_until(not_before).await;
            }
            let attempt = Link::connect(&endpoint.address, &endpoint.settings.link).await;
            let attempt =
                attempt.map_err(|status| status.not_started().at_endpoint(endpoint.text.clone()));
            let mut slot = lock(&endpoint.slots[index]);
            if let Ok(link) = &attempt {
                slot.pauses.reset();
                slot.not_before = None;
                slot.state = State::Up(link.clone());
                endpoint.load.set_available(true);
                if endpoint.retired.load(Ordering::Relaxed) {
                    link.drain();
                }
            } else {
                let pause = slot.pauses.pause();
                slot.not_before = Some(Instant::now() + pause);
                slot.state = State::Idle;
                // Others are asked first until somebody gets through.
                endpoint.load.set_available(false);
            }
            drop(slot);
            // Nobody waits any more if every caller has gone.
            let _ = sender.send(Some(attempt));
        });
        outcome
    }

    /// Lets every connection end with its last call.
    fn drain(&self) {
        self.retired.store(true, Ordering::Relaxed);
        for slot in &self.slots {
            if let State::Up(link) = &lock(slot).state {
                link.drain();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
