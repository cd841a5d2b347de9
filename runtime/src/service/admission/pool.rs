//! What all methods of a server share: how many calls may run in all, and who waits for a place.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwapOption;

use super::gate::Gate;
use super::place::{Permit, Slot, Told};
use super::reason::Refusal;
use crate::contract::Priority;
use crate::governance::LimitPolicy;
use crate::resilience::{Line, Rate};

/// That there is no limit.
pub(super) const NONE: u32 = u32::MAX;

/// The calls of a server.
#[derive(Debug)]
pub(super) struct Pool {
    start: Instant,
    /// Whether calls are counted here.
    counts: AtomicBool,
    most: AtomicU32,
    most_low: AtomicU32,
    running: AtomicU32,
    running_low: AtomicU32,
    rate: ArcSwapOption<(u32, Rate)>,
    /// How many wait.
    waiting: AtomicU32,
    lines: Mutex<Lines>,
}

/// Who comes first: the higher priority, and among equals the number of the gate.
type Rank = (Reverse<Priority>, usize);

/// Those who wait for a place, method by method, with its gate where anybody does: it holds this.
type Lines = BTreeMap<Rank, (Option<Arc<Gate>>, Line<Arc<Slot>>)>;

/// So much of `most`, one at least.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a number is not larger than it"
)]
pub(super) fn part(most: u32, share: f64) -> u32 {
    if most == NONE {
        return NONE;
    }
    ((f64::from(most) * share).round() as u32).max(1)
}

impl Pool {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            counts: AtomicBool::new(false),
            most: AtomicU32::new(NONE),
            most_low: AtomicU32::new(NONE),
            running: AtomicU32::new(0),
            running_low: AtomicU32::new(0),
            rate: ArcSwapOption::empty(),
            waiting: AtomicU32::new(0),
            lines: Mutex::default(),
        }
    }

    /// Takes over what holds for the whole server.
    pub(super) fn set(&self, limit: &LimitPolicy) {
        let most = limit.server_calls.on().unwrap_or(NONE);
        self.most.store(most, Ordering::Relaxed);
        let low = part(most, limit.low_share.part());
        self.most_low.store(low, Ordering::Relaxed);
        self.counts.store(most != NONE, Ordering::Relaxed);
        set_rate(&self.rate, limit.server_rate.on(), self.start);
    }

    pub(super) fn most(&self) -> u32 {
        self.most.load(Ordering::Relaxed)
    }

    pub(super) fn is_limited(&self) -> bool {
        self.counts.load(Ordering::Relaxed) || self.rate.load().is_some()
    }

    /// Takes one of the calls per second.
    pub(super) fn take_rate(&self, now: Instant) -> Result<(), (u32, std::time::Duration)> {
        match &*self.rate.load() {
            None => Ok(()),
            Some(rate) => rate.1.take(now).map_err(|wait| (rate.0, wait)),
        }
    }

    /// Takes a place; tells whether it has to be given back.
    pub(super) fn take(&self, priority: Priority) -> Result<bool, (Refusal, u32)> {
        if !self.counts.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let low = priority == Priority::Low;
        if low {
            let most = self.most_low.load(Ordering::Relaxed);
            up_to(&self.running_low, most).map_err(|most| (Refusal::LowShare, most))?;
        }
        let most = self.most();
        up_to(&self.running, most).map_err(|most| {
            if low {
                self.running_low.fetch_sub(1, Ordering::SeqCst);
            }
            (Refusal::ServerCalls, most)
        })?;
        Ok(true)
    }

    /// Gives a place back.
    pub(super) fn give(&self, priority: Priority) {
        self.running.fetch_sub(1, Ordering::SeqCst);
        if priority == Priority::Low {
            self.running_low.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Whether anybody waits.
    pub(super) fn has_waiting(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    /// Waits for a place at `gate`, where `most` may; else how many do.
    pub(super) fn join(
        &self,
        gate: &Arc<Gate>,
        slot: Arc<Slot>,
        most: u32,
        now: Instant,
    ) -> Result<(Rank, u64), u32> {
        let rank = (Reverse(gate.priority()), gate.number());
        let (number, first) = {
            let mut lines = self.lines();
            let (waited_for, line) = lines.entry(rank).or_insert_with(|| (None, Line::new()));
            let first = if line.len() >= most as usize {
                Some(line.make_way(now).ok_or(most)?)
            } else {
                self.waiting.fetch_add(1, Ordering::SeqCst);
                gate.waiting(1);
                None
            };
            let until = slot.until();
            let number = line.join(slot, until, now);
            waited_for.get_or_insert_with(|| Arc::clone(gate));
            (number, first)
        };
        if let Some(first) = first {
            first.tell(Told::Late);
        }
        // A place may have been given back since there was none.
        self.serve(now);
        Ok((rank, number))
    }

    /// Waits no longer; whether it waited.
    pub(super) fn leave(&self, rank: Rank, number: u64, now: Instant) -> bool {
        let mut lines = self.lines();
        let Some((waited_for, line)) = lines.get_mut(&rank) else {
            return false;
        };
        let left = line.leave(number, now).is_some();
        if left {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            if let Some(gate) = waited_for {
                gate.waiting(-1);
            }
        }
        if line.is_empty() {
            *waited_for = None;
        }
        left
    }

    /// Gives places to those who wait, as far as there are any: the highest priority first.
    pub(super) fn serve(&self, now: Instant) {
        // Told when the lock is gone: whoever hears of it may come back here.
        let mut told = Vec::new();
        {
            let mut lines = self.lines();
            for (waited_for, line) in lines.values_mut() {
                let Some(gate) = waited_for else {
                    continue;
                };
                while !line.is_empty() {
                    let Ok(taken) = gate.take() else {
                        break;
                    };
                    let before = line.len();
                    let next =
                        line.next(gate.patience(), now, |late| told.push((late, Told::Late)));
                    let gone = u32::try_from(before - line.len()).unwrap_or(0);
                    self.waiting.fetch_sub(gone, Ordering::SeqCst);
                    gate.waiting(-i32::try_from(gone).unwrap_or(0));
                    match next {
                        Some(slot) => {
                            told.push((slot, Told::Place(Permit::new(gate, taken, None))));
                        }
                        None => {
                            gate.untake(taken);
                        }
                    }
                }
                if line.is_empty() {
                    *waited_for = None;
                }
            }
        }
        for (slot, what) in told {
            slot.tell(what);
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // No statement under the lock leaves it half done.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more, if there are fewer than `most`; else `most`.
pub(super) fn up_to(running: &AtomicU32, most: u32) -> Result<(), u32> {
    let more = |running| (running < most).then_some(running + 1);
    // Ordered with the count of those who wait: one of both sees the other.
    let counted = running.fetch_update(Ordering::SeqCst, Ordering::Relaxed, more);
    counted.map(|_| ()).map_err(|_| most)
}

/// Puts a rate in the place of another, unless it is the same: what was used of it stays used.
pub(super) fn set_rate(rate: &ArcSwapOption<(u32, Rate)>, wanted: Option<u32>, start: Instant) {
    let wanted = wanted.map(|calls| calls.max(1));
    if rate.load().as_ref().map(|rate| rate.0) != wanted {
        rate.store(wanted.and_then(|calls| {
            let per_second = NonZeroU32::new(calls)?;
            Some(Arc::new((calls, Rate::new(per_second, start))))
        }));
    }
}
