//! The last calls, to look at: a ring of a few, chosen so that those worth a look are among them.

use serde::Serialize;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

use crate::status::Code;

/// The most calls of one kind that are kept in a second: a ring of 256 tells of the last half minute at any load, and no
/// lock is fought over.
const PER_SECOND: u64 = 10;

/// The bits that count the calls of a second; the others say which second it is.
const COUNT: u64 = 0xff;

/// A call that is over.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RecentCall {
    /// `client` where this process made it, `server` where it answered it.
    pub side: &'static str,
    /// The path of the method.
    pub method: &'static str,
    /// Who made it, where this process answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// When it began, in milliseconds since 1970.
    pub began_unix_ms: u64,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// How it ended.
    #[serde(serialize_with = "as_str")]
    pub code: Code,
    /// The trace that it is part of, where it is traced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Whether something took the place of an answer.
    pub fallback: bool,
    /// Whom it was sent to, and what became of that; empty for calls that this process answered.
    pub tries: Vec<RecentTry>,
}

/// One try of a call.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RecentTry {
    /// The address that was asked.
    pub instance: String,
    /// Why this one.
    pub why: String,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
    /// How it ended.
    #[serde(serialize_with = "as_str")]
    pub code: Code,
    /// In which part of its life it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<&'static str>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what serde hands over is a reference"
)]
fn as_str<S: serde::Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.as_str())
}

impl fmt::Display for RecentCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            side,
            method,
            took_ms,
            code,
            ..
        } = self;
        write!(f, "{side} {method} {code} {took_ms:.3}ms")?;
        if let Some(peer) = &self.peer {
            write!(f, " from {peer}")?;
        }
        for one in &self.tries {
            let RecentTry {
                instance,
                why,
                took_ms,
                code,
                ..
            } = one;
            write!(f, "; {instance} {code} {took_ms:.3}ms ({why})")?;
        }
        if self.fallback {
            f.write_str("; fallback")?;
        }
        if let Some(trace) = &self.trace_id {
            write!(f, " trace {trace}")?;
        }
        Ok(())
    }
}

impl RecentCall {
    /// Whether there is more to see than that it went well.
    fn is_special(&self) -> bool {
        self.code != Code::Ok || self.tries.len() > 1 || self.fallback
    }
}

/// The last calls.
#[derive(Debug)]
pub(super) struct Recent {
    limit: usize,
    epoch: Instant,
    /// How many calls were kept in which second of the epoch: plain ones, special ones.
    kept: [AtomicU64; 2],
    ring: Mutex<VecDeque<RecentCall>>,
}

impl Recent {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            epoch: Instant::now(),
            kept: [AtomicU64::new(0), AtomicU64::new(0)],
            ring: Mutex::default(),
        }
    }

    /// A call is over at `now`. `call` is made only if it is kept.
    pub(super) fn add(&self, now: Instant, special: bool, call: impl FnOnce() -> RecentCall) {
        let second = now.saturating_duration_since(self.epoch).as_secs() << COUNT.count_ones();
        let count = |before: u64| {
            let count = if before & !COUNT == second {
                before & COUNT
            } else {
                0
            };
            (count < PER_SECOND).then_some(second | (count + 1))
        };
        // The number guards no other memory.
        let kept = self.kept[usize::from(special)].fetch_update(
            Ordering::Relaxed,
            Ordering::Relaxed,
            count,
        );
        if kept.is_err() {
            return;
        }
        let call = call();
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() >= self.limit {
            // What only went well makes room first.
            let plain = ring.iter().position(|call| !call.is_special());
            ring.remove(plain.unwrap_or(0));
        }
        ring.push_back(call);
    }

    /// Those that are kept, the newest first.
    pub(super) fn calls(&self) -> Vec<RecentCall> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn call(code: Code) -> RecentCall {
        RecentCall {
            side: "client",
            method: "shop.Orders/place",
            peer: None,
            began_unix_ms: 0,
            took_ms: 1.0,
            code,
            trace_id: None,
            fallback: false,
            tries: Vec::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_ring_is_bounded_and_failures_stay_longest() {
        let recent = Recent::new(3);
        for index in 0..20_u64 {
            let now = Instant::now() + Duration::from_secs(index);
            let code = if index == 2 {
                Code::Unavailable
            } else {
                Code::Ok
            };
            recent.add(now, code != Code::Ok, || call(code));
        }
        let codes: Vec<_> = recent.calls().iter().map(|call| call.code).collect();
        assert_eq!(codes, [Code::Ok, Code::Ok, Code::Unavailable]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_come_together_are_not_all_kept() {
        let recent = Recent::new(100);
        let now = Instant::now();
        for _ in 0..50 {
            recent.add(now, false, || call(Code::Ok));
            recent.add(now, true, || call(Code::Internal));
        }
        assert_eq!(recent.calls().len(), 20);
    }
}
