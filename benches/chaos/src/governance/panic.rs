//! All of ten servers fail: nobody is left alone then, and the first that is well again has calls at once.

use std::time::Duration;

use callsheet::Balance;
use tokio::time::{Instant, sleep};

use super::ten::{Load, Mood, SERVERS, Ten};
use crate::judgement::{Figure, Judgement};
use crate::scenario::Outcome;
use crate::stage::Stage;

/// The server that recovers first.
const FIRST: usize = 7;

/// The longest that a circuit breaker is open the first time: what one probe may take.
const PROBE_MILLIS: f64 = 1000.0;

/// How often it is looked whether calls come.
const LOOK: Duration = Duration::from_millis(1);

pub(super) async fn play(stage: &Stage) -> Outcome {
    let ten = Ten::start().await?;
    let client = ten.client(stage.system, Balance::P2c);
    let mut load = Load::new(&client);
    load.run(Duration::from_secs(1)).await;
    for index in 0..SERVERS {
        ten.set(index, Mood::Failing(100));
    }
    // Until all breakers are open, and their pauses have grown.
    load.run(stage.pace(Duration::from_secs(30), Duration::from_secs(5)))
        .await;
    let (middle, before) = (Instant::now(), ten.asked());
    load.run(Duration::from_secs(3)).await;
    let after = ten.asked();
    let panic = client.breakers().iter().any(|one| one.panic);
    let recovered = Instant::now();
    ten.set(FIRST, Mood::Well);
    let count = ten.asked()[FIRST];
    let ((), first) = tokio::join!(load.run(Duration::from_secs(3)), async {
        while ten.asked()[FIRST] == count {
            sleep(LOOK).await;
        }
        recovered.elapsed()
    });
    let alone = Instant::now();
    for index in 0..SERVERS {
        ten.set(index, Mood::Well);
    }
    load.run(Duration::from_secs(3)).await;
    let calls = load.finish().await;
    let offered = calls.iter();
    let offered = offered.filter(|one| one.began >= middle && one.began < recovered);
    let offered = offered.count();
    let came: Vec<_> = after
        .iter()
        .zip(&before)
        .map(|(one, two)| one - two)
        .collect();
    let all: u64 = came.iter().sum();
    let unsent = offered.saturating_sub(usize::try_from(all)?);
    let answered = calls.iter().filter(|one| !one.failed);
    let answer = answered.map(|one| one.began + one.took);
    let answer = answer.filter(|at| *at > recovered).min();
    let answer = answer.map(|at| at - recovered);
    let between = calls.iter();
    let between: Vec<_> = between
        .filter(|one| one.began >= recovered && one.began < alone)
        .collect();
    let well = between.iter().filter(|one| !one.failed).count();
    let failures = calls.iter().filter(|one| one.failed);
    let last = failures.map(|one| one.began).max();
    let last = last.map_or(Duration::ZERO, |last| last.saturating_duration_since(alone));
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    Ok(vec![
        Judgement::goal(
            "all fail: calls that no server got to see",
            Figure::count(unsent),
            Figure::count(0),
        )
        .noting(format!(
            "of {offered}; panic mode: {}",
            if panic { "yes" } else { "no" }
        )),
        Judgement::goal(
            "all fail: servers that were left alone",
            Figure::count(came.iter().filter(|&&one| one == 0).count()),
            Figure::count(0),
        ),
        Judgement::goal(
            "one recovers: its first call came after",
            Figure::millis(millis(first)),
            Figure::millis(PROBE_MILLIS),
        ),
        Judgement::goal(
            "one recovers: the first answer came after",
            Figure::millis(answer.map_or(f64::INFINITY, millis)),
            Figure::millis(PROBE_MILLIS),
        )
        .noting(format!("{well} of {} calls within 3 s", between.len())),
        Judgement::goal(
            "all recover: the last call that failed began after",
            Figure::millis(millis(last)),
            Figure::millis(PROBE_MILLIS),
        ),
    ])
}
