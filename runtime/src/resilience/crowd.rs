//! A server under load, simulated: the limit that is searched for and the line before it, with callers who give up.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "moments and counts of a simulation of minutes"
)]

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::adaptive::Adaptive;
use super::line::Line;

/// Microseconds of a step.
const STEP: u64 = 200;

/// How long a caller waits unless said otherwise, in µs.
const DEADLINE: u64 = 1_000_000;

/// What `limit.queue_calls` and `limit.queue_wait` are unless set, the second in µs.
const QUEUE: (usize, u64) = (32, 20_000);

/// How calls share what there is.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// So many are worked on, the others wait for their turn.
    Slots(usize),
    /// All are worked on, by so many cores.
    Cores(f64),
}

/// How long the work of a call is.
#[derive(Clone, Copy, Debug)]
enum Length {
    Even(f64),
    /// As chance has it, with this mean: as long calls among short ones as there are.
    Spread(f64),
}

struct Call {
    came: u64,
    began: u64,
    work: f64,
}

/// What became of calls, from a moment on.
#[derive(Debug, Default)]
struct Noticed {
    offered: u64,
    refused: u64,
    gave_up: u64,
    /// In µs, from when the call came.
    took: Vec<u64>,
}

impl Noticed {
    fn quantile(&mut self, hundredths: usize) -> Duration {
        self.took.sort_unstable();
        let at = self.took.len() * hundredths / 100;
        Duration::from_micros(self.took.get(at).copied().unwrap_or_default())
    }
}

struct Server {
    work: Work,
    length: Length,
    limited: bool,
    /// In µs.
    deadline: u64,
    adaptive: Adaptive,
    line: Line<u64>,
    /// When who waits in line gives up, by number.
    patience: VecDeque<(u64, u64)>,
    calls: HashMap<u64, Call>,
    /// In the order in which they came.
    deadlines: VecDeque<(u64, u64)>,
    running: u32,
    turn: VecDeque<u64>,
    worked_on: BTreeSet<(u64, u64)>,
    /// How much has been worked on each call that was there from the beginning, in ns.
    progress: f64,
    start: Instant,
    now: u64,
    next: f64,
    number: u64,
    seed: u64,
    noticed: Noticed,
}

impl Server {
    fn new(work: Work, length: Length, limited: bool) -> Self {
        let start = super::origin();
        Self {
            work,
            length,
            limited,
            deadline: DEADLINE,
            adaptive: Adaptive::new(4, None, start),
            line: Line::new(),
            patience: VecDeque::new(),
            calls: HashMap::new(),
            deadlines: VecDeque::new(),
            running: 0,
            turn: VecDeque::new(),
            worked_on: BTreeSet::new(),
            progress: 0.0,
            start,
            now: 0,
            next: 0.0,
            number: 0,
            seed: 7,
            noticed: Noticed::default(),
        }
    }

    fn at(&self, micros: u64) -> Instant {
        self.start + Duration::from_micros(micros)
    }

    /// Between 0 and 1, never 0.
    fn chance(&mut self) -> f64 {
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.seed >> 33) + 1) as f64 / (1_u64 << 31) as f64
    }

    /// Offers so many calls a second for so many seconds, and tells what became of them.
    fn serve(&mut self, rate: f64, seconds: f64) -> Noticed {
        self.noticed = Noticed::default();
        let end = self.now + (seconds * 1e6) as u64;
        self.next = self.next.max(self.now as f64);
        while self.now < end {
            self.now += STEP;
            self.work();
            self.give_up();
            while self.next <= self.now as f64 {
                self.arrive();
                self.next += -self.chance().ln() / rate * 1e6;
            }
        }
        std::mem::take(&mut self.noticed)
    }

    fn arrive(&mut self) {
        self.noticed.offered += 1;
        let number = self.number;
        self.number += 1;
        let work = match self.length {
            Length::Even(work) => work,
            Length::Spread(mean) => -self.chance().ln() * mean,
        };
        let (came, began) = (self.now, self.now);
        let call = Call { came, began, work };
        if !self.limited {
            self.calls.insert(number, call);
            return self.run(number);
        }
        let needs = self.adaptive.needs(self.at(self.now)).unwrap_or_default();
        if needs >= Duration::from_micros(self.deadline) {
            self.noticed.refused += 1;
        } else if self.running < self.adaptive.limit() {
            self.calls.insert(number, call);
            self.run(number);
        } else {
            self.adaptive.press();
            let now = self.at(self.now);
            if self.line.len() >= QUEUE.0
                && let Some(first) = self.line.make_way(now)
            {
                self.calls.remove(&first);
                self.noticed.refused += 1;
            }
            if self.line.len() < QUEUE.0 {
                self.calls.insert(number, call);
                let at = self.line.join(number, None, now);
                self.patience.push_back((self.now + QUEUE.1, at));
            } else {
                self.noticed.refused += 1;
            }
        }
    }

    fn run(&mut self, number: u64) {
        self.running += 1;
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.began = self.now;
        self.deadlines
            .push_back((call.came + self.deadline, number));
        match self.work {
            Work::Slots(_) => self.turn.push_back(number),
            Work::Cores(_) => {
                let until = (self.progress + call.work * 1e9) as u64;
                self.worked_on.insert((until, number));
            }
        }
        self.take_turns();
    }

    fn take_turns(&mut self) {
        let Work::Slots(slots) = self.work else {
            return;
        };
        while self.worked_on.len() < slots
            && let Some(number) = self.turn.pop_front()
        {
            if let Some(call) = self.calls.get(&number) {
                let until = self.now + (call.work * 1e6) as u64;
                self.worked_on.insert((until, number));
            }
        }
    }

    /// A step of work.
    fn work(&mut self) {
        if let Work::Cores(cores) = self.work {
            let each = (cores / self.worked_on.len().max(1) as f64).min(1.0);
            self.progress += each * STEP as f64 * 1e3;
        }
        let done = match self.work {
            Work::Slots(_) => self.now,
            Work::Cores(_) => self.progress as u64,
        };
        while let Some(&(until, number)) = self.worked_on.first()
            && until <= done
        {
            self.worked_on.pop_first();
            self.end(number, true);
        }
        self.take_turns();
    }

    fn end(&mut self, number: u64, answered: bool) {
        let Some(call) = self.calls.remove(&number) else {
            return;
        };
        self.running -= 1;
        if answered {
            self.noticed.took.push(self.now - call.came);
        } else {
            self.noticed.gave_up += 1;
        }
        if self.limited {
            let (began, now) = (self.at(call.began), self.at(self.now));
            self.adaptive.ended(began, now, answered, self.running);
            self.next_in_line();
        }
    }

    fn next_in_line(&mut self) {
        while !self.line.is_empty() && self.running < self.adaptive.limit() {
            let patience = Duration::from_micros(QUEUE.1);
            let mut late = Vec::new();
            let next = self
                .line
                .next(patience, self.at(self.now), |who| late.push(who));
            for who in late {
                self.calls.remove(&who);
                self.noticed.refused += 1;
            }
            if let Some(next) = next {
                self.run(next);
            }
        }
    }

    fn give_up(&mut self) {
        while let Some(&(at, number)) = self.patience.front()
            && at <= self.now
        {
            self.patience.pop_front();
            if let Some(who) = self.line.leave(number, self.at(self.now)) {
                self.calls.remove(&who);
                self.noticed.refused += 1;
            }
        }
        while let Some(&(at, number)) = self.deadlines.front()
            && at <= self.now
        {
            self.deadlines.pop_front();
            if self.calls.contains_key(&number) {
                self.worked_on.retain(|one| one.1 != number);
                self.end(number, false);
            }
        }
        self.take_turns();
    }
}

/// Twenty calls at once, of 10 ms each.
fn twenty() -> Server {
    Server::new(Work::Slots(20), Length::Even(0.010), true)
}

#[test]
fn three_times_what_can_be_done_costs_little_of_it_and_little_time() {
    for length in [Length::Even(0.010), Length::Spread(0.010)] {
        let mut server = Server::new(Work::Slots(20), length, true);
        let calm = server.serve(500.0, 5.0).quantile(99);
        server.serve(6_000.0, 2.0);
        let mut storm = server.serve(6_000.0, 30.0);
        assert!(
            storm.took.len() > 51_000,
            "{length:?}: {}",
            storm.took.len()
        );
        assert!(storm.quantile(99) < calm * 3, "{length:?}: {storm:?}");
        assert_eq!(storm.gave_up, 0, "{length:?}");
        // Within 5 s behind it all is as before.
        server.serve(500.0, 4.0);
        let mut behind = server.serve(500.0, 5.0);
        assert_eq!((behind.refused, behind.gave_up), (0, 0), "{length:?}");
        assert!(behind.quantile(99) <= calm * 5 / 4, "{length:?}");
    }
}

#[test]
fn callers_who_give_up_do_not_hide_an_overload_from_a_server_that_starts_in_it() {
    let mut server = twenty();
    server.serve(6_000.0, 5.0);
    let mut storm = server.serve(6_000.0, 10.0);
    assert!(storm.took.len() > 17_000, "{}", storm.took.len());
    assert!(storm.quantile(99) < Duration::from_millis(30));
    assert_eq!(storm.gave_up, 0);
}

#[test]
fn a_server_whose_calls_take_long_for_a_reason_of_their_own_takes_them_again_soon() {
    for (rate, slow) in [(2_000.0, 0.030), (500.0, 0.1), (500.0, 1.0), (50.0, 2.0)] {
        for length in [Length::Even(slow), Length::Spread(slow)] {
            let mut server = Server::new(Work::Slots(10_000), Length::Even(0.005), true);
            server.deadline = 4_000_000;
            server.serve(rate, 5.0);
            server.length = length;
            // Some of them are slow before that is believed, and others before what is tried ends.
            server.serve(rate, 4.0 + 6.0 * slow);
            let noticed = server.serve(rate, 30.0);
            assert_eq!(noticed.refused, 0, "{rate} {length:?}");
        }
    }
}

#[test]
fn cores_that_start_under_an_overload_get_out_of_it() {
    let mut server = Server::new(Work::Cores(2.0), Length::Even(0.005), true);
    server.serve(1_200.0, 6.0);
    let storm = server.serve(1_200.0, 10.0);
    assert!(storm.took.len() > 3_600, "{}", storm.took.len());
    assert_eq!(storm.gave_up, 0);
}

#[test]
fn cores_that_are_busy_and_not_overloaded_lose_next_to_nothing_by_a_limit() {
    for cores in [2.0, 8.0, 32.0] {
        let offered = 0.8 * cores / 0.005;
        let mut limited = Server::new(Work::Cores(cores), Length::Spread(0.005), true);
        let mut free = Server::new(Work::Cores(cores), Length::Spread(0.005), false);
        let mut with = limited.serve(offered, 60.0);
        let mut without = free.serve(offered, 60.0);
        // Of two cores bursts are as long as an overload: one in a hundred calls goes elsewhere.
        assert!(
            with.refused * 50 < with.offered,
            "{cores}: {}",
            with.refused
        );
        assert!(with.took.len() * 100 > without.took.len() * 98, "{cores}");
        assert!(with.quantile(99) < without.quantile(99) * 5 / 4, "{cores}");
    }
}

#[test]
fn overloaded_cores_do_as_much_as_they_can_and_do_it_soon() {
    for cores in [2.0, 8.0, 32.0] {
        let capacity = cores / 0.005;
        let mut server = Server::new(Work::Cores(cores), Length::Spread(0.005), true);
        server.serve(capacity / 4.0, 5.0);
        server.serve(capacity * 3.0, 2.0);
        let mut storm = server.serve(capacity * 3.0, 30.0);
        let done = storm.took.len() as f64 / 30.0;
        assert!(done > 0.9 * capacity, "{cores}: {done}");
        let half = storm.quantile(50);
        assert!(half < Duration::from_millis(50), "{cores}: {half:?}");
        assert_eq!(storm.gave_up, 0, "{cores}");
    }
}

#[test]
fn without_a_limit_all_of_them_wait_and_hardly_any_in_time() {
    let mut server = Server::new(Work::Slots(20), Length::Even(0.010), false);
    server.serve(6_000.0, 3.0);
    let storm = server.serve(6_000.0, 10.0);
    assert!(storm.took.len() < 10_000, "{}", storm.took.len());
}
