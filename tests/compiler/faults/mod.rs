//! Faults injected into every valid contract that we have, one to five at a time: how many are told, and in how many
//! reports.
//!
//! `cargo xtask faults` runs it large; without it, the test here is small, with a fixed seed.

mod corpus;
mod inject;
mod judge;
mod table;
pub(crate) mod text;

use callsheet_tests::chance::Chance;
use inject::{Fault, Kind};
use table::Tally;

/// Most faults at a time.
const MOST: usize = 5;
/// Tries to find a fault that is a mistake and independent of the others, before another file is taken.
const TRIES: usize = 60;

/// Runs `cases` combinations, as many of each size.
fn measure(cases: usize, seed: u64, samples: usize) -> Tally {
    let units = corpus::units();
    let mut tally = Tally::new(samples);
    let mut chance = Chance::new(seed);
    let total: usize = units.iter().map(|unit| unit.tokens).sum();
    let mut done = 0;
    while done < cases {
        let mut token = chance.below(total);
        let unit = units
            .iter()
            .find(|unit| {
                let here = token < unit.tokens;
                token = token.wrapping_sub(if here { 0 } else { unit.tokens });
                here
            })
            .expect("a unit holds the token");
        if combination(unit, done % MOST + 1, &mut chance, &mut tally) {
            done += 1;
        }
    }
    tally
}

/// One combination of `size` independent mistakes. False where the unit has no room for them.
fn combination(unit: &corpus::Unit, size: usize, chance: &mut Chance, tally: &mut Tally) -> bool {
    let mut faults: Vec<Fault> = Vec::new();
    let mut taken = std::collections::BTreeSet::new();
    for _ in 0..TRIES {
        let kind = Kind::ALL[chance.below(Kind::ALL.len())];
        let Some(fault) = Fault::pick(unit, kind, chance) else {
            continue;
        };
        let alone = judge::damaged(unit, &[&fault]);
        tally.alone(unit, &fault, &alone);
        if alone.errors == 0 {
            continue;
        }
        let footprint = judge::footprint(unit, &fault, &alone);
        if taken.is_disjoint(&footprint) {
            taken.extend(footprint);
            faults.push(fault);
        }
        if faults.len() == size {
            let faults: Vec<&Fault> = faults.iter().collect();
            let outcome = judge::damaged(unit, &faults);
            let told = judge::told(unit, &faults, &outcome);
            tally.together(unit, &faults, &outcome, &told);
            return true;
        }
    }
    false
}

/// A few cases of one seed, unless `cargo xtask faults` asks for more.
#[test]
fn independent_mistakes_are_told_once_each() {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    };
    let cases = usize::try_from(number("FAULTS_CASES", 200)).expect("a number of cases");
    let samples = usize::try_from(number("FAULTS_SAMPLES", 0)).expect("a number of samples");
    let seed = number("FAULTS_SEED", 1);
    let tally = measure(cases, seed, samples);
    println!("{cases} cases, seed {seed}\n\n{tally}");
    assert_eq!(tally.short(), Vec::<String>::new());
}
