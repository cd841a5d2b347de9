//! A server is suspended (SIGSTOP) for six seconds under load: its connections stay open, and nothing is answered.

use std::time::Duration;

use chaos::Unanswered;

use crate::fleet::{Fleet, pass, strike};
use crate::judgement::{Figure, Judgement};
use crate::record::Record;
use crate::stage::Stage;

use super::Outcome;

/// How long it is suspended.
const STOPPED: Duration = Duration::from_secs(6);

/// A call that takes longer has met the server that hangs: the others answer in milliseconds, on a machine that is late in some
/// tens of them.
const HUNG: u64 = 500_000;

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut fleet = Fleet::start(stage, 3).await?;
    let mut load = fleet.load(&["--hold", "2"])?;
    load.sees_all(&fleet.names()).await?;
    pass(Duration::from_secs(1)).await;
    let server = &fleet.servers[1];
    let (stop, _) = strike(&server.node, "STOP")?;
    pass(STOPPED).await;
    let (cont, _) = strike(&server.node, "CONT")?;
    let back = load.sees(&server.name, cont).await?;
    pass(Duration::from_secs(2)).await;
    let record = load.finish().await?;
    let strayed = record.failed.iter().filter(|call| strays(call)).count();
    let judgements = vec![
        Judgement::goal(
            "out of rotation: the last call that failed or hung was made",
            Figure::micros(last_hung(&record, stop).saturating_sub(stop)),
            Figure::millis(1500.0),
        )
        .noting("after the stop"),
        Judgement::told("calls failed", Figure::count(record.failed.len()))
            .noting(format!("of {}", record.all())),
        Judgement::goal(
            "answers that came to another call",
            Figure::count(strayed),
            Figure::count(0),
        ),
        Judgement::goal(
            "back in rotation after it went on",
            Figure::micros(back.saturating_sub(cont)),
            Figure::millis(10_000.0),
        ),
    ];
    stage.keep(record);
    Ok(judgements)
}

/// When the last call was due that failed or hung.
fn last_hung(record: &Record, stop: u64) -> u64 {
    let answered = record.calls.iter();
    let hung = answered.filter(|call| call.1 > HUNG).map(|call| call.0);
    let failed = record.failed.iter().map(|call| call.due);
    hung.chain(failed).max().unwrap_or(stop)
}

fn strays(call: &Unanswered) -> bool {
    call.status.contains("gave the answer to")
}
