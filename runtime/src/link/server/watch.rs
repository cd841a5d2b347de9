//! Sees which handlers hold up their connection, without looking at the clock for each call.
//!
//! A look at the clock costs a twentieth of a small call. So it is for several events together, and only where these took
//! long is each of the next ones looked at alone.

use std::sync::Arc;
use std::time::Duration;

use crate::link::pace::{LONG, Pace};

/// Events for each look at the clock, where nothing took long.
const PORTION: usize = 16;

/// Events that are looked at one by one, after something took long: as many as a mean over polls remembers.
const CLOSELY: u32 = 64;

#[derive(Debug)]
pub(super) struct Watch {
    /// Events still to be looked at one by one.
    closely: u32,
    /// Whose call it was since the last look.
    last: Option<Arc<Pace>>,
}

impl Default for Watch {
    /// The first calls of a connection are looked at closely.
    fn default() -> Self {
        Self {
            closely: CLOSELY,
            last: None,
        }
    }
}

impl Watch {
    /// A handler is called.
    pub(super) fn begins(&mut self, pace: &Arc<Pace>) {
        if self.closely > 0 && pace.learns() {
            self.last = Some(Arc::clone(pace));
        }
    }

    /// After how many events [`Watch::took`] is to be told.
    pub(super) fn portion(&self) -> usize {
        if self.closely > 0 { 1 } else { PORTION }
    }

    /// So long took what happened since the last time.
    pub(super) fn took(&mut self, time: Duration) {
        if let Some(pace) = self.last.take() {
            pace.learn(time);
        }
        self.closely = if time > LONG {
            CLOSELY
        } else {
            self.closely.saturating_sub(1)
        };
    }
}
