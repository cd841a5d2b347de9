//! How many calls may run at once, found out by how long they take.
//!
//! Calls that wait for each other (for cores, for connections to a database) take longer the more of them run, and no more
//! of them are done. So the limit is taken down when calls take longer than they did with few, and up while they do not.
//!
//! ```text
//!            slow, or pressed for 10 s
//!   Steady ────────────────────────────────────► Searching: fewer, and again while as many are done
//!     ▲  │ limit × tolerance × baseline / latency       │
//!     └──┘                                              │ fewer are done: this is how long they take
//!     ▲                                                 │
//!     └────── the last limit with which as many were ◄──┘
//! ```
//!
//! The limit follows the ratio of two latencies, as that of Netflix's `concurrency-limits` (Gradient2) and Envoy's adaptive
//! concurrency. What is different is where the smaller of them comes from: it is measured by a search, which goes down
//! for as long as as many calls are done in a second, so that calls which take longer for a reason of their own (a slow disk,
//! another mix) are not turned away for it, and latency under load that lasts is not taken for latency without load. That
//! callers give up, which bounds every latency, does not deceive it.

use std::time::Duration;

/// How many times as long as with few calls they may take. 1.5, as Gradient2 has it: what a busy server may cost.
const TOLERANCE: f64 = 1.5;

/// What they may take longer in any case, in seconds: by less than 5 ms nobody is hurt, and calls of microseconds take as much longer
/// wherever another program has the core for a moment.
const NOTICED: f64 = 0.005;

/// From so many times as long as they may take on it is no step from what was good, but something new: it is searched.
const FAR: f64 = 2.0;

/// Windows that were slow, one after the other, before anything follows: one may be chance, and tells of too few answers where calls
/// have just begun to take long.
const CONFIRMED: u32 = 2;

/// The part of the calls that run with which a search begins, at least. 8: where calls take long for a reason of their own, so many
/// soon tell.
const DEEPEST: f64 = 8.0;

/// So much of what was done in a second before is as much. Half as many calls do half as much, where they wait for nothing.
const AS_MUCH: f64 = 0.75;

/// As many slow windows while a limit is in force make the baseline doubtful.
const DOUBTFUL: u32 = 8;

/// How long a limit that keeps calls out is believed. A search costs a part of the calls of some 200 ms: a hundredth or two.
const BELIEVED: Duration = Duration::from_secs(10);

/// How long after a search no other begins.
const RESTED: Duration = Duration::from_secs(2);

/// After so long without a call that was kept out the limit is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// Windows that a search waits for as many calls to end as it wants.
const PATIENCE: u32 = 10;

/// What was seen in a window of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    /// How long it was.
    pub(crate) length: Duration,
    /// How long calls took that began since the limit last changed, in the mean, in seconds.
    pub(crate) mean: f64,
    /// How far that mean may be off: its standard error.
    pub(crate) error: f64,
    /// Calls that ran at once.
    pub(crate) running: f64,
    /// Calls that were answered in a second, whenever they began.
    pub(crate) rate: f64,
    /// Whether the limit kept calls out.
    pub(crate) pressed: bool,
}

/// A limit that follows latencies. Starts without any.
#[derive(Clone, Debug)]
pub(crate) struct Gradient {
    least: f64,
    most: f64,
    limit: f64,
    /// How long calls take that do not wait for each other, in seconds.
    baseline: Option<f64>,
    /// Slow windows up to now.
    slow: u32,
    search: Option<Search>,
    /// How long calls were kept out since the last search.
    pressed: Duration,
    /// Since the last search.
    rested: Duration,
    /// Since a call was last kept out.
    quiet: Duration,
}

/// Where a search last was, and how many windows it has been waiting to get further.
#[derive(Clone, Copy, Debug)]
struct Search {
    running: f64,
    rate: f64,
    limit: f64,
    /// Whether those have ended that were let in before the first step, which is a long one.
    drained: bool,
    waited: u32,
}

impl Gradient {
    /// Finds a limit within these bounds.
    pub(crate) fn new(least: u32, most: Option<u32>) -> Self {
        let most = most.map_or(f64::INFINITY, f64::from);
        Self {
            least: f64::from(least.max(1)).min(most),
            most,
            limit: most,
            baseline: None,
            slow: 0,
            search: None,
            pressed: Duration::ZERO,
            rested: RESTED,
            quiet: Duration::ZERO,
        }
    }

    /// Keeps to other bounds from now on.
    pub(crate) fn bound(&mut self, least: u32, most: Option<u32>) {
        let fresh = Self::new(least, most);
        (self.least, self.most) = (fresh.least, fresh.most);
        self.limit = self.limit.clamp(self.least, self.most);
    }

    /// The most calls that may run at once.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float ends at the bounds of the integer"
    )]
    pub(crate) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// How long calls take that do not wait for each other, as far as it is known.
    pub(crate) fn baseline(&self) -> Option<Duration> {
        self.baseline
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// Learns from a window.
    pub(crate) fn learn(&mut self, seen: &Window) {
        let Some(baseline) = self.baseline else {
            self.baseline = Some(seen.mean);
            return;
        };
        self.rested += seen.length;
        if let Some(search) = self.search {
            return self.go_on(search, seen);
        }
        if seen.pressed {
            self.pressed += seen.length;
            self.quiet = Duration::ZERO;
        } else {
            self.quiet += seen.length;
        }
        let slow = seen.mean - 2.0 * seen.error > tolerated(baseline);
        if slow {
            self.slow += 1;
            self.slowed(baseline, seen);
        } else {
            self.slow = 0;
            self.fine(baseline, seen);
        }
        if self.pressed >= BELIEVED && self.rested >= RESTED && self.search.is_none() {
            self.begin(seen, seen.running / 2.0);
        }
    }

    fn slowed(&mut self, baseline: f64, seen: &Window) {
        if seen.running <= self.least {
            // So few do not wait for each other: it is how long they take now.
            self.baseline = Some(baseline + (seen.mean - baseline) / 4.0);
            return;
        }
        let known = self.limit < self.most;
        let far = seen.mean > FAR * tolerated(baseline) || !known;
        if known && !far {
            self.step(baseline, seen);
        }
        let doubtful = self.slow >= if known && !far { DOUBTFUL } else { CONFIRMED };
        if doubtful && self.rested >= RESTED {
            // Little: so many ran at once if each took as long as it does by itself.
            let enough = tolerated(baseline) * seen.rate;
            let most = enough.max(seen.running / DEEPEST);
            self.begin(seen, most.min(seen.running / 2.0));
        } else if known && far {
            self.step(baseline, seen);
        }
    }

    /// Down by as much as calls take too long, and up again by what a burst needs.
    fn step(&mut self, baseline: f64, seen: &Window) {
        let from = self.limit.min(seen.running.max(self.least));
        let gradient = (tolerated(baseline) / seen.mean).clamp(0.5, 1.0);
        self.set(from * gradient + from.sqrt());
    }

    fn fine(&mut self, baseline: f64, seen: &Window) {
        if seen.mean < baseline {
            self.baseline = Some(baseline + (seen.mean - baseline) / 4.0);
        } else if !seen.pressed {
            // Slowly: what grows with the load is not to be taken for what calls need.
            self.baseline = Some(baseline + (seen.mean - baseline) / 64.0);
        }
        if seen.pressed {
            self.set(self.limit + self.limit.sqrt());
        } else if self.quiet >= FORGOTTEN {
            self.limit = self.most;
            self.pressed = Duration::ZERO;
        }
    }

    /// Searches on with so many.
    fn begin(&mut self, seen: &Window, most: f64) {
        self.search = Some(Search {
            running: seen.running,
            rate: seen.rate,
            limit: self.limit,
            drained: self.search.is_some(),
            waited: 0,
        });
        self.set(most.min(self.limit / 2.0));
    }

    fn go_on(&mut self, before: Search, seen: &Window) {
        if seen.running > 0.8 * before.running {
            if before.waited < PATIENCE {
                let waited = before.waited + 1;
                self.search = Some(Search { waited, ..before });
            } else {
                // The calls that run are of another kind: nothing is known.
                self.end(before.limit, seen.mean);
            }
            return;
        }
        if !before.drained {
            // Some of those that were answered had been let in before.
            self.search = Some(Search {
                drained: true,
                ..before
            });
            return;
        }
        if seen.rate < AS_MUCH * before.rate {
            return self.end(before.limit, seen.mean);
        }
        if self.limit <= self.least {
            return self.end(self.limit, seen.mean);
        }
        self.begin(seen, seen.running / 2.0);
    }

    fn end(&mut self, limit: f64, baseline: f64) {
        self.search = None;
        self.baseline = Some(baseline);
        self.slow = 0;
        self.pressed = Duration::ZERO;
        self.rested = Duration::ZERO;
        self.set(limit);
    }

    fn set(&mut self, limit: f64) {
        self.limit = limit.clamp(self.least, self.most);
    }
}

/// How long calls may take that take so long with few, in seconds.
fn tolerated(baseline: f64) -> f64 {
    (TOLERANCE * baseline).max(baseline + NOTICED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that does `cores` calls at once, each in `service` seconds, and is asked for `offered` calls per second.
    struct Server {
        cores: f64,
        service: f64,
        gradient: Gradient,
        done: f64,
        at: f64,
        backlog: f64,
    }

    impl Server {
        fn new(cores: f64, service: f64) -> Self {
            Self {
                cores,
                service,
                gradient: Gradient::new(4, None),
                done: 0.0,
                at: 0.0,
                backlog: 0.0,
            }
        }

        /// Serves so long: what runs grows with what is offered, up to the limit, and callers give up after a second.
        fn serve(&mut self, offered: f64, seconds: f64) -> &mut Self {
            let end = self.at + seconds - 0.05;
            while self.at < end {
                let capacity = self.cores / self.service;
                let least = offered * self.service;
                self.backlog = (self.backlog + (offered - capacity) * 0.1).clamp(0.0, offered);
                let wanted = least.min(self.cores) + self.backlog;
                let limit = f64::from(self.gradient.limit());
                let running = wanted.min(limit);
                self.backlog = self.backlog.min((running - self.cores).max(0.0));
                // Those who give up after a second are not answered.
                let mean = (self.service * (running / self.cores).max(1.0)).min(1.0);
                self.done += offered.min(running.min(self.cores) / self.service) * 0.1;
                self.at += 0.1;
                self.gradient.learn(&Window {
                    length: Duration::from_millis(100),
                    mean,
                    error: 0.0,
                    running,
                    rate: offered.min(running.min(self.cores) / self.service),
                    pressed: wanted > limit || (offered > capacity && running >= limit),
                });
            }
            self
        }

        fn limit(&self) -> u32 {
            self.gradient.limit()
        }
    }

    #[test]
    fn a_healthy_server_has_no_limit() {
        let mut server = Server::new(20.0, 0.010);
        server.serve(1_500.0, 60.0);
        assert_eq!(server.limit(), u32::MAX);
    }

    #[test]
    fn an_overloaded_server_takes_what_keeps_latency_within_the_tolerance() {
        let mut server = Server::new(20.0, 0.010);
        server.serve(1_000.0, 5.0).serve(6_000.0, 3.0);
        for _ in 0..300 {
            server.serve(6_000.0, 0.1);
            assert!(server.limit() <= 50, "{}", server.limit());
        }
        let (done, at) = (server.done, server.at);
        server.serve(6_000.0, 60.0);
        let goodput = (server.done - done) / (server.at - at);
        assert!(goodput > 0.95 * 2_000.0, "{goodput}");
        // Behind the load the limit keeps nobody out, and is forgotten.
        server.serve(1_000.0, 12.0);
        assert_eq!(server.limit(), u32::MAX);
    }

    #[test]
    fn a_server_that_starts_under_overload_finds_how_long_calls_take() {
        let mut server = Server::new(20.0, 0.010);
        server.serve(6_000.0, 30.0);
        assert!(server.limit() <= 50, "{}", server.limit());
        let baseline = server.gradient.baseline().unwrap();
        assert!(baseline <= Duration::from_millis(12), "{baseline:?}");
    }

    #[test]
    fn calls_that_take_longer_for_a_reason_of_their_own_are_taken_again_soon() {
        let mut server = Server::new(1_000.0, 0.010);
        server.serve(5_000.0, 5.0);
        server.service = 0.100;
        server.serve(5_000.0, 2.0);
        assert_eq!(server.limit(), u32::MAX);
    }

    #[test]
    fn what_may_be_chance_is_not_acted_on() {
        let mut gradient = Gradient::new(4, None);
        let window = |mean, error| Window {
            length: Duration::from_millis(100),
            mean,
            error,
            running: 100.0,
            rate: 1_000.0,
            pressed: false,
        };
        gradient.learn(&window(0.010, 0.0));
        for _ in 0..20 {
            gradient.learn(&window(0.030, 0.003));
            assert_eq!(gradient.limit(), u32::MAX);
            gradient.learn(&window(0.011, 0.0));
        }
    }

    #[test]
    fn what_nobody_notices_is_not_acted_on() {
        let mut gradient = Gradient::new(4, None);
        let window = |mean| Window {
            length: Duration::from_millis(100),
            mean,
            error: 0.0,
            running: 64.0,
            rate: 10_000.0,
            pressed: false,
        };
        gradient.learn(&window(0.000_1));
        for _ in 0..20 {
            gradient.learn(&window(0.004));
        }
        assert_eq!(gradient.limit(), u32::MAX);
        for _ in 0..CONFIRMED {
            gradient.learn(&window(0.060));
        }
        assert!(gradient.limit() < 64, "that is noticed");
    }

    #[test]
    fn bounds_are_kept() {
        let mut server = Server::new(2.0, 0.010);
        server.gradient = Gradient::new(8, Some(64));
        server.serve(100.0, 1.0);
        assert_eq!(server.limit(), 64);
        for _ in 0..200 {
            server.serve(2_000.0, 0.1);
            assert!((8..=64).contains(&server.limit()));
        }
        assert!(server.limit() < 16);
    }
}
