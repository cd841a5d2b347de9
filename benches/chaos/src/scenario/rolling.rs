//! All servers are restarted, one after the other, each as soon as the one before it answers.

use std::time::Duration;

use crate::fleet::{Fleet, pass};
use crate::judgement::{Figure, Judgement};
use crate::stage::Stage;

use super::Outcome;

/// What makes calls be in flight when a server is told to end.
const HOLD: &str = "5";

/// How often all servers are restarted.
const ROUNDS: usize = 20;

/// The same in a quick run.
const FEW_ROUNDS: usize = 5;

/// How long each server works before the next one is restarted.
const STEADY: Duration = Duration::from_millis(300);

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 3).await?;
    let mut load = fleet.load(&["--hold", HOLD])?;
    load.sees_all(&fleet.names()).await?;
    let rounds = stage.pace(ROUNDS, FEW_ROUNDS);
    let mut slowest_start = 0;
    for _ in 0..rounds {
        for place in 0..3 {
            let server = fleet.restart(place).await?;
            let seen = load.sees(&server.name, 0).await?;
            pass(STEADY).await;
            slowest_start = slowest_start.max(seen.saturating_sub(server.since));
        }
    }
    let record = load.finish().await?;
    let judgements = vec![
        Judgement::none_failed(format!("{rounds} rounds of 3: calls failed"), &[&record]),
        Judgement::told(
            "the slowest call",
            Figure::micros(record.slowest_in(&(0..u64::MAX))),
        ),
        Judgement::told(
            "from serving to the first answer, at most",
            Figure::micros(slowest_start),
        ),
    ];
    stage.keep(record);
    Ok(judgements)
}
