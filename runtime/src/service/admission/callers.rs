//! How many calls of each caller run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The callers that have calls running; no others are kept.
#[derive(Debug, Default)]
pub(super) struct Callers(Mutex<HashMap<Arc<str>, u32>>);

/// A call that counts for its caller until this is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    callers: Arc<Callers>,
    caller: Arc<str>,
}

impl Callers {
    /// Counts a call, if fewer than `most` of its caller run.
    pub(super) fn count(self: &Arc<Self>, caller: &Arc<str>, most: u32) -> Option<Counted> {
        let mut running = self.running();
        match running.get_mut(caller) {
            Some(calls) if *calls >= most => return None,
            Some(calls) => *calls += 1,
            None if most == 0 => return None,
            None => {
                running.insert(Arc::clone(caller), 1);
            }
        }
        Some(Counted {
            callers: Arc::clone(self),
            caller: Arc::clone(caller),
        })
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Arc<str>, u32>> {
        // No statement under the lock leaves it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut running = self.callers.running();
        if let Some(calls) = running.get_mut(&self.caller) {
            *calls -= 1;
            if *calls == 0 {
                running.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_has_its_own_count_and_none_is_kept_that_has_no_call() {
        let callers = Arc::new(Callers::default());
        let (checkout, search) = ("checkout".into(), "search".into());
        let held = [callers.count(&checkout, 2), callers.count(&checkout, 2)];
        assert!(held.iter().all(Option::is_some));
        assert!(callers.count(&checkout, 2).is_none());
        assert!(callers.count(&search, 2).is_some());
        drop(held);
        assert!(callers.running().is_empty());
    }
}
