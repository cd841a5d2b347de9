//! Sees that handlers hold up their connection, without looking at the clock for each.
//!
//! One look is for several events together. Where these took long, each of the methods that were called may have been why,
//! and is timed by itself for a while.

use std::time::Duration;

use crate::link::pace::LONG;

/// Events for each look at the clock.
const PORTION: usize = 16;

/// What has happened since the last look.
#[derive(Debug, Default)]
pub(super) struct Watch {
    events: usize,
    /// The numbers of the routes whose handlers were called, and not timed.
    called: Vec<usize>,
    /// What those took that were timed.
    timed: Duration,
}

impl Watch {
    pub(super) fn event(&mut self) {
        self.events += 1;
    }

    /// A handler is called without being timed.
    pub(super) fn called(&mut self, route: usize) {
        self.called.push(route);
    }

    /// A handler was timed.
    pub(super) fn timed(&mut self, took: Duration) {
        self.timed += took;
    }

    /// Whether it is time for a look; `idle` says that no event is left.
    pub(super) fn is_due(&self, idle: bool) -> bool {
        self.events >= PORTION || self.timed > LONG || (idle && self.events > 0)
    }

    /// So long took what happened since the last look. Gives the routes that may have been why, if it was long.
    pub(super) fn look(&mut self, took: Duration) -> impl Iterator<Item = usize> + use<'_> {
        if took.saturating_sub(self.timed) <= LONG {
            self.called.clear();
        }
        self.events = 0;
        self.timed = Duration::ZERO;
        self.called.drain(..)
    }
}
