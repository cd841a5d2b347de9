//! A server that works on twenty calls at once, of 10 ms each, is asked for three times what it can do. Its clients try once,
//! keep nothing back and give up after a second: what is seen is the server's doing alone.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use chaos::{Failure, now};

use crate::fleet::{Fleet, Server, pass};
use crate::judgement::{Figure, Judgement};
use crate::record::Record;
use crate::scenario::Outcome;
use crate::stage::{Stage, System};

/// Calls that are worked on at once.
const SLOTS: &str = "20";

/// The same as a number.
const PLACES: f64 = 20.0;

/// Milliseconds that each takes.
const HOLD: &str = "10";

/// How long a caller waits, in milliseconds.
const PATIENCE: &str = "1000";

/// Calls a second that are no burden: a quarter of what can be done.
const EASY: &str = "500";

/// So much of the time under overload the server is given to see what happens.
const SETTLING: Duration = Duration::from_secs(2);

/// Within this all is as before.
const NORMAL_MS: f64 = 5_000.0;

/// Calls are slow where one of so many of a half of a second is: fewer are those of an instant at which the machine stood still.
const SLOW_PART: usize = 5;

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 0).await?;
    let mut options = vec!["--slots", SLOTS];
    if stage.system == System::Bare {
        options.extend(["--limits", "off"]);
    }
    fleet.join(&options).await?;
    let easy = ["--hold", HOLD, "--patience", PATIENCE, "--rate", EASY];

    let mut calm = fleet.load(&easy)?;
    calm.sees_all(&fleet.names()).await?;
    pass(stage.pace(Duration::from_secs(5), Duration::from_secs(3))).await;
    let calm = calm.finish().await?;
    let (middle, unloaded) = (quantile(&calm, 50), quantile(&calm, 99));
    // All places, one call after the other in each: more cannot be done.
    let capacity = PLACES / seconds(middle);

    let rate = format!("{:.0}", capacity * 3.0);
    let mut storm = fleet.load(&["--hold", HOLD, "--patience", PATIENCE, "--rate", &rate])?;
    storm.sees_all(&fleet.names()).await?;
    pass(SETTLING).await;
    let (begun, before) = (now(), memory(&fleet.servers[0])?);
    pass(stage.pace(Duration::from_secs(20), Duration::from_secs(6))).await;
    let (ended, after) = (now(), memory(&fleet.servers[0])?);
    let storm = storm.finish().await?;
    let over = now();

    let behind = fleet.load(&easy)?;
    pass(stage.pace(Duration::from_secs(8), Duration::from_secs(6))).await;
    let behind = behind.finish().await?;

    let overloaded = part(&storm, begun..ended);
    let goodput = rate_of(overloaded.calls.len(), ended - begun);
    let accepted = quantile(&overloaded, 99);
    let times = |part: f64, whole: f64| Figure::percent(part / whole * 100.0);
    let judgements = vec![
        Judgement::goal(
            "goodput lost at three times what can be done",
            Figure::percent(((1.0 - goodput / capacity) * 100.0).max(0.0)),
            Figure::percent(15.0),
        )
        .noting(format!(
            "{goodput:.0} of {capacity:.0} calls/s, {rate} offered; {}",
            overloaded
                .reasons()
                .first()
                .map_or("none failed".into(), |(count, why)| format!(
                    "{count}x {why}"
                ))
        )),
        Judgement::goal(
            "p99 of those taken, in hundredths of that without load",
            times(seconds(accepted), seconds(unloaded)),
            Figure::percent(300.0),
        )
        .noting(format!(
            "{:.1} ms, {:.1} ms without load",
            seconds(accepted) * 1e3,
            seconds(unloaded) * 1e3
        )),
        Judgement::goal(
            "memory of the server that grew meanwhile",
            Figure::percent((after / before - 1.0).max(0.0) * 100.0),
            Figure::percent(10.0),
        )
        .noting(format!("{before:.0} KiB, then {after:.0} KiB")),
        Judgement::goal(
            "behind it: the last call that failed, or of a half second that was slow, was made",
            Figure::micros(last_odd(&behind, unloaded).map_or(0, |last| last.saturating_sub(over))),
            Figure::millis(NORMAL_MS),
        )
        .noting(format!("of {} calls", behind.all())),
    ];
    for record in [calm, storm, behind] {
        stage.keep(record);
    }
    Ok(judgements)
}

/// When the last call was made that failed, or that took more than twice what nearly all take without load in a half of a
/// second in which many did.
fn last_odd(record: &Record, unloaded: u64) -> Option<u64> {
    let half = |due: u64| due / 500_000;
    let mut halves: BTreeMap<u64, (usize, usize, u64)> = BTreeMap::new();
    for call in &record.calls {
        let (all, slow, last) = halves.entry(half(call.0)).or_default();
        *all += 1;
        if call.1 > 2 * unloaded {
            *slow += 1;
            *last = call.0.max(*last);
        }
    }
    let slow = halves.values();
    let slow = slow.filter(|(all, slow, _)| slow * SLOW_PART > *all);
    let slow = slow.map(|(_, _, last)| *last);
    slow.chain(record.failed.iter().map(|call| call.due)).max()
}

/// What became of the calls that were due then.
fn part(record: &Record, due: Range<u64>) -> Record {
    let calls = record.calls.iter().filter(|call| due.contains(&call.0));
    let failed = record.failed.iter().filter(|call| due.contains(&call.due));
    Record {
        calls: calls.cloned().collect(),
        failed: failed.cloned().collect(),
        ..Record::default()
    }
}

/// Microseconds within which so many hundredths of the answers came.
fn quantile(record: &Record, hundredths: usize) -> u64 {
    let mut took: Vec<u64> = record.calls.iter().map(|call| call.1).collect();
    took.sort_unstable();
    let at = (took.len() * hundredths / 100).min(took.len().saturating_sub(1));
    took.get(at).copied().unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times of seconds, in microseconds"
)]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn rate_of(calls: usize, micros: u64) -> f64 {
    calls as f64 / seconds(micros)
}

/// KiB that a process has in memory.
fn memory(server: &Server) -> Result<f64, Failure> {
    let id = server.node.id().ok_or("the server has ended")?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number
        .ok_or("the system does not tell of memory")?
        .parse()?)
}
