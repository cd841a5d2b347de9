//! A document is changed again and again under load, every tenth time for one that is wrong.

use std::time::Duration;

use callsheet::registry::{Expected, connect};
use chaos::{Call, now};

use crate::fleet::{Fleet, pass};
use crate::judgement::{Figure, Judgement};
use crate::registry::SERVICE;
use crate::scenario::Outcome;
use crate::stage::Stage;

/// Changes of the document.
const CHANGES: usize = 100;

/// Each of so many is wrong.
const WRONG: usize = 10;

/// How long a change stands, at length and in a quick run. Documents in files are looked at every tenth of a second.
const STANDS: (Duration, Duration) = (Duration::from_millis(1300), Duration::from_millis(400));

/// A call that is due so many microseconds before a change may be made by what comes behind it, on a machine that is late.
const LATE: u64 = 100_000;

/// One change.
struct Change {
    at: u64,
    until: u64,
    /// The server that is to answer.
    server: String,
    wrong: bool,
}

pub(super) async fn play(stage: &Stage) -> Outcome {
    let stands = stage.pace(STANDS.0, STANDS.1);
    let mut fleet = Fleet::start(stage, 3).await?;
    let address = fleet.registry.address().ok_or("there is no registry")?;
    let registry = connect(&address).await?;
    let documents = registry.documents().ok_or("it keeps no documents")?;
    let mut load = fleet.load(&[])?;
    load.sees_all(&fleet.names()).await?;
    let mut changes: Vec<Change> = Vec::new();
    for number in 1..=CHANGES {
        let wrong = number % WRONG == 0;
        let before = changes.last().map(|change| change.server.clone());
        let server = &fleet.servers[number % fleet.servers.len()];
        let text = if wrong {
            // Each part of it that were taken would fail calls, or send them elsewhere.
            let rule = rule(&server.address);
            format!("timeout = \"1us\"\n[retry]\natempts = 0\n\n{rule}")
        } else {
            rule(&server.address)
        };
        let at = now();
        documents.put(SERVICE, &text, Expected::Any).await?;
        pass(stands).await;
        changes.push(Change {
            at,
            until: now(),
            server: match before {
                Some(before) if wrong => before,
                _ => server.name.clone(),
            },
            wrong,
        });
    }
    let record = load.finish().await?;
    let next = changes.iter().skip(1).map(Some).chain([None]);
    let changes: Vec<(&Change, Option<&Change>)> = changes.iter().zip(next).collect();
    let elsewhere = |(change, next): &(&Change, Option<&Change>)| {
        let behind = |call: &Call| {
            next.is_some_and(|next| call.2 == next.server && call.0 + LATE > change.until)
        };
        let calls = record.calls.iter();
        let due = calls.filter(|call| (change.at..change.until).contains(&call.0));
        let strays = due.filter(|call| call.2 != change.server && !behind(call));
        strays.map(|call| call.0 - change.at).collect::<Vec<u64>>()
    };
    let right = changes.iter().filter(|(change, _)| !change.wrong);
    let latest = right.flat_map(elsewhere).max().unwrap_or_default();
    let wrong = changes.iter().filter(|(change, _)| change.wrong);
    let partial: usize = wrong.map(|change| elsewhere(change).len()).sum();
    let judgements = vec![
        Judgement::none_failed("100 changes of a document: calls failed", &[&record]),
        Judgement::goal(
            "calls that a wrong document sent elsewhere",
            Figure::count(partial),
            Figure::count(0),
        )
        .noting(format!("{} documents were wrong", CHANGES / WRONG)),
        Judgement::goal(
            "until all calls obey a change, at most",
            Figure::micros(latest),
            // Within the time that it stood, and within a second.
            Figure::millis(stands.as_secs_f64() * 750.0),
        )
        .noting(format!("each stood for {stands:?}")),
    ];
    stage.keep(record);
    Ok(judgements)
}

/// Sends all calls to one server.
fn rule(address: &str) -> String {
    format!("[[rule]]\nto = 'address = \"{address}\"'\notherwise = \"fail\"\n")
}
