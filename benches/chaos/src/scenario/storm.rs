//! Five thousand connections come at once; then more connections come than there are file descriptors.

use std::time::Duration;

use chaos::{Event, Failure, now};

use crate::fleet::{Fleet, Server, pass};
use crate::judgement::{Figure, Judgement};
use crate::machine::cpu_seconds;
use crate::stage::Stage;

use super::Outcome;

/// How many connections come at once.
const CONNECTIONS: u32 = 5000;

/// How many descriptors a server is left with, and how many connections want one.
const DESCRIPTORS: u32 = 64;
const WANTED: u32 = 100;

/// How long the server is watched while it has no descriptor.
const WATCHED: Duration = Duration::from_secs(2);

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut judgements = connect_storm(stage).await?;
    judgements.extend(want_of_descriptors(stage).await?);
    Ok(judgements)
}

async fn connect_storm(stage: &Stage) -> Outcome {
    let fleet = Fleet::start(stage, 1).await?;
    let mut storm = fleet.storm(&fleet.servers[0], CONNECTIONS)?;
    let Some(Event::Stormed {
        failed,
        reason,
        took,
        ..
    }) = storm.next().await?
    else {
        return Err(storm.failure("told nothing").into());
    };
    Ok(vec![
        Judgement::goal(
            format!("{CONNECTIONS} connections at once: answered within"),
            Figure::micros(took),
            Figure::millis(2000.0),
        ),
        Judgement::goal(
            format!("{CONNECTIONS} connections at once: failed"),
            Figure::count(failed),
            Figure::count(0),
        )
        .noting(reason.unwrap_or_default()),
    ])
}

async fn want_of_descriptors(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 0).await?;
    fleet.join_with(DESCRIPTORS).await?;
    let server = &fleet.servers[0];
    let mut held = fleet.storm(server, WANTED)?;
    // Until the server has taken what it can.
    pass(Duration::from_millis(500)).await;
    let before = cpu(server)?;
    pass(WATCHED).await;
    let busy = (cpu(server)? - before) / WATCHED.as_secs_f64();
    let name = server.name.clone();
    let mut load = fleet.load(&["--rate", "100"])?;
    pass(Duration::from_millis(500)).await;
    let freed = now();
    held.signal("KILL")?;
    held.ended().await?;
    // It is seen once, however early.
    let resumed = load.sees(&name, 0).await?;
    stage.keep(load.finish().await?);
    Ok(vec![
        Judgement::goal(
            format!("{WANTED} connections for {DESCRIPTORS} descriptors: of a core"),
            Figure::percent(busy * 100.0),
            Figure::percent(10.0),
        ),
        Judgement::promise(
            "serves again after descriptors are free",
            Figure::micros(resumed.saturating_sub(freed)),
            Figure::millis(1000.0),
        ),
    ])
}

fn cpu(server: &Server) -> Result<f64, Failure> {
    let used = server.node.id().and_then(cpu_seconds);
    used.ok_or_else(|| server.node.failure("has ended").into())
}
