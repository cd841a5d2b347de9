//! A server joins under load; then servers of different weights share it.

use std::time::Duration;

use chaos::now;

use crate::fleet::{Fleet, pass};
use crate::judgement::{Figure, Judgement};
use crate::stage::Stage;

use super::Outcome;

/// Shares of the load that are wanted.
const WEIGHTS: [(&str, f64); 3] = [("100", 100.0), ("200", 200.0), ("300", 300.0)];

/// Until servers that have just started get their whole share (`docs/discovery.md`, slow start), and some.
const WARM: Duration = Duration::from_secs(12);

/// In which 10 000 calls are made at 2 000 a second, and some.
const COUNTED: Duration = Duration::from_millis(5500);

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut judgements = join(stage).await?;
    judgements.extend(weights(stage).await?);
    Ok(judgements)
}

async fn join(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 3).await?;
    let mut load = fleet.load(&[])?;
    load.sees_all(&fleet.names()).await?;
    pass(Duration::from_secs(1)).await;
    let joined = fleet.join(&[]).await?;
    let used = load.sees(&joined.name, 0).await?;
    let took = Figure::micros(used.saturating_sub(joined.since));
    let record = load.finish().await?;
    let judgements = vec![
        Judgement::goal(
            "a new server's first call after it is listed",
            took,
            Figure::millis(1000.0),
        ),
        Judgement::none_failed("a new server joins: calls failed", &[&record]),
    ];
    stage.keep(record);
    Ok(judgements)
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
async fn weights(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 0).await?;
    for (weight, _) in WEIGHTS {
        fleet.join(&["--weight", weight]).await?;
    }
    let mut load = fleet.load(&["--balance", "weighted"])?;
    load.sees_all(&fleet.names()).await?;
    pass(WARM).await;
    let from = now();
    pass(COUNTED).await;
    let counted = from..now();
    let record = load.finish().await?;
    let shares = record.shares_in(&counted);
    let all: usize = shares.values().sum();
    let wanted: f64 = WEIGHTS.iter().map(|weight| weight.1).sum();
    let mut furthest: f64 = 0.0;
    for (server, (_, weight)) in fleet.servers.iter().zip(WEIGHTS) {
        let share = shares
            .get(server.name.as_str())
            .copied()
            .unwrap_or_default() as f64;
        let off = share / all as f64 / (weight / wanted) - 1.0;
        furthest = furthest.max(off.abs());
    }
    let judgements = vec![
        Judgement::goal(
            "weights 100, 200, 300: furthest from its share",
            Figure::percent(furthest * 100.0),
            Figure::percent(5.0),
        )
        .noting(format!("of {all} calls")),
        Judgement::none_failed("weights: calls failed", &[&record]),
    ];
    stage.keep(record);
    Ok(judgements)
}
