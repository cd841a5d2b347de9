//! One of ten servers takes two seconds for each call, or fails two of five: how many calls still meet with it, and what the
//! others notice. With the default balancer, which avoids such a server on its own account as far as it can, and with one
//! that does not.

use std::time::Duration;

use callsheet::Balance;
use chaos::Failure;
use tokio::time::Instant;

use super::ten::{Ended, Load, Mood, Ten, p99};
use crate::judgement::{Figure, Judgement};
use crate::scenario::Outcome;
use crate::stage::{Stage, System};

/// How long the servers are watched while all is well.
const WELL: Duration = Duration::from_secs(4);

/// After this the server is to be found out.
const FOUND: Duration = Duration::from_secs(10);

/// The most calls that the server may still get, in per cent.
const GOAL_PERCENT: f64 = 2.0;

/// How much longer 99 of 100 calls may take than when all is well.
const GOAL_TIMES: f64 = 1.5;

const SLOW: Mood = Mood::Slow(Duration::from_secs(2));

const FAILING: Mood = Mood::Failing(40);

pub(super) async fn play(stage: &Stage) -> Outcome {
    let lasting = stage.pace(Duration::from_secs(20), Duration::from_secs(5));
    let play = |mood, balance| trial(stage.system, mood, balance, lasting);
    // Beside each other: none comes near the limits of the machine.
    let all = tokio::try_join!(
        play(SLOW, Balance::P2c),
        play(SLOW, Balance::RoundRobin),
        play(FAILING, Balance::P2c),
        play(FAILING, Balance::RoundRobin),
    )?;
    let names = [
        "2 s, p2c",
        "2 s, round robin",
        "fails 40 %, p2c",
        "fails 40 %, round robin",
    ];
    let all: [Noticed; 4] = all.into();
    Ok(names
        .into_iter()
        .zip(all)
        .flat_map(|(name, noticed)| noticed.judge(name))
        .collect())
}

/// What calls noticed of the one server.
struct Noticed {
    /// The part of the calls that it got, in per cent.
    share: f64,
    failed: usize,
    all: usize,
    well: Duration,
    ill: Duration,
}

impl Noticed {
    fn judge(self, name: &str) -> [Judgement; 2] {
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        let well = millis(self.well);
        [
            Judgement::goal(
                format!("{name}: its share of calls after 10 s"),
                Figure::percent(self.share),
                Figure::percent(GOAL_PERCENT),
            )
            .noting(format!("{} of {} calls failed", self.failed, self.all)),
            Judgement::goal(
                format!("{name}: p99, at most 1.5 times that of ten healthy servers"),
                Figure::millis(millis(self.ill)),
                Figure::millis(well * GOAL_TIMES),
            )
            .noting(format!("{well:.1} ms when all was well")),
        ]
    }
}

async fn trial(
    system: System,
    mood: Mood,
    balance: Balance,
    lasting: Duration,
) -> Result<Noticed, Failure> {
    let ten = Ten::start().await?;
    let mut load = Load::new(&ten.client(system, balance));
    // Connections come about, latencies get known.
    load.run(Duration::from_secs(1)).await;
    let well = Instant::now();
    load.run(WELL).await;
    let ill = Instant::now();
    ten.set(0, mood);
    load.run(FOUND).await;
    let (found, before) = (Instant::now(), ten.asked()[0]);
    load.run(lasting).await;
    let after = ten.asked()[0];
    let calls = load.finish().await;
    let within = |from: Instant, to: Option<Instant>| -> Vec<Ended> {
        let begun = calls.iter().filter(|one| one.began >= from);
        let begun = begun.filter(|one| to.is_none_or(|to| one.began < to));
        begun.copied().collect()
    };
    let late = within(found, None);
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let share = (after - before) as f64 * 100.0 / late.len().max(1) as f64;
    Ok(Noticed {
        share,
        failed: late.iter().filter(|one| one.failed).count(),
        all: late.len(),
        well: p99(&within(well, Some(ill))),
        ill: p99(&late),
    })
}
