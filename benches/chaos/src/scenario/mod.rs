//! The scenarios: what is done, and what is judged. One file each.

mod joins;
mod killed;
mod rolling;
mod shutdown;
mod stopped;
mod storm;

use std::future::Future;
use std::pin::Pin;

use chaos::Failure;

use crate::judgement::Judgement;
use crate::machine::{TOO_LATE, Watch};
use crate::registry::Arena;
use crate::report::{Report, Run};
use crate::stage::{Settings, Stage, System};

/// Facts, or why there are none.
type Outcome = Result<Vec<Judgement>, Failure>;

type Playing<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Something that happens to servers or their registry.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) shows: &'static str,
    /// Where it is played with Callsheet.
    arenas: &'static [Arena],
    /// Whether tonic has such a thing.
    tonic: bool,
    play: for<'a> fn(&'a Stage) -> Playing<'a>,
}

/// In the order in which they are played.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rolling",
        shows: "a rolling restart of all servers loses no call",
        arenas: &[Arena::File],
        tonic: true,
        play: |stage| Box::pin(rolling::play(stage)),
    },
    Scenario {
        name: "killed",
        shows: "of a server that is killed, only calls in flight fail",
        arenas: &[Arena::File],
        tonic: true,
        play: |stage| Box::pin(killed::play(stage)),
    },
    Scenario {
        name: "stopped",
        shows: "a server that hangs is left alone, and comes back",
        arenas: &[Arena::File],
        tonic: true,
        play: |stage| Box::pin(stopped::play(stage)),
    },
    Scenario {
        name: "joins",
        shows: "a new server is used at once, and weights are kept",
        arenas: &[Arena::File],
        tonic: false,
        play: |stage| Box::pin(joins::play(stage)),
    },
    Scenario {
        name: "storm",
        shows: "many connections at once are served, and too many do no harm",
        arenas: &[Arena::List],
        tonic: true,
        play: |stage| Box::pin(storm::play(stage)),
    },
    Scenario {
        name: "shutdown",
        shows: "a server ends in time, whatever its peers do",
        arenas: &[Arena::List],
        tonic: true,
        play: |stage| Box::pin(shutdown::play(stage)),
    },
];

/// Plays all that the settings want.
pub(crate) async fn all(settings: &Settings) -> Result<Report, Failure> {
    let mut report = Report::default();
    for scenario in SCENARIOS {
        if !settings.wants(scenario.name) {
            continue;
        }
        let mut casts: Vec<(System, Arena)> = scenario
            .arenas
            .iter()
            .filter(|arena| settings.wants_on(**arena))
            .map(|arena| (System::Callsheet, *arena))
            .collect();
        if scenario.tonic && !casts.is_empty() {
            casts.push((System::Tonic, Arena::List));
        }
        for (system, arena) in casts {
            let mut run = play(scenario, system, arena, settings.quick).await?;
            // Only what the machine did is a reason to ask again.
            if system == System::Callsheet && !run.holds() && run.noise.late > TOO_LATE {
                run.tell();
                eprintln!(
                    "  the machine was late by {:.0?}: once more",
                    run.noise.late
                );
                run = play(scenario, system, arena, settings.quick).await?;
                run.repeated = true;
            }
            run.tell();
            report.runs.push(run);
        }
    }
    Ok(report)
}

async fn play(
    scenario: &Scenario,
    system: System,
    arena: Arena,
    quick: bool,
) -> Result<Run, Failure> {
    eprintln!("{} on {arena}, {}", scenario.name, system.name());
    let stage = Stage::new(system, arena, quick)?;
    let watch = Watch::start();
    let begun = std::time::Instant::now();
    let outcome = (scenario.play)(&stage).await;
    let (judgements, failure) = match outcome {
        Ok(judgements) => (judgements, None),
        Err(failure) => (Vec::new(), Some(failure.to_string())),
    };
    Ok(Run {
        scenario: scenario.name,
        system,
        arena,
        judgements,
        failure,
        noise: watch.noise(),
        seconds: begun.elapsed().as_secs_f64(),
        repeated: false,
        records: stage.into_records(),
    })
}
