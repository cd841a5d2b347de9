//! All instances of a service and group: who of them is left alone, who gets less, and when nobody can be spared.
//!
//! Calls only count. Twenty times per window the call that happens to end compares the instances; a call that begins becomes a probe
//! where one is due. Nothing here waits, so there is no task and no timer.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::breaker::{BreakerReason, CircuitBreaker};
use super::outlier::{ALL, Counts, LEAST_KEPT, ejects, keeps, late_after};
use super::states::{BreakerEvent, Breakers, InstanceBreaker};
use super::vitals::{Sign, Verdict, Vitals, Window, nanos};
use crate::balance::Standing;
use crate::governance::BreakerPolicy;
use crate::listener::Listener;
use crate::random::Random;

/// Looks per window: a window that slides by a twentieth is as good as one that slides smoothly, and what hangs is found
/// within one or two of them.
const LOOKS: u32 = 20;

/// How much an instance may get back from one look to the next, in 256ths: all of it within a window.
const RECOVERY: u32 = (ALL - LEAST_KEPT).div_ceil(LOOKS);

/// How long nobody looks for a probe where one is due that a call cannot be: calls of another release, or one that has tried
/// the instance.
const UNFIT: Duration = Duration::from_millis(10);

/// Who stands in for whom, and which of them are left alone.
#[derive(Debug)]
pub(crate) struct Detector {
    service: Arc<str>,
    group: Arc<str>,
    /// When instances are compared next, in nanoseconds.
    next_look: AtomicU64,
    /// When a call has to look before it picks: a probe is due, or so few are usable that all are asked (0).
    next_care: AtomicU64,
    /// When a probe is due, in nanoseconds.
    next_probe: AtomicU64,
    panic: AtomicBool,
    /// Failures in a row that open.
    in_row: AtomicU32,
    /// Calls that went to the ejected for want of others.
    ignored: AtomicU64,
    ward: Mutex<Ward>,
    listener: Listener<BreakerEvent>,
}

#[derive(Debug)]
struct Ward {
    policy: BreakerPolicy,
    /// By id.
    cases: Vec<Case>,
    seeds: Random,
    /// What the listener has yet to hear.
    untold: Vec<BreakerEvent>,
}

/// An instance that is listed: what is known of it beside its vitals.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// Stands for its id.
    pub(crate) key: u64,
    pub(crate) instance: Arc<str>,
    pub(crate) endpoint: Arc<str>,
    pub(crate) vitals: Arc<Vitals>,
}

#[derive(Debug)]
struct Case {
    listed: Listed,
    breaker: CircuitBreaker,
    window: Window,
    counts: Counts,
    keeps: u32,
    opened: u64,
    /// It was silent, or there was no way to it, when somebody looked last.
    unheard: bool,
}

impl Detector {
    /// Nobody yet; `seed` decides the jitter of pauses.
    pub(crate) fn new(
        service: &str,
        group: &str,
        policy: BreakerPolicy,
        seed: u64,
        listener: Listener<BreakerEvent>,
    ) -> Self {
        let detector = Self {
            service: service.into(),
            group: group.into(),
            next_look: AtomicU64::new(0),
            next_care: AtomicU64::new(u64::MAX),
            next_probe: AtomicU64::new(u64::MAX),
            panic: AtomicBool::new(false),
            in_row: AtomicU32::new(0),
            ignored: AtomicU64::new(0),
            ward: Mutex::new(Ward {
                policy: BreakerPolicy::default(),
                cases: Vec::new(),
                seeds: Random::new(seed),
                untold: Vec::new(),
            }),
            listener,
        };
        detector.set_policy(policy, Duration::ZERO);
        detector
    }

    /// Judges by these numbers from now on. Where there are to be no breakers, all that are open close.
    pub(crate) fn set_policy(&self, policy: BreakerPolicy, now: Duration) {
        let mut ward = self.lock();
        let in_row = if policy.enabled {
            policy.failures_in_row.max(1)
        } else {
            u32::MAX
        };
        self.in_row.store(in_row, Ordering::Relaxed);
        ward.policy = policy;
        if !ward.policy.enabled {
            let Ward { cases, untold, .. } = &mut *ward;
            for case in cases {
                case.listed.vitals.set_late_after(None);
                if !case.breaker.is_closed() {
                    case.close(now, untold);
                }
                case.keeps = ALL;
            }
        }
        self.settle(&mut ward);
        self.tell(ward);
    }

    /// These are listed now. What is known of those that were before stays.
    pub(crate) fn follow(&self, listed: Vec<Listed>, now: Duration) {
        let mut ward = self.lock();
        let mut before: Vec<Case> = std::mem::take(&mut ward.cases);
        before.sort_by_key(|case| case.listed.key);
        let mut listed = listed;
        listed.sort_by_key(|one| one.key);
        let mut before = before.into_iter().peekable();
        let mut cases = Vec::with_capacity(listed.len());
        let Ward {
            policy,
            seeds,
            untold,
            ..
        } = &mut *ward;
        for one in listed {
            while before.next_if(|case| case.listed.key < one.key).is_some() {}
            let case = before.next_if(|case| case.listed.key == one.key);
            cases.push(if let Some(case) = case {
                Case {
                    listed: one,
                    ..case
                }
            } else {
                let mut case = Case::new(one, now, seeds.bits());
                case.returns(now, policy, untold);
                case
            });
        }
        ward.cases = cases;
        // Whoever lists instances holds locks that listeners may want.
        self.settle(&mut ward);
    }

    /// A call of `vitals` ended at `now` after `latency`; `probe` says that it was one. Cheap enough for every call.
    #[inline]
    pub(crate) fn ended(
        &self,
        vitals: &Vitals,
        now: Duration,
        latency: Duration,
        verdict: Verdict,
        probe: bool,
    ) {
        let sign = vitals.count(now, latency, verdict);
        if sign != Sign::None || probe {
            self.heed(vitals, now, sign, verdict, probe);
        }
        if nanos(now) >= self.next_look.load(Ordering::Relaxed) {
            self.compare(now);
        }
    }

    #[cold]
    fn heed(&self, vitals: &Vitals, now: Duration, sign: Sign, verdict: Verdict, probe: bool) {
        let in_row = self.in_row.load(Ordering::Relaxed);
        match sign {
            _ if probe => {}
            Sign::Row(row) if row >= in_row && row.is_multiple_of(in_row) => {}
            Sign::Answers(answers) if answers >= in_row => {}
            Sign::None | Sign::Row(_) | Sign::Answers(_) => return,
        }
        let mut ward = self.lock();
        let Ward {
            policy,
            cases,
            untold,
            ..
        } = &mut *ward;
        let Some(case) = cases.iter_mut().find(|case| case.is_of(vitals)) else {
            return;
        };
        let was_late = probe && sign == Sign::None && verdict == Verdict::Answered;
        match sign {
            _ if probe && verdict == Verdict::Nothing => case.breaker.release(now),
            _ if probe && (verdict == Verdict::Failed || was_late) => {
                if !case.breaker.is_closed() {
                    case.breaker.failed();
                    case.listed.vitals.set_open(Some(now));
                }
            }
            Sign::Row(_) if case.breaker.is_closed() => {
                case.open(now, BreakerReason::FailuresInRow, policy, untold);
            }
            Sign::Row(_) => {}
            Sign::None | Sign::Answers(_) => {
                if !case.breaker.is_closed() {
                    case.close(now, untold);
                }
            }
        }
        self.settle(&mut ward);
        self.tell(ward);
    }

    /// The caller of a probe went away.
    #[cold]
    pub(crate) fn probe_abandoned(&self, vitals: &Vitals) {
        let mut ward = self.lock();
        if let Some(case) = ward.cases.iter_mut().find(|case| case.is_of(vitals)) {
            case.breaker.release(Duration::ZERO);
        }
        self.settle(&mut ward);
    }

    /// Whether a call that begins at `now` has to look for more than its balancer does. Cheap enough for every call.
    #[inline]
    pub(crate) fn needs_care(&self, now: Duration) -> bool {
        nanos(now) >= self.next_care.load(Ordering::Relaxed)
    }

    /// Whether so few are usable that all are asked.
    pub(crate) fn panics(&self) -> bool {
        self.panic.load(Ordering::Relaxed)
    }

    /// A call went to an instance whose circuit breaker is open, for want of others.
    pub(crate) fn note_ignored(&self) {
        self.ignored.fetch_add(1, Ordering::Relaxed);
    }

    /// The key of the instance that a call takes as a probe at `now`, if one is due that it `may` take.
    #[cold]
    pub(crate) fn probe(&self, now: Duration, may: impl Fn(u64) -> bool) -> Option<u64> {
        if nanos(now) < self.next_probe.load(Ordering::Relaxed) {
            return None;
        }
        let mut ward = self.lock();
        let Ward { policy, cases, .. } = &mut *ward;
        let mut chosen: Option<(Duration, usize)> = None;
        for (index, case) in cases.iter_mut().enumerate() {
            if !case.breaker.is_due(now) {
                continue;
            }
            if !case.hears() {
                case.breaker.wait(now, policy);
                continue;
            }
            let until = case.breaker.until().unwrap_or_default();
            if chosen.is_none_or(|(first, _)| until < first) && may(case.listed.key) {
                chosen = Some((until, index));
            }
        }
        let taken = chosen.map(|(_, index)| {
            let case = &mut cases[index];
            case.breaker.probe(now, policy);
            case.listed.vitals.offer_probe();
            case.listed.key
        });
        self.settle(&mut ward);
        if taken.is_none() {
            // This call cannot go there, and perhaps none like it can.
            let later = nanos(now + UNFIT);
            self.next_probe.fetch_max(later, Ordering::Relaxed);
            if !self.panics() {
                self.next_care.fetch_max(later, Ordering::Relaxed);
            }
        }
        taken
    }

    /// Compares the instances: who opens, who gets less, from when on an answer is late.
    #[cold]
    fn compare(&self, now: Duration) {
        // Somebody else does it.
        let Ok(mut ward) = self.ward.try_lock() else {
            return;
        };
        let step = ward.policy.window.0 / LOOKS;
        self.next_look.store(nanos(now + step), Ordering::Relaxed);
        if !ward.policy.enabled {
            return;
        }
        ward.look(now);
        self.settle(&mut ward);
        self.tell(ward);
    }

    /// Brings what calls see in line with the breakers.
    fn settle(&self, ward: &mut Ward) {
        let listed = ward.cases.len();
        let usable = ward.cases.iter().filter(|case| case.is_usable()).count();
        let panic = ward.policy.enabled && is_below(usable, listed, ward.policy.panic_below.part());
        let most = ward
            .cases
            .iter()
            .filter(|case| case.is_usable())
            .map(|case| case.keeps)
            .max();
        for case in &ward.cases {
            // Shares are in proportion to the best: where all do badly, nobody can take what the others lose.
            let keeps = case.keeps * ALL / most.unwrap_or(ALL).max(1);
            let open = !case.breaker.is_closed();
            let keeps = if panic { ALL } else { keeps.min(ALL) };
            case.listed.vitals.load.set_ejected(open, keeps);
        }
        if self.panic.swap(panic, Ordering::Relaxed) != panic {
            ward.untold.push(if panic {
                BreakerEvent::PanicBegan { usable, listed }
            } else {
                BreakerEvent::PanicEnded { usable, listed }
            });
        }
        let due = ward.cases.iter().filter_map(|case| case.breaker.until());
        let due = due.map(nanos).min().unwrap_or(u64::MAX);
        let care = if panic { 0 } else { due };
        self.next_care.store(care, Ordering::Relaxed);
        self.next_probe.store(due, Ordering::Relaxed);
    }

    /// How all of them stand at `now`.
    pub(crate) fn states(&self, now: Duration) -> Breakers {
        let ward = self.lock();
        let open = ward.cases.iter().filter(|case| !case.breaker.is_closed());
        let ejected = part(open.count(), ward.cases.len());
        let mut instances: Vec<_> = ward.cases.iter().map(|case| case.show(now)).collect();
        instances.sort_by(|one, two| one.instance.cmp(&two.instance));
        Breakers {
            service: Arc::clone(&self.service),
            group: Arc::clone(&self.group),
            panic: self.panics(),
            ejected,
            ignored: self.ignored.load(Ordering::Relaxed),
            instances,
        }
    }

    /// Lets go of the ward, then tells of what happened there.
    fn tell(&self, mut ward: MutexGuard<'_, Ward>) {
        let events = std::mem::take(&mut ward.untold);
        drop(ward);
        for event in events {
            self.listener.tell(|| event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ward> {
        // Nothing that could panic runs under the lock.
        self.ward.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ward {
    fn look(&mut self, now: Duration) {
        let averages = self.cases.iter();
        let averages = averages.filter_map(|case| case.listed.vitals.load.last_latency());
        let late = late_after(&mut averages.collect::<Vec<_>>());
        for case in &mut self.cases {
            case.listed.vitals.set_late_after(late);
            case.look(now, late, self.policy.window.0);
            let unheard = !case.hears();
            if std::mem::replace(&mut case.unheard, unheard) && !unheard {
                case.breaker.hasten(now);
            }
        }
        // The ejected are not what others are compared with.
        let closed = self.cases.iter().filter(|case| case.breaker.is_closed());
        let all = closed.fold(Counts::default(), |all, case| all.and(case.counts));
        let mut worst = Vec::new();
        for (index, case) in self.cases.iter_mut().enumerate() {
            if !case.breaker.is_closed() {
                continue;
            }
            let others = all.without(case.counts);
            let keeps = keeps(case.counts, others);
            case.keeps = keeps.min(case.keeps + RECOVERY);
            if let Some((why, bad)) = ejects(case.counts, others, &self.policy) {
                worst.push((bad, index, why));
            }
        }
        worst.sort_by(|one, two| two.0.total_cmp(&one.0));
        if worst.is_empty() {
            return;
        }
        for (_, index, why) in worst.into_iter().take(self.room()) {
            self.cases[index].open(now, why, &self.policy, &mut self.untold);
        }
    }

    /// How many more may be left alone because others do better.
    fn room(&self) -> usize {
        let open = self.cases.iter().filter(|case| !case.breaker.is_closed());
        most_ejected(self.cases.len(), self.policy.most_ejected.part()).saturating_sub(open.count())
    }
}

impl Case {
    fn new(listed: Listed, now: Duration, seed: u64) -> Self {
        Self {
            breaker: CircuitBreaker::new(now, seed),
            window: Window::new(now, listed.vitals.totals()),
            counts: Counts::default(),
            keeps: ALL,
            opened: 0,
            unheard: false,
            listed,
        }
    }

    fn is_of(&self, vitals: &Vitals) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.listed.vitals), vitals)
    }

    /// Listed again, with what was said of it before, and by the calls that were under way when it was lost. That it is
    /// listed is a sign of life: if it was failing, it is asked at once, by one call.
    fn returns(&mut self, now: Duration, policy: &BreakerPolicy, events: &mut Vec<BreakerEvent>) {
        match self.listed.vitals.record() {
            (0, false) => {}
            (row, open) if policy.enabled && (open || row >= policy.failures_in_row.max(1)) => {
                let why = BreakerReason::FailuresInRow;
                self.breaker.open(now, why, policy);
                self.breaker.hasten(now);
                self.opened(now, why, events);
            }
            _ => self.renew(now),
        }
    }

    /// Whether a call may be sent there to see what comes of it: one that is silent does not answer, and keeps the call
    /// until its deadline.
    fn hears(&self) -> bool {
        self.listed.vitals.load.way() == Standing::Good
    }

    fn is_usable(&self) -> bool {
        self.breaker.is_closed() && self.listed.vitals.load.way() != Standing::Down
    }

    fn look(&mut self, now: Duration, late: Option<Duration>, span: Duration) {
        let totals = self.listed.vitals.totals();
        self.counts = self.window.counts(&totals);
        let waiting = late.map_or(0, |late| self.window.waiting(now, &totals, late));
        self.counts.calls = self.counts.calls.saturating_add(waiting);
        self.counts.late = self.counts.late.saturating_add(waiting);
        self.window.look(now, totals, span);
    }

    fn open(
        &mut self,
        now: Duration,
        why: BreakerReason,
        policy: &BreakerPolicy,
        events: &mut Vec<BreakerEvent>,
    ) {
        self.breaker.open(now, why, policy);
        self.opened(now, why, events);
    }

    fn opened(&mut self, now: Duration, why: BreakerReason, events: &mut Vec<BreakerEvent>) {
        self.listed.vitals.set_open(Some(now));
        self.opened += 1;
        events.push(BreakerEvent::Opened {
            instance: Arc::clone(&self.listed.instance),
            endpoint: Arc::clone(&self.listed.endpoint),
            why,
            pause: self.breaker.until().unwrap_or(now).saturating_sub(now),
        });
    }

    fn close(&mut self, now: Duration, events: &mut Vec<BreakerEvent>) {
        self.breaker.close(now);
        self.renew(now);
        events.push(BreakerEvent::Closed {
            instance: Arc::clone(&self.listed.instance),
            endpoint: Arc::clone(&self.listed.endpoint),
        });
    }

    /// What was before says nothing any more: it begins with little, and shows what it can do.
    fn renew(&mut self, now: Duration) {
        self.listed.vitals.set_open(None);
        self.listed.vitals.load.forget_latency();
        self.window = Window::new(now, self.listed.vitals.totals());
        self.counts = Counts::default();
        self.keeps = LEAST_KEPT;
    }

    fn show(&self, now: Duration) -> InstanceBreaker {
        let counts = self.window.counts(&self.listed.vitals.totals());
        let bad = counts.failed + counts.late + counts.overloaded;
        InstanceBreaker {
            instance: Arc::clone(&self.listed.instance),
            endpoint: Arc::clone(&self.listed.endpoint),
            state: self.breaker.state(),
            why: self.breaker.why(),
            retry_in: self.breaker.until().map(|until| until.saturating_sub(now)),
            opened: self.opened,
            weight: f64::from(self.listed.vitals.load.keeps()) / f64::from(ALL),
            calls: counts.calls,
            successes: counts.calls.saturating_sub(bad),
            failures: counts.failed,
            late: counts.late,
            overloaded: counts.overloaded,
        }
    }
}

/// How many of so many instances may be left alone since others do better: their part, rounded down, and one where there
/// is another.
fn most_ejected(listed: usize, most: f64) -> usize {
    let whole = (0..=listed)
        .rev()
        .find(|&count| part(count, listed) <= most);
    match listed {
        0 | 1 => 0,
        _ if most <= 0.0 => 0,
        _ => whole.unwrap_or(0).max(1),
    }
}

fn is_below(usable: usize, listed: usize, least: f64) -> bool {
    listed > 0 && part(usable, listed) < least
}

#[expect(clippy::cast_precision_loss, reason = "instances are fewer than 2^53")]
fn part(count: usize, whole: usize) -> f64 {
    count as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests;
