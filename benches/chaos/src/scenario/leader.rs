//! The leader of a registry of three servers is killed; a server joins while another is elected.

use std::time::Duration;

use chaos::now;

use crate::fleet::{Fleet, pass};
use crate::judgement::{Figure, Judgement};
use crate::stage::Stage;

use super::Outcome;

/// An election of seconds, a session of some, and a pause of 2 s before another try.
const LISTED: f64 = 20_000.0;

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 3).await?;
    let mut load = fleet.load(&["--hold", "2"])?;
    load.sees_all(&fleet.names()).await?;
    pass(Duration::from_secs(1)).await;
    let killed = now();
    let member = fleet.registry.kill_leader().await?;
    let joined = fleet.join(&[]).await?.name.clone();
    let used = load.sees(&joined, 0).await?;
    fleet.registry.revive(member).await?;
    let moved = fleet.restart(0).await?.name.clone();
    load.sees(&moved, 0).await?;
    pass(Duration::from_secs(1)).await;
    let record = load.finish().await?;
    let judgements = vec![
        Judgement::promise(
            "leader killed: a server that joins is called after",
            Figure::micros(used.saturating_sub(killed)),
            Figure::millis(LISTED),
        ),
        Judgement::none_failed("leader killed, and back: calls failed", &[&record]),
    ];
    stage.keep(record);
    Ok(judgements)
}
