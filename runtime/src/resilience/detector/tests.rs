//! Who is left alone and when, to the tick.

mod fleet;
mod simulation;

use super::super::breaker::BreakerState;
use super::*;
use crate::balance::Load;
use crate::governance::Share;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_nanos(1);

/// Instances, and what their detector tells.
struct Fleet {
    detector: Detector,
    all: Vec<Arc<Vitals>>,
    told: Arc<Mutex<Vec<String>>>,
}

impl Fleet {
    fn of(count: usize) -> Self {
        Self::with(count, BreakerPolicy::default())
    }

    fn with(count: usize, policy: BreakerPolicy) -> Self {
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Listener::new({
            let told = Arc::clone(&told);
            move |event: &BreakerEvent| told.lock().unwrap().push(shown(event))
        });
        let all = (0..count).map(|_| Arc::new(Vitals::new(Arc::<Load>::default())));
        let fleet = Self {
            detector: Detector::new("S", "default", policy, 7, listener),
            all: all.collect(),
            told,
        };
        fleet.list(0..count);
        fleet
    }

    fn list(&self, which: std::ops::Range<usize>) {
        let listed = which.map(|index| Listed {
            key: index as u64,
            instance: format!("i{index}").into(),
            endpoint: Arc::default(),
            vitals: Arc::clone(&self.all[index]),
        });
        self.detector.follow(listed.collect(), Duration::ZERO);
    }

    /// A call that ends at `now`.
    fn call(&self, index: usize, now: Duration, verdict: Verdict) {
        self.answer(index, now, MS, verdict);
    }

    fn answer(&self, index: usize, now: Duration, latency: Duration, verdict: Verdict) {
        let vitals = &self.all[index];
        vitals.load.begin();
        let probe = vitals.takes_probe();
        vitals
            .load
            .end(now, latency, crate::balance::Outcome::Answered);
        self.detector.ended(vitals, now, latency, verdict, probe);
    }

    fn fail(&self, index: usize, now: Duration, times: usize) {
        for _ in 0..times {
            self.call(index, now, Verdict::Failed);
        }
    }

    /// `rounds` answers of each of these, one millisecond apart.
    fn serve(&self, which: std::ops::Range<usize>, from: Duration, rounds: u32) {
        for round in 0..rounds {
            for index in which.clone() {
                self.call(index, from + round * MS, Verdict::Answered);
            }
        }
    }

    fn state(&self, index: usize) -> BreakerState {
        self.detector.states(Duration::ZERO).instances[index].state
    }

    fn open(&self) -> Vec<usize> {
        let all = 0..self.all.len();
        all.filter(|&index| self.state(index) != BreakerState::Closed)
            .collect()
    }

    fn until(&self, index: usize) -> Duration {
        let ward = self.detector.lock();
        ward.cases[index].breaker.until().unwrap()
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

fn shown(event: &BreakerEvent) -> String {
    match event {
        BreakerEvent::Opened { instance, why, .. } => format!("{instance} opened: {why}"),
        BreakerEvent::Closed { instance, .. } => format!("{instance} closed"),
        BreakerEvent::PanicBegan { usable, listed } => format!("panic: {usable} of {listed}"),
        BreakerEvent::PanicEnded { usable, listed } => format!("no panic: {usable} of {listed}"),
    }
}

#[test]
fn five_failures_in_a_row_open_and_four_do_not() {
    let fleet = Fleet::of(3);
    fleet.fail(0, SECOND, 4);
    fleet.call(0, SECOND, Verdict::Answered);
    fleet.fail(0, SECOND, 4);
    assert!(fleet.open().is_empty());
    assert_eq!(fleet.all[0].load.standing(), Standing::Good);
    fleet.fail(0, SECOND, 1);
    assert_eq!(fleet.open(), [0]);
    assert_eq!(fleet.all[0].load.standing(), Standing::Ejected);
    assert_eq!(fleet.told(), ["i0 opened: failures in a row"]);
}

#[test]
fn exactly_one_call_goes_as_a_probe_when_time_is_up() {
    let fleet = Fleet::of(3);
    fleet.fail(1, SECOND, 5);
    let until = fleet.until(1);
    let any = |_| true;
    assert!(!fleet.detector.needs_care(until.saturating_sub(TICK)));
    assert_eq!(fleet.detector.probe(until.saturating_sub(TICK), any), None);
    assert!(fleet.detector.needs_care(until));
    assert_eq!(fleet.detector.probe(until, any), Some(1));
    assert_eq!(fleet.state(1), BreakerState::HalfOpen);
    assert!(!fleet.detector.needs_care(until));
    assert_eq!(fleet.detector.probe(until + MS, any), None, "one at a time");
    fleet.call(1, until + 2 * MS, Verdict::Failed);
    assert_eq!(fleet.state(1), BreakerState::Open);
    let second = fleet.until(1).saturating_sub(until + 2 * MS);
    assert!(second > 1_500 * MS && second <= 2 * SECOND, "{second:?}");
    let until = fleet.until(1);
    assert_eq!(fleet.detector.probe(until, any), Some(1));
    fleet.call(1, until + MS, Verdict::Answered);
    assert_eq!(fleet.state(1), BreakerState::Closed);
    assert_eq!(fleet.all[1].load.standing(), Standing::Good);
    assert_eq!(
        fleet.told(),
        ["i1 opened: failures in a row", "i1 closed"],
        "a pause that goes on is no news"
    );
}

#[test]
fn a_probe_that_says_nothing_is_sent_again() {
    let fleet = Fleet::of(3);
    fleet.fail(1, SECOND, 5);
    let until = fleet.until(1);
    assert_eq!(fleet.detector.probe(until, |_| true), Some(1));
    assert!(fleet.all[1].takes_probe());
    fleet.detector.probe_abandoned(&fleet.all[1]);
    assert_eq!(fleet.detector.probe(until, |_| true), Some(1));
    fleet.call(1, until, Verdict::Nothing);
    assert_eq!(fleet.state(1), BreakerState::Open);
    assert_eq!(fleet.detector.probe(until, |_| true), Some(1));
    fleet.call(1, until, Verdict::Overloaded);
    assert_eq!(fleet.state(1), BreakerState::Closed, "it is alive");
}

#[test]
fn calls_that_cannot_be_a_probe_do_not_look_for_it_each_time() {
    let fleet = Fleet::of(3);
    fleet.fail(1, SECOND, 5);
    let until = fleet.until(1);
    assert_eq!(fleet.detector.probe(until, |_| false), None);
    assert!(
        !fleet
            .detector
            .needs_care((until + UNFIT).saturating_sub(TICK))
    );
    assert!(fleet.detector.needs_care(until + UNFIT));
    assert_eq!(fleet.detector.probe(until + UNFIT, |_| true), Some(1));
}

#[test]
fn there_is_no_probe_without_a_way_to_the_instance() {
    let fleet = Fleet::of(3);
    fleet.fail(1, SECOND, 5);
    fleet.all[1].load.set_standing(Standing::Down);
    let until = fleet.until(1);
    assert_eq!(fleet.detector.probe(until, |_| true), None);
    assert_eq!(fleet.until(1), until + SECOND);
    fleet.all[1].load.set_standing(Standing::Good);
    assert_eq!(fleet.detector.probe(until + SECOND, |_| true), Some(1));
}

#[test]
fn nobody_is_sent_as_a_probe_to_an_instance_that_is_silent() {
    let fleet = Fleet::of(3);
    fleet.fail(1, SECOND, 5);
    fleet.all[1].load.set_standing(Standing::Suspect);
    let until = fleet.until(1);
    for second in 0..60 {
        let due = until + second * SECOND;
        assert_eq!(fleet.detector.probe(due, |_| true), None);
        assert_eq!(fleet.until(1), due + SECOND, "no pause doubles");
    }
    fleet.all[1].load.set_standing(Standing::Good);
    let due = until + 60 * SECOND;
    assert_eq!(fleet.detector.probe(due, |_| true), Some(1));
}

#[test]
fn a_sign_of_life_ends_the_pause_once() {
    for silent in [Standing::Suspect, Standing::Down] {
        let fleet = Fleet::of(3);
        fleet.fail(1, SECOND, 5);
        let any = |_| true;
        let mut now = fleet.until(1);
        for _ in 0..6 {
            assert_eq!(fleet.detector.probe(now, any), Some(1));
            fleet.call(1, now, Verdict::Failed);
            now = fleet.until(1);
        }
        // 32 s and more are left.
        now = now.saturating_sub(20 * SECOND);
        fleet.all[1].load.set_standing(silent);
        fleet.call(0, now, Verdict::Answered);
        assert_eq!(fleet.detector.probe(now, any), None);
        fleet.all[1].load.set_standing(Standing::Good);
        now += SECOND;
        fleet.call(0, now, Verdict::Answered);
        assert!(fleet.detector.needs_care(now));
        assert_eq!(fleet.detector.probe(now, any), Some(1));
        fleet.call(1, now, Verdict::Failed);
        now += SECOND;
        fleet.call(0, now, Verdict::Answered);
        assert_eq!(fleet.detector.probe(now, any), None, "one per sign");
        assert!(fleet.until(1) > now + 30 * SECOND, "it still fails");
    }
}

#[test]
fn an_instance_that_is_listed_again_is_asked_at_once_by_one_call() {
    for listed_at_failure in [true, false] {
        let fleet = Fleet::of(3);
        fleet.serve(0..3, SECOND, 40);
        if listed_at_failure {
            fleet.fail(2, 2 * SECOND, 5);
        }
        fleet.list(0..2);
        if !listed_at_failure {
            fleet.fail(2, 2 * SECOND, 5);
        }
        fleet.list(0..3);
        assert_eq!(fleet.open(), [2]);
        assert_eq!(fleet.all[2].load.standing(), Standing::Ejected);
        let any = |_| true;
        assert_eq!(fleet.detector.probe(2 * SECOND, any), Some(2));
        assert_eq!(fleet.detector.probe(2 * SECOND, any), None, "one");
        fleet.call(2, 2 * SECOND, Verdict::Answered);
        assert!(fleet.open().is_empty());
        assert_eq!(
            fleet.all[2].load.latency(2 * SECOND),
            None,
            "as one that is new"
        );
    }
}

#[test]
fn an_instance_that_is_listed_again_behind_a_failure_begins_anew_with_little() {
    let fleet = Fleet::of(3);
    fleet.serve(0..3, SECOND, 40);
    fleet.list(0..2);
    fleet.fail(2, 2 * SECOND, 4);
    fleet.list(0..3);
    assert!(fleet.open().is_empty());
    assert_eq!(fleet.all[2].load.latency(2 * SECOND), None);
    assert!(fleet.detector.states(SECOND).instances[2].weight < 0.15);
    fleet.fail(2, 2 * SECOND, 4);
    assert!(fleet.open().is_empty(), "what was before does not count");
    let others = fleet.detector.states(SECOND).instances;
    assert!(others[..2].iter().all(|one| one.weight > 0.99));
}

#[test]
fn what_comes_back_gets_its_share_back_step_by_step() {
    let fleet = Fleet::of(3);
    fleet.fail(1, SECOND, 5);
    let until = fleet.until(1);
    fleet.detector.probe(until, |_| true);
    fleet.call(1, until, Verdict::Answered);
    let weight = || fleet.detector.states(until).instances[1].weight;
    assert!(weight() < 0.15);
    let mut grown = vec![weight()];
    for look in 1..=20 {
        fleet.call(0, until + look * SECOND / 2, Verdict::Answered);
        grown.push(weight());
    }
    assert!(grown.is_sorted(), "{grown:?}");
    assert!((grown[10] - 0.6).abs() < 0.05, "{grown:?}");
    assert!((grown[20] - 1.0).abs() < f64::EPSILON, "{grown:?}");
}

#[test]
fn an_instance_that_does_worse_loses_load_first_and_is_ejected_then() {
    let fleet = Fleet::of(10);
    let weight = || fleet.detector.states(SECOND).instances[4].weight;
    // One of eight fails.
    for round in 0..80 {
        let verdict = match round % 8 {
            3 => Verdict::Failed,
            _ => Verdict::Answered,
        };
        fleet.call(4, SECOND + round * MS, verdict);
        fleet.serve(0..4, SECOND + round * MS, 1);
    }
    fleet.serve(0..4, 2 * SECOND, 1);
    assert!(fleet.open().is_empty());
    assert!((weight() - 0.77).abs() < 0.01, "{}", weight());
    for round in 0..40 {
        let verdict = match round % 2 {
            0 => Verdict::Failed,
            _ => Verdict::Answered,
        };
        fleet.call(4, 2 * SECOND + round * MS, verdict);
    }
    fleet.serve(0..4, 3 * SECOND, 1);
    assert_eq!(fleet.open(), [4]);
    assert_eq!(
        fleet.told(),
        ["i4 opened: more failures than the others"],
        "30 of 120 in the window"
    );
}

#[test]
fn overload_costs_load_and_ejects_nobody() {
    let fleet = Fleet::of(4);
    for round in 0..100 {
        fleet.call(0, SECOND + round * MS, Verdict::Overloaded);
    }
    fleet.serve(1..4, 2 * SECOND, 10);
    fleet.serve(1..4, 3 * SECOND, 10);
    assert!(fleet.open().is_empty());
    assert!(fleet.detector.states(SECOND).instances[0].weight < 0.11);
}

#[test]
fn what_answers_far_later_than_the_others_is_ejected_also_while_it_waits() {
    for ends in [true, false] {
        let fleet = Fleet::of(10);
        fleet.serve(0..10, SECOND, 40);
        // The first look behind these says what is late.
        fleet.serve(1..10, 2 * SECOND, 20);
        for round in 0..25 {
            if ends {
                fleet.answer(0, 2_100 * MS + round * MS, 200 * MS, Verdict::Answered);
            } else {
                fleet.all[0].load.begin();
            }
        }
        fleet.serve(1..10, 2_500 * MS, 1);
        fleet.serve(1..10, 3_000 * MS, 1);
        fleet.serve(1..10, 3_500 * MS, 1);
        assert_eq!(fleet.open(), [0], "ends: {ends}");
        assert_eq!(fleet.told(), ["i0 opened: far slower than the others"]);
        let until = fleet.until(0);
        fleet.detector.probe(until, |_| true);
        fleet.answer(0, until + SECOND, SECOND, Verdict::Answered);
        assert_eq!(fleet.state(0), BreakerState::Open, "a late answer is none");
    }
}

#[test]
fn at_most_three_of_ten_are_ejected_because_others_do_better() {
    for (listed, most) in [(1, 0), (2, 1), (3, 1), (7, 2), (10, 3), (100, 30)] {
        assert_eq!(most_ejected(listed, 0.3), most, "of {listed}");
    }
    assert_eq!(most_ejected(10, 0.0), 0);
    let fleet = Fleet::of(10);
    for round in 0..60 {
        for index in 0..4 {
            let bad = round % 4 != 0 || round % 8 == 0 && index > 0;
            let verdict = if bad && round % 5 != 0 {
                Verdict::Failed
            } else {
                Verdict::Answered
            };
            fleet.call(index, SECOND, verdict);
        }
        fleet.serve(4..10, SECOND, 1);
    }
    fleet.serve(4..10, 2 * SECOND, 1);
    fleet.serve(4..10, 3 * SECOND, 1);
    assert_eq!(fleet.open(), [1, 2, 3], "the worst ones");
    let ejected = fleet.detector.states(SECOND).ejected;
    assert!((ejected - 0.3).abs() < f64::EPSILON);
}

#[test]
fn what_all_suffer_ejects_nobody() {
    let fleet = Fleet::of(10);
    for round in 0..100 {
        for index in 0..10 {
            let verdict = match (round + index) % 2 {
                0 => Verdict::Failed,
                _ => Verdict::Answered,
            };
            fleet.call(
                index,
                SECOND + 10 * MS * u32::try_from(round).unwrap(),
                verdict,
            );
        }
    }
    assert!(fleet.open().is_empty());
    let states = fleet.detector.states(SECOND);
    assert!(states.instances.iter().all(|one| one.weight > 0.99));
}

#[test]
fn below_half_usable_all_are_asked_and_answers_in_a_row_end_it() {
    let fleet = Fleet::of(4);
    fleet.fail(0, SECOND, 5);
    fleet.fail(1, SECOND, 5);
    assert!(!fleet.detector.panics(), "half is enough");
    fleet.fail(2, SECOND, 5);
    assert!(fleet.detector.panics());
    assert!(fleet.detector.needs_care(SECOND));
    fleet.serve(0..1, SECOND + 2 * MS, 4);
    assert_eq!(fleet.state(0), BreakerState::Open);
    fleet.serve(0..1, SECOND + 6 * MS, 1);
    assert_eq!(fleet.state(0), BreakerState::Closed, "as many as failed");
    assert!(!fleet.detector.panics());
    let all = [
        "i0 opened: failures in a row",
        "i1 opened: failures in a row",
        "i2 opened: failures in a row",
        "panic: 1 of 4",
        "i0 closed",
        "no panic: 2 of 4",
    ];
    assert_eq!(fleet.told(), all);
}

#[test]
fn instances_without_a_way_to_them_count_as_unusable() {
    let fleet = Fleet::of(4);
    for index in 0..2 {
        fleet.all[index].load.set_standing(Standing::Down);
    }
    fleet.fail(2, SECOND, 5);
    assert!(fleet.detector.panics());
}

#[test]
fn instances_that_stay_listed_keep_what_is_known_of_them() {
    let fleet = Fleet::of(4);
    fleet.fail(2, SECOND, 5);
    fleet.list(1..4);
    assert_eq!(fleet.state(1), BreakerState::Open);
    fleet.list(3..4);
    assert!(!fleet.detector.panics());
    assert!(!fleet.detector.needs_care(60 * SECOND));
}

#[test]
fn without_circuit_breaking_nothing_opens_and_what_is_open_closes() {
    let off = BreakerPolicy {
        enabled: false,
        ..BreakerPolicy::default()
    };
    let fleet = Fleet::of(3);
    fleet.fail(0, SECOND, 5);
    fleet.detector.set_policy(off.clone(), SECOND);
    assert!(fleet.open().is_empty());
    assert_eq!(fleet.all[0].load.standing(), Standing::Good);
    fleet.fail(0, SECOND, 500);
    assert!(fleet.open().is_empty());
    let few = BreakerPolicy {
        failures_in_row: 2,
        most_ejected: Share::percent(0),
        ..BreakerPolicy::default()
    };
    fleet.detector.set_policy(few, SECOND);
    fleet.call(1, SECOND, Verdict::Answered);
    fleet.fail(1, SECOND, 2);
    assert_eq!(fleet.open(), [1]);
}
