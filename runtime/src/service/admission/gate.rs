//! The calls of one method of one offer: which are let in, and how many run.
//!
//! What nobody limits is let in without being counted until it waits for something: a look at a few numbers that hardly ever
//! change. Everything else is weighed, check by check.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;

use super::callers::{Callers, Counted};
use super::occupancy::Occupancy;
use super::place::{Permit, Slot, Ticket};
use super::pool::{NONE, Pool, part, set_rate, up_to};
use super::reason::{Refusal, Refused, Waited};
use crate::contract::{MethodDescriptor, MethodKind, Priority, ServiceDescriptor};
use crate::governance::{Layer, LimitPolicy, Treatment};
use crate::link::{Asked, Verdict};
use crate::resilience::{Adaptive, CallerRate, Rate};
use crate::status::Status;

/// The flag that calls are weighed and counted one by one.
const WEIGHED: u8 = 1;

/// The flag that the limit of latencies holds.
const ADAPTIVE: u8 = 2;

/// When to come back to a method of which it is not known how long its calls take.
const SOON: Duration = Duration::from_millis(100);

/// The shortest and the longest wish when to come back for a place: a retry from a caller that is near, and a second.
const WISHES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The calls of one method of one offer, over all connections.
#[derive(Debug)]
pub(crate) struct Gate {
    number: usize,
    service: &'static ServiceDescriptor,
    method: &'static MethodDescriptor,
    /// What the contract and the program say.
    code: Vec<Layer>,
    /// What documents say.
    documents: Mutex<Vec<Layer>>,
    pool: Arc<Pool>,
    start: Instant,

    flags: AtomicU8,
    running: AtomicU32,
    adaptive: Adaptive,
    calls: AtomicU32,
    share: AtomicU32,
    priority: AtomicU8,
    queue_calls: AtomicU32,
    /// In µs.
    queue_wait: AtomicU64,
    rate: ArcSwapOption<(u32, Rate)>,
    caller_calls: AtomicU32,
    caller_rate: ArcSwapOption<(u32, CallerRate)>,
    callers: Arc<Callers>,
    waiting: AtomicU32,
    /// By the number of the reason.
    refused: [AtomicU64; Refusal::ALL.len()],
}

/// What a call has taken of the counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// The priority by which it counts for the server, if it does.
    pooled: Option<Priority>,
}

/// What speaks against a call: the number that was reached, and when it may be otherwise.
#[derive(Clone, Copy, Debug)]
struct Objection {
    reason: Refusal,
    most: u32,
    waited: Waited,
    retry_after: Option<Duration>,
}

impl From<(Refusal, u32)> for Objection {
    fn from((reason, most): (Refusal, u32)) -> Self {
        Self {
            reason,
            most,
            waited: Waited::No,
            retry_after: None,
        }
    }
}

impl Objection {
    fn rate(reason: Refusal, (most, wait): (u32, Duration)) -> Self {
        Self {
            retry_after: Some(wait),
            ..(reason, most).into()
        }
    }
}

impl Gate {
    pub(super) fn new(
        number: usize,
        service: &'static ServiceDescriptor,
        method: &'static MethodDescriptor,
        code: Vec<Layer>,
        pool: &Arc<Pool>,
        start: Instant,
    ) -> Self {
        let limit = LimitPolicy::default();
        let gate = Self {
            number,
            service,
            method,
            code,
            documents: Mutex::default(),
            pool: Arc::clone(pool),
            start,
            flags: AtomicU8::new(0),
            running: AtomicU32::new(0),
            adaptive: Adaptive::new(limit.adaptive_least, limit.adaptive_most.on(), start),
            calls: AtomicU32::new(NONE),
            share: AtomicU32::new(NONE),
            priority: AtomicU8::new(0),
            queue_calls: AtomicU32::new(0),
            queue_wait: AtomicU64::new(0),
            rate: ArcSwapOption::empty(),
            caller_calls: AtomicU32::new(NONE),
            caller_rate: ArcSwapOption::empty(),
            callers: Arc::default(),
            waiting: AtomicU32::new(0),
            refused: Default::default(),
        };
        gate.set_documents(Vec::new());
        gate
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn service(&self) -> &'static ServiceDescriptor {
        self.service
    }

    pub(super) fn method(&self) -> &'static MethodDescriptor {
        self.method
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// What is said of the method, the last word last.
    #[cfg(feature = "admin")]
    pub(super) fn layers(&self) -> Vec<Layer> {
        let documents = self
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.code.iter().chain(&*documents).cloned().collect()
    }

    /// Puts what documents say in the place of what they said. Calls that run go on and count.
    pub(super) fn set_documents(&self, layers: Vec<Layer>) {
        let mut documents = self
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *documents = layers;
        self.set(&Treatment::of(self.code.iter().chain(&*documents)));
    }

    fn set(&self, treatment: &Treatment) {
        let limit = &treatment.limit;
        let share = match limit.share.part() {
            all if all >= 1.0 => NONE,
            share => part(self.pool.most(), share),
        };
        let calls = limit.calls.on().unwrap_or(NONE);
        let caller_calls = limit.caller_calls.on().unwrap_or(NONE);
        let wait = u64::try_from(limit.queue_wait.0.as_micros()).unwrap_or(u64::MAX);
        self.calls.store(calls, Ordering::Relaxed);
        self.share.store(share, Ordering::Relaxed);
        self.caller_calls.store(caller_calls, Ordering::Relaxed);
        self.priority
            .store(treatment.priority as u8, Ordering::Relaxed);
        self.queue_calls.store(limit.queue_calls, Ordering::Relaxed);
        self.queue_wait.store(wait, Ordering::Relaxed);
        set_rate(&self.rate, limit.rate.on(), self.start);
        let caller_rate = limit.caller_rate.on().map(|calls| calls.max(1));
        if self.caller_rate.load().as_ref().map(|rate| rate.0) != caller_rate {
            self.caller_rate.store(caller_rate.and_then(|calls| {
                let per_second = NonZeroU32::new(calls)?;
                Some(Arc::new((calls, CallerRate::new(per_second, self.start))))
            }));
        }
        self.adaptive
            .bound(limit.adaptive_least, limit.adaptive_most.on());
        let weighed = [calls, share, caller_calls]
            .iter()
            .any(|most| *most != NONE)
            || self.pool.is_limited()
            || limit.rate.on().or(caller_rate).is_some();
        // How long a stream takes is its caller's choice, and says nothing of the server.
        let timed = matches!(self.method.kind, MethodKind::Unary | MethodKind::OneWay);
        let flags =
            if weighed { WEIGHED } else { 0 } | if limit.adaptive && timed { ADAPTIVE } else { 0 };
        self.flags.store(flags, Ordering::Relaxed);
        // More may run than before.
        if self.pool.has_waiting() {
            self.pool.serve(crate::link::now());
        }
    }

    /// Whether a call may run now without being counted, as nobody limits its method.
    #[inline]
    pub(crate) fn is_open(&self, deadline: Option<Instant>, now: Instant) -> bool {
        let flags = self.flags.load(Ordering::Relaxed);
        let is_free = flags & WEIGHED == 0
            && (flags & ADAPTIVE == 0
                || self.running.load(Ordering::Relaxed) < self.adaptive.limit());
        is_free && !self.is_hopeless(deadline, now)
    }

    /// Whether a call may run now that must be weighed.
    pub(crate) fn admit(self: &Arc<Self>, asked: &Asked<'_>) -> Verdict<Permit, Box<Ticket>> {
        self.check(asked)
            .unwrap_or_else(|objection| Verdict::Refuse(self.refuse(&objection, asked.caller)))
    }

    /// A call that was let in goes on beside its connection, and counts from now on.
    pub(crate) fn hold(self: &Arc<Self>, permit: Option<Permit>, began: Instant) -> Permit {
        let uncounted = || {
            self.running.fetch_add(1, Ordering::SeqCst);
            Permit::new(self, Taken { pooled: None }, None)
        };
        permit.unwrap_or_else(uncounted).lasts(began)
    }

    /// A call was answered without waiting for anything.
    #[inline]
    pub(crate) fn quick(&self) {
        self.adaptive.quick();
    }

    /// Every check, one a line.
    fn check(
        self: &Arc<Self>,
        asked: &Asked<'_>,
    ) -> Result<Verdict<Permit, Box<Ticket>>, Objection> {
        self.check_time(asked)?;
        let caller = self.check_caller_calls(asked)?;
        let place = self.check_place(asked)?;
        self.check_server_rate(asked)?;
        self.check_rate(asked)?;
        self.check_caller_rate(asked)?;
        match place {
            Ok(permit) => Ok(Verdict::Run(permit.of_caller(caller))),
            Err(full) => self.wait(full, caller, asked),
        }
    }

    fn check_time(&self, asked: &Asked<'_>) -> Result<(), Objection> {
        if self.is_hopeless(asked.deadline, asked.now) {
            return Err((Refusal::Deadline, 0).into());
        }
        Ok(())
    }

    fn check_caller_calls(&self, asked: &Asked<'_>) -> Result<Option<Box<Counted>>, Objection> {
        let most = self.caller_calls.load(Ordering::Relaxed);
        if most == NONE {
            return Ok(None);
        }
        let counted = self.callers.count(asked.caller, most);
        counted
            .map(|counted| Some(Box::new(counted)))
            .ok_or_else(|| (Refusal::CallerCalls, most).into())
    }

    /// A place, or what stands against it where the call may wait for one.
    fn check_place(
        self: &Arc<Self>,
        asked: &Asked<'_>,
    ) -> Result<Result<Permit, (Refusal, u32)>, Objection> {
        // Whoever waits here comes before a retry; and before all others, who may be of a lower priority.
        let behind = asked.attempt > 0 && self.waiting.load(Ordering::Relaxed) > 0;
        let full = match self.take() {
            Ok(taken) if behind => {
                self.untake(taken);
                (self.reason_of_line(), self.most())
            }
            Ok(taken) => return Ok(Ok(Permit::new(self, taken, None))),
            Err(full) => full,
        };
        if full.0 == Refusal::Adaptive {
            self.adaptive.press();
        }
        let most = self.queue_calls.load(Ordering::Relaxed);
        let waited = match asked.wake {
            Some(_) if asked.attempt > 0 => Waited::Retry,
            Some(_) if most > 0 => return Ok(Err(full)),
            _ => Waited::No,
        };
        Err(Objection {
            waited,
            ..full.into()
        })
    }

    fn check_server_rate(&self, asked: &Asked<'_>) -> Result<(), Objection> {
        let taken = self.pool.take_rate(asked.now);
        taken.map_err(|over| Objection::rate(Refusal::ServerRate, over))
    }

    fn check_rate(&self, asked: &Asked<'_>) -> Result<(), Objection> {
        let Some(rate) = &*self.rate.load() else {
            return Ok(());
        };
        let taken = rate.1.take(asked.now);
        taken.map_err(|wait| Objection::rate(Refusal::Rate, (rate.0, wait)))
    }

    fn check_caller_rate(&self, asked: &Asked<'_>) -> Result<(), Objection> {
        let Some(rate) = &*self.caller_rate.load() else {
            return Ok(());
        };
        let taken = rate.1.take(asked.caller, asked.now);
        taken.map_err(|wait| Objection::rate(Refusal::CallerRate, (rate.0, wait)))
    }

    /// Queues up for a place.
    fn wait(
        self: &Arc<Self>,
        full: (Refusal, u32),
        caller: Option<Box<Counted>>,
        asked: &Asked<'_>,
    ) -> Result<Verdict<Permit, Box<Ticket>>, Objection> {
        let Some(wake) = asked.wake else {
            return Err(full.into());
        };
        let slot = Arc::new(Slot::new(asked.deadline, wake()));
        let most = self.queue_calls.load(Ordering::Relaxed);
        let joined = self.pool.join(self, Arc::clone(&slot), most, asked.now);
        let (place, number) = joined.map_err(|most| Objection {
            waited: Waited::Full(most),
            ..full.into()
        })?;
        let ticket = Box::new(Ticket {
            gate: Arc::clone(self),
            slot,
            place,
            number,
            since: asked.now,
            caller,
            refused: full,
        });
        let until = asked.now + self.patience();
        let until = asked.deadline.map_or(until, |deadline| deadline.min(until));
        Ok(Verdict::Wait { ticket, until })
    }

    /// What a call is told that waited, and got no place in time.
    pub(super) fn late(&self, refused: (Refusal, u32), since: Instant, now: Instant) -> Status {
        let objection = Objection {
            waited: Waited::For(now.saturating_duration_since(since)),
            ..refused.into()
        };
        self.refuse(&objection, "")
    }

    fn refuse(&self, objection: &Objection, caller: &str) -> Status {
        let Objection { reason, most, .. } = *objection;
        if let Some(count) = self.refused.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let wish = || {
            // By then twice as many have ended as run.
            let twice = self.adaptive.baseline().map(|time| time * 2);
            twice.unwrap_or(SOON).clamp(WISHES.0, WISHES.1)
        };
        Refused {
            method: self.method,
            reason,
            most,
            waited: objection.waited,
            caller,
            retry_after: objection.retry_after.unwrap_or_else(wish),
        }
        .status()
    }

    /// Takes a place among those of the method, and among those of the server.
    pub(super) fn take(&self) -> Result<Taken, (Refusal, u32)> {
        let most = self.most();
        up_to(&self.running, most).map_err(|most| (self.reason_of(most), most))?;
        let priority = self.priority();
        match self.pool.take(priority) {
            Ok(pooled) => Ok(Taken {
                pooled: pooled.then_some(priority),
            }),
            Err(full) => {
                self.running.fetch_sub(1, Ordering::SeqCst);
                Err(full)
            }
        }
    }

    /// Gives a place back that no call has run in.
    pub(super) fn untake(&self, taken: Taken) -> u32 {
        if let Some(priority) = taken.pooled {
            self.pool.give(priority);
        }
        self.running.fetch_sub(1, Ordering::SeqCst) - 1
    }

    /// A call has ended. `timed` is when it began and when it ended, where it is timed.
    pub(super) fn left(&self, taken: Taken, timed: Option<(Instant, Instant)>, answered: bool) {
        let running = self.untake(taken);
        let adaptive = self.flags.load(Ordering::Relaxed) & ADAPTIVE != 0;
        if adaptive && let Some((began, now)) = timed {
            self.adaptive.ended(began, now, answered, running);
        }
        if self.pool.has_waiting() {
            self.pool.serve(crate::link::now());
        }
    }

    /// Whether it is too late for a call, or will be before it could be answered.
    #[inline]
    fn is_hopeless(&self, deadline: Option<Instant>, now: Instant) -> bool {
        let Some(deadline) = deadline else {
            return false;
        };
        deadline <= now || self.adaptive.is_too_late(deadline, now)
    }

    /// The most calls that may run at once, of the method alone.
    fn most(&self) -> u32 {
        let fixed = self.calls.load(Ordering::Relaxed);
        let fixed = fixed.min(self.share.load(Ordering::Relaxed));
        if self.flags.load(Ordering::Relaxed) & ADAPTIVE == 0 {
            fixed
        } else {
            fixed.min(self.adaptive.limit())
        }
    }

    fn reason_of(&self, most: u32) -> Refusal {
        if most == self.calls.load(Ordering::Relaxed) {
            Refusal::Calls
        } else if most == self.share.load(Ordering::Relaxed) {
            Refusal::Share
        } else {
            Refusal::Adaptive
        }
    }

    fn reason_of_line(&self) -> Refusal {
        match self.most() {
            NONE => Refusal::ServerCalls,
            most => self.reason_of(most),
        }
    }

    pub(super) fn priority(&self) -> Priority {
        match self.priority.load(Ordering::Relaxed) {
            0 => Priority::Low,
            1 => Priority::Normal,
            _ => Priority::High,
        }
    }

    /// The longest that a call waits.
    pub(super) fn patience(&self) -> Duration {
        Duration::from_micros(self.queue_wait.load(Ordering::Relaxed))
    }

    /// So many more wait.
    pub(super) fn waiting(&self, more: i32) {
        self.waiting
            .fetch_add(more.cast_unsigned(), Ordering::Relaxed);
    }

    /// How it stands.
    pub(super) fn occupancy(&self, group: &Arc<str>) -> Occupancy {
        let refused = Refusal::ALL
            .into_iter()
            .zip(&self.refused)
            .map(|(reason, count)| (reason, count.load(Ordering::Relaxed)));
        Occupancy {
            method: self.method.path,
            group: Arc::clone(group),
            running: self.running.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            limit: Some(self.most()).filter(|most| *most != NONE),
            refused: refused.filter(|(_, count)| *count > 0).collect(),
        }
    }
}
