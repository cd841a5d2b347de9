//! A deadline and a cancellation on their way through five servers.

use std::sync::Arc;
use std::time::Duration;

use callsheet::registry;
use callsheet::server::Running;
use callsheet::{Error, Status, detached};
use chaos::Failure;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::chain::rpc::chaos::Step;
use super::chain::rpc::chaos::v1::ChainClient;
use super::chain::{client, deed, server};
use crate::judgement::{Figure, Judgement};
use crate::scenario::Outcome;
use crate::stage::{Stage, System};

const HOPS: usize = 5;

/// What the root gives its call.
const LIMIT: Duration = Duration::from_millis(200);

/// How long the work at the end takes, if nobody stops it.
const WORK: Duration = Duration::from_secs(1);

/// How long a call that is given up has been under way.
const PATIENCE: Duration = Duration::from_millis(50);

const LATE_MILLIS: f64 = 50.0;

const CANCEL_MILLIS: f64 = 100.0;

/// What the handler at the end tells: that it works, and when it ended.
enum Told {
    Begun,
    Ended(Instant),
}

/// Tells when the future that holds it is dropped.
struct Working(mpsc::UnboundedSender<Told>);

impl Drop for Working {
    fn drop(&mut self) {
        // The scenario may be over.
        let _ = self.0.send(Told::Ended(Instant::now()));
    }
}

pub(super) async fn play(stage: &Stage) -> Outcome {
    let times = match stage.system {
        // Each takes a second or two.
        System::Bare => stage.pace(10, 3),
        System::Callsheet | System::Tonic => stage.pace(50, 10),
    };
    let (tell, mut told) = mpsc::unbounded_channel();
    let last = deed(move |_| {
        let working = Working(tell.clone());
        async move {
            let _ = working.0.send(Told::Begun);
            sleep(WORK).await;
            drop(working);
            Ok(())
        }
    });
    let mut servers: Vec<Running> = vec![server("127.0.0.1:0", &last).start().await?];
    for _ in 1..HOPS {
        let next = hop(&servers, stage.system).await?;
        servers.push(next);
    }
    let root = root(&servers, stage.system).await?;
    let (mut late, mut slow) = (Duration::ZERO, Duration::ZERO);
    for number in 0..times {
        let deadline = Instant::now() + LIMIT;
        let call = root.write(Step { number }).timeout(LIMIT);
        if call.await.is_ok() {
            return Err("the call ended before its deadline".into());
        }
        let ended = ended(&mut told).await?;
        late = late.max(ended.saturating_duration_since(deadline));

        let call = root.write(Step { number }).no_timeout().start();
        if !matches!(told.recv().await, Some(Told::Begun)) {
            return Err("the end of the chain ends before it begins".into());
        }
        sleep(PATIENCE).await;
        let dropped = Instant::now();
        drop(call);
        let Some(Told::Ended(ended)) = told.recv().await else {
            return Err("the end of the chain begins twice".into());
        };
        slow = slow.max(ended.saturating_duration_since(dropped));
    }
    for server in servers {
        server.shutdown().await;
    }
    let millis = |time: Duration| Figure::millis(time.as_secs_f64() * 1000.0);
    Ok(vec![
        Judgement::goal(
            format!("the last of {HOPS} servers works beyond the root's deadline for"),
            millis(late),
            Figure::millis(LATE_MILLIS),
        )
        .noting(format!("the longest of {times} calls")),
        Judgement::goal(
            "it is cancelled, once the root has dropped its call, within",
            millis(slow),
            Figure::millis(CANCEL_MILLIS),
        )
        .noting(format!("the longest of {times} calls")),
    ])
}

/// When the next handler at the end ended.
async fn ended(told: &mut mpsc::UnboundedReceiver<Told>) -> Result<Instant, Failure> {
    match (told.recv().await, told.recv().await) {
        (Some(Told::Begun), Some(Told::Ended(at))) => Ok(at),
        _ => Err("the end of the chain was not reached in order".into()),
    }
}

async fn root(servers: &[Running], system: System) -> Result<ChainClient, Failure> {
    let last = servers.last().ok_or("there is no server")?;
    let registry = registry::connect(&format!("static:{}", last.addresses()[0])).await?;
    Ok(client(&registry, system))
}

/// A server that asks the one before it.
async fn hop(servers: &[Running], system: System) -> Result<Running, Failure> {
    let next = Arc::new(root(servers, system).await?);
    let ask = deed(move |number| {
        let next = Arc::clone(&next);
        async move {
            if system == System::Bare {
                return beside(next, number).await;
            }
            let call = next.write(Step { number }).no_timeout();
            call.await.map(drop)
        }
    });
    Ok(server("127.0.0.1:0", &ask).start().await?)
}

/// Asks as those do to whom nobody hands on deadlines and cancellations.
async fn beside(next: Arc<ChainClient>, number: u64) -> Result<(), Error> {
    let asked = tokio::spawn(detached(async move {
        let call = next.write(Step { number }).no_timeout();
        call.await.map(drop)
    }));
    asked
        .await
        .unwrap_or_else(|error| Err(Status::internal(error.to_string()).into()))
}
