//! A server is killed (SIGKILL) under load, and started again two seconds later.

use std::time::Duration;

use crate::fleet::{Fleet, pass, strike};
use crate::judgement::{Figure, Judgement};
use crate::stage::Stage;

use super::Outcome;

/// What makes calls be in flight when the server dies.
const HOLD: &str = "5";

/// How long it stays dead.
const DEAD: Duration = Duration::from_secs(2);

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 3).await?;
    let mut load = fleet.load(&["--hold", HOLD])?;
    load.sees_all(&fleet.names()).await?;
    pass(Duration::from_secs(1)).await;
    let (before, after) = strike(&fleet.servers[1].node, "KILL")?;
    pass(DEAD).await;
    let server = fleet.revive(1).await?;
    load.sees(&server.name, 0).await?;
    pass(Duration::from_secs(1)).await;
    let record = load.finish().await?;
    let open = record.open_at(before);
    let later = after..u64::MAX;
    let judgements = vec![
        Judgement::goal(
            "calls failed, of those in flight at the kill",
            Figure::count(record.failed_in(&(0..after))),
            Figure::count(open),
        )
        .noting(format!("{open} in flight at three servers")),
        Judgement::goal(
            "calls failed that were made after the kill",
            Figure::count(record.failed_in(&later)),
            Figure::count(0),
        )
        .noting(format!("of {}", record.all_in(&later))),
        Judgement::goal(
            "the slowest call made after the kill",
            Figure::micros(record.slowest_in(&later)),
            Figure::millis(100.0),
        ),
    ];
    stage.keep(record);
    Ok(judgements)
}
