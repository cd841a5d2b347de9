//! One of ten servers takes two seconds for each call, or fails two of five: how many calls still meet with it, and what the
//! others notice. With the default balancer, which avoids such a server on its own account as far as it can, and with one
//! that does not. Beside them ten servers that are well have the same load: what disturbs the machine disturbs both.

use std::time::Duration;

use callsheet::Balance;
use chaos::Failure;
use tokio::time::Instant;

use super::ten::{Ended, Load, Mood, Ten, p99};
use crate::judgement::{Figure, Judgement};
use crate::scenario::Outcome;
use crate::stage::{Stage, System};

/// Connections come about, latencies get known.
const WELL: Duration = Duration::from_secs(3);

/// After this the server is to be found out.
const FOUND: Duration = Duration::from_secs(10);

/// The most calls that the server may still get, in per cent.
const GOAL_PERCENT: f64 = 2.0;

/// How long 99 of 100 calls may take, in per cent of what they take with ten healthy servers.
const GOAL_TIMES: f64 = 150.0;

/// A second in which calls to healthy servers take so many times as long as in the others is the machine's.
const STANDSTILL: u32 = 2;

const SLOW: Mood = Mood::Slow(Duration::from_secs(2));

const FAILING: Mood = Mood::Failing(40);

pub(super) async fn play(stage: &Stage) -> Outcome {
    let lasting = stage.pace(Duration::from_secs(20), Duration::from_secs(5));
    let play = |mood, balance| trial(stage.system, mood, balance, lasting);
    // Beside each other: none comes near the limits of the machine.
    let (well, slow, slow_robin, failing, failing_robin) = tokio::try_join!(
        play(Mood::Well, Balance::P2c),
        play(SLOW, Balance::P2c),
        play(SLOW, Balance::RoundRobin),
        play(FAILING, Balance::P2c),
        play(FAILING, Balance::RoundRobin),
    )?;
    let all = [
        ("2 s, p2c", slow),
        ("2 s, round robin", slow_robin),
        ("fails 40 %, p2c", failing),
        ("fails 40 %, round robin", failing_robin),
    ];
    let judged = |(name, noticed): &(&str, Noticed)| noticed.judge(name, &well);
    Ok(all.iter().flat_map(judged).collect())
}

/// What calls noticed of the one server.
struct Noticed {
    /// The part of the calls that it got, in per cent.
    share: f64,
    /// The calls of each second.
    seconds: Vec<Vec<Ended>>,
}

impl Noticed {
    fn judge(&self, name: &str, well: &Self) -> [Judgement; 2] {
        let calls = self.seconds.concat();
        let failed = calls.iter().filter(|one| one.failed).count();
        let calm = well.calm();
        let within = |noticed: &Self| {
            let seconds = noticed.seconds.iter().zip(&calm);
            let seconds = seconds.filter(|(_, calm)| **calm);
            let calls: Vec<_> = seconds.flat_map(|(calls, _)| calls).copied().collect();
            p99(&calls).as_secs_f64()
        };
        let (ill, well) = (within(self), within(well));
        [
            Judgement::goal(
                format!("{name}: its share of calls after 10 s"),
                Figure::percent(self.share),
                Figure::percent(GOAL_PERCENT),
            )
            .noting(format!("{failed} of {} calls failed", calls.len())),
            Judgement::goal(
                format!("{name}: p99, in hundredths of that of ten healthy servers"),
                Figure::percent(ill / well * 100.0),
                Figure::percent(GOAL_TIMES),
            )
            .noting(format!(
                "{:.1} ms, {:.1} ms; {} of {} seconds count, the machine stood still in the others",
                ill * 1e3,
                well * 1e3,
                calm.iter().filter(|calm| **calm).count(),
                calm.len()
            )),
        ]
    }

    /// The seconds in which calls took about as long as in most.
    fn calm(&self) -> Vec<bool> {
        let each: Vec<_> = self.seconds.iter().map(|calls| p99(calls)).collect();
        let mut sorted = each.clone();
        sorted.sort();
        let most = sorted.get(sorted.len() / 2).copied().unwrap_or_default() * STANDSTILL;
        each.into_iter().map(|one| one <= most).collect()
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
    load.run(WELL).await;
    ten.set(0, mood);
    load.run(FOUND).await;
    let (found, before) = (Instant::now(), ten.asked()[0]);
    load.run(lasting).await;
    let after = ten.asked()[0];
    let calls = load.finish().await;
    let mut seconds = vec![Vec::new(); usize::try_from(lasting.as_secs())?];
    for call in calls.iter().filter(|one| one.began >= found) {
        let second = usize::try_from(call.began.duration_since(found).as_secs())?;
        if let Some(calls) = seconds.get_mut(second) {
            calls.push(*call);
        }
    }
    let late: usize = seconds.iter().map(Vec::len).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let share = (after - before) as f64 * 100.0 / late.max(1) as f64;
    Ok(Noticed { share, seconds })
}
