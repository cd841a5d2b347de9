//! A server is told to end while peers say nothing, take nothing, or wait for calls that do not end.

use std::time::Duration;

use chaos::{Event, Failure, now};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fleet::{Fleet, pass};
use crate::judgement::{Figure, Judgement};
use crate::stage::{Stage, System};

use super::Outcome;

/// Time for calls in flight.
const LIMIT: &str = "1000";
const LIMIT_MILLIS: f64 = 1000.0;

/// What a server may need beyond it.
const MORE_MILLIS: f64 = 200.0;

/// A server that has not ended after this does not end by itself.
const NEVER: Duration = Duration::from_secs(10);

/// Peers of each kind that connect and say nothing.
const SILENT: usize = 10;

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 0).await?;
    let limit: &[&str] = match stage.system {
        System::Callsheet | System::Bare => &["--drain", LIMIT],
        System::Tonic => &[],
    };
    let address = fleet.join(limit).await?.address.clone();
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(address.trim_start_matches("tcp://")).await?);
    }
    // Ones that said who they are, and nothing since.
    let mut greeted = fleet.storm(&fleet.servers[0], 10)?;
    greeted.next().await?;
    let name = fleet.names();
    let mut slow = fleet.load(&["--rate", "50", "--fill", "1000000"])?;
    slow.sees_all(&name).await?;
    slow.suspend()?;
    let stuck = fleet.load(&["--rate", "50", "--hold", "60000"])?;
    // As many calls as a connection takes until then.
    pass(Duration::from_secs(1)).await;
    let told = now();
    let node = &mut fleet.servers[0].node;
    node.dismiss();
    let ended = timeout(NEVER, ended(node)).await;
    let took = match ended {
        Ok(at) => Figure::micros(at?.saturating_sub(told)),
        Err(_) => Figure::millis(f64::INFINITY),
    };
    drop((silent, greeted, slow, stuck));
    let mut judgements = vec![
        Judgement::goal(
            "ends, with a limit of 1 s, within",
            took,
            Figure::millis(LIMIT_MILLIS + MORE_MILLIS),
        )
        .noting(
            format!("or not within {} s", NEVER.as_secs())
                .repeat(usize::from(took.value.is_infinite())),
        ),
    ];
    if stage.system == System::Callsheet {
        judgements.push(second_signal(stage).await?);
    }
    Ok(judgements)
}

/// When the server said that it ended, and it did.
async fn ended(node: &mut crate::node::Node) -> Result<u64, Failure> {
    while let Some(event) = node.next().await? {
        if let Event::Ended { at, .. } = event {
            node.ended().await?;
            return Ok(at);
        }
    }
    Err(node.failure("ended without saying so").into())
}

/// A server that waits for a call is told to end once more.
async fn second_signal(stage: &Stage) -> Result<Judgement, Failure> {
    let mut fleet = Fleet::start(stage, 0).await?;
    fleet.join(&["--drain", "60000"]).await?;
    let stuck = fleet.load(&["--rate", "50", "--hold", "60000"])?;
    pass(Duration::from_secs(1)).await;
    let node = &mut fleet.servers[0].node;
    node.signal("TERM")?;
    pass(Duration::from_millis(500)).await;
    let again = now();
    node.signal("TERM")?;
    let took = match timeout(NEVER, node.ended()).await {
        Ok(ended) => ended.map(|()| Figure::micros(now().saturating_sub(again)))?,
        Err(_) => Figure::millis(f64::INFINITY),
    };
    drop(stuck);
    Ok(Judgement::goal(
        "a second signal ends it within",
        took,
        Figure::millis(MORE_MILLIS),
    ))
}
