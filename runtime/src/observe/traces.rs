//! What is recorded and logged of calls.

use std::time::Duration;

/// From here on a call is slow: longer than anybody waits for a page.
const SLOW: Duration = Duration::from_secs(1);

/// Lines in a second: what a disk and a reader of logs can bear of one process.
const LINES: u32 = 1_000;

/// What is recorded and logged of calls through `tracing`.
///
/// | target | level | what |
/// |---|---|---|
/// | `callsheet::call` | `INFO` | a span for every call that a client makes; an event in it for every try |
/// | `callsheet::serve` | `INFO` | a span for every call that a handler answers |
/// | `callsheet::access` | `INFO` | a line for every call that a handler has answered, if [asked for](Self::access_log) |
/// | `callsheet::slow` | `WARN` | a line for every call with one reply that took long |
/// | `callsheet::notice` | `WARN`, `INFO` | what listeners of notices are told, and documents |
///
/// No message, metadata or text of an error is recorded: sizes, codes, addresses and ids only.
#[derive(Clone, Debug)]
pub struct Traces {
    pub(super) sampled: f64,
    pub(super) access: bool,
    pub(super) slow: Option<Duration>,
    pub(super) lines: u32,
}

impl Default for Traces {
    fn default() -> Self {
        Self {
            sampled: 1.0,
            access: false,
            slow: Some(SLOW),
            lines: LINES,
        }
    }
}

impl Traces {
    /// Spans of all calls, and a line for those that take more than 1 s.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records this part of the traces that begin here, 0 to 1; all of them unless set. What a peer says of a trace that
    /// it began counts, whatever this says.
    #[must_use]
    pub fn sampled(mut self, part: f64) -> Self {
        self.sampled = part;
        self
    }

    /// Writes a line for every call that a handler has answered.
    #[must_use]
    pub fn access_log(mut self) -> Self {
        self.access = true;
        self
    }

    /// Writes a line for every call with one reply that takes this long; 1 s unless set. [`Duration::MAX`] writes none.
    #[must_use]
    pub fn slow_calls(mut self, from: Duration) -> Self {
        self.slow = (from < Duration::MAX).then_some(from);
        self
    }

    /// Writes at most this many lines of either log in a second; 1000 unless set. The next line after those that were
    /// left out says how many.
    #[must_use]
    pub fn lines_per_second(mut self, limit: u32) -> Self {
        self.lines = limit;
        self
    }
}
