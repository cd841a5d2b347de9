//! What the calls of one service cost and how its servers took them, by all channels of a client together: what further
//! tries may cost, and whether calls are kept back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::governance::Treatment;
use crate::random::Random;
use crate::resilience::{Allowance, Budget, Earnings, Throttle};

/// The accounts of one client and service.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Calls that were begun. All that a call costs which goes well.
    calls: AtomicU64,
    /// Tries after the first.
    again: AtomicU64,
    /// Some calls may have to be kept back.
    wary: AtomicBool,
    epoch: Instant,
    random: Random,
    accounts: Mutex<Accounts>,
}

#[derive(Debug)]
struct Accounts {
    budget: Budget,
    allowance: Allowance,
    throttle: Throttle,
}

impl Ledger {
    /// Accounts that begin `now`; `seed` decides what is left to chance.
    pub(super) fn new(now: Instant, seed: u64) -> Self {
        Self {
            calls: AtomicU64::new(0),
            again: AtomicU64::new(0),
            wary: AtomicBool::new(false),
            epoch: now,
            random: Random::new(seed),
            accounts: Mutex::new(Accounts {
                budget: Budget::new(Duration::ZERO),
                allowance: Allowance::default(),
                throttle: Throttle::default(),
            }),
        }
    }

    /// A call begins. Whether it may have to be kept back.
    pub(super) fn begin(&self) -> bool {
        // These numbers guard no other memory.
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.wary.load(Ordering::Relaxed)
    }

    /// Takes one retry from the budget, if there is one.
    pub(super) fn may_retry(&self, treatment: &Treatment, now: Instant) -> bool {
        let earnings = Earnings {
            share: treatment.retry.budget,
            floor: treatment.retry.budget_floor,
        };
        let calls = self.calls.load(Ordering::Relaxed);
        let granted = self.lock().budget.take(earnings, calls, self.at(now));
        if granted {
            self.again.fetch_add(1, Ordering::Relaxed);
        }
        granted
    }

    /// How many retries the budget has left.
    pub(super) fn retries_left(&self) -> u32 {
        self.lock().budget.left()
    }

    /// Takes one second call, if there is one.
    pub(super) fn may_hedge(&self, treatment: &Treatment) -> bool {
        let calls = self.calls.load(Ordering::Relaxed);
        let granted = self.lock().allowance.take(treatment.hedge.budget, calls);
        if granted {
            self.again.fetch_add(1, Ordering::Relaxed);
        }
        granted
    }

    /// A server turned a call away for load.
    #[cold]
    pub(super) fn turned_away(&self, now: Instant) {
        let (tried, at) = (self.tried(), self.at(now));
        let mut accounts = self.lock();
        accounts.throttle.refused(tried, at);
        if accounts.throttle.is_wary(at) {
            self.wary.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a call is kept back, since its servers have turned too many away.
    pub(super) fn keeps_back(&self, treatment: &Treatment, now: Instant) -> bool {
        if !self.wary.load(Ordering::Relaxed) || !treatment.throttle.enabled {
            return false;
        }
        let (tried, at) = (self.tried(), self.at(now));
        let mut accounts = self.lock();
        let chance = accounts
            .throttle
            .chance(treatment.throttle.ratio, tried, at);
        if self.random.unit() < chance {
            accounts.throttle.refused(tried, at);
            return true;
        }
        if !accounts.throttle.is_wary(at) {
            self.wary.store(false, Ordering::Relaxed);
        }
        false
    }

    fn tried(&self) -> u64 {
        self.calls.load(Ordering::Relaxed) + self.again.load(Ordering::Relaxed)
    }

    fn at(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.epoch)
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        // Nothing that could panic runs under the lock.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
