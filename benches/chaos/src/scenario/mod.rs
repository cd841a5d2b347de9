//! How scenarios are played, and those of discovery: what is done, and what is judged. One file each.

mod joins;
mod killed;
mod leader;
mod lost;
mod outage;
mod poisoned;
mod rolling;
mod shutdown;
mod stopped;
mod storm;

use std::future::Future;
use std::pin::Pin;

use chaos::Failure;

use crate::area::Area;
use crate::judgement::Judgement;
use crate::machine::{TOO_LATE, Watch};
use crate::registry::Arena;
use crate::report::{Report, Run};
use crate::stage::{Settings, Stage, System};

/// Facts, or why there are none.
pub(crate) type Outcome = Result<Vec<Judgement>, Failure>;

pub(crate) type Playing<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Something that happens to servers or their registry.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) shows: &'static str,
    /// Where it is played with Callsheet.
    pub(crate) arenas: &'static [Arena],
    /// Whether it is played with the system beside ours too.
    pub(crate) beside: bool,
    /// Whether it mostly waits, so that all registries may be played at the same time.
    pub(crate) together: bool,
    pub(crate) play: for<'a> fn(&'a Stage) -> Playing<'a>,
}

/// The engines that are one process.
const ENGINES: &[Arena] = &[Arena::ZooKeeper, Arena::Etcd, Arena::Redis];

/// In the order in which they are played.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rolling",
        shows: "a rolling restart of all servers loses no call",
        arenas: &[Arena::File, Arena::ZooKeeper, Arena::Etcd, Arena::Redis],
        beside: true,
        together: false,
        play: |stage| Box::pin(rolling::play(stage)),
    },
    Scenario {
        name: "killed",
        shows: "of a server that is killed, only calls in flight fail",
        arenas: &[Arena::File],
        beside: true,
        together: false,
        play: |stage| Box::pin(killed::play(stage)),
    },
    Scenario {
        name: "stopped",
        shows: "a server that hangs is left alone, and comes back",
        arenas: &[Arena::File],
        beside: true,
        together: false,
        play: |stage| Box::pin(stopped::play(stage)),
    },
    Scenario {
        name: "joins",
        shows: "a new server is used at once, and weights are kept",
        arenas: &[Arena::File],
        beside: false,
        together: false,
        play: |stage| Box::pin(joins::play(stage)),
    },
    Scenario {
        name: "storm",
        shows: "many connections at once are served, and too many do no harm",
        arenas: &[Arena::List],
        beside: true,
        together: false,
        play: |stage| Box::pin(storm::play(stage)),
    },
    Scenario {
        name: "shutdown",
        shows: "a server ends in time, whatever its peers do",
        arenas: &[Arena::List],
        beside: true,
        together: false,
        play: |stage| Box::pin(shutdown::play(stage)),
    },
    Scenario {
        name: "outage",
        shows: "a registry that is gone costs no call, and all agree with it soon after",
        arenas: ENGINES,
        beside: false,
        together: true,
        play: |stage| Box::pin(outage::play(stage)),
    },
    Scenario {
        name: "lost",
        shows: "a registration that is lost is made again",
        arenas: &[Arena::File, Arena::ZooKeeper, Arena::Etcd, Arena::Redis],
        beside: false,
        together: true,
        play: |stage| Box::pin(lost::play(stage)),
    },
    Scenario {
        name: "leader",
        shows: "the loss of a registry's leader costs no call",
        arenas: &[Arena::Ensemble, Arena::Cluster],
        beside: false,
        together: true,
        play: |stage| Box::pin(leader::play(stage)),
    },
    Scenario {
        name: "poisoned",
        shows: "what is no entry harms nothing, and no password is printed",
        arenas: &[Arena::File, Arena::ZooKeeper, Arena::Etcd, Arena::Redis],
        beside: false,
        together: false,
        play: |stage| Box::pin(poisoned::play(stage)),
    },
];

/// Plays all of an area that the settings want.
pub(crate) async fn all(area: &Area, settings: &Settings) -> Result<Report, Failure> {
    let mut report = Report::beside(area.beside);
    for scenario in area.scenarios {
        if !settings.wants(scenario.name) {
            continue;
        }
        let mut casts: Vec<(System, Arena)> = scenario
            .arenas
            .iter()
            .filter(|arena| settings.wants_on(**arena))
            .map(|arena| (System::Callsheet, *arena))
            .collect();
        if scenario.beside && !casts.is_empty() {
            casts.push((area.beside, scenario.arenas[0].without_registry()));
        }
        let together = if scenario.together { casts.len() } else { 1 };
        for casts in casts.chunks(together.max(1)) {
            report
                .runs
                .extend(perform(scenario, casts, settings.quick).await?);
        }
    }
    Ok(report)
}

/// Plays a scenario with several casts at the same time, and once more where only the machine may have been at fault.
async fn perform(
    scenario: &'static Scenario,
    casts: &[(System, Arena)],
    quick: bool,
) -> Result<Vec<Run>, Failure> {
    let mut runs = together(scenario, casts, quick).await?;
    let ours = |run: &&Run| run.system == System::Callsheet && !run.holds();
    let late = runs.iter().filter(ours).map(|run| run.noise.late).max();
    if let Some(late) = late
        && late > TOO_LATE
    {
        eprintln!("  the machine was late by {late:.0?}: once more");
        runs = together(scenario, casts, quick).await?;
        for run in &mut runs {
            run.repeated = true;
        }
    }
    Ok(runs)
}

/// Each cast is a task of its own: one that waits for a command of its registry holds up no other's clock.
async fn together(
    scenario: &'static Scenario,
    casts: &[(System, Arena)],
    quick: bool,
) -> Result<Vec<Run>, Failure> {
    let begin = |&(system, arena): &(System, Arena)| {
        tokio::spawn(async move {
            let run = play(scenario, system, arena, quick).await?;
            run.tell();
            Ok::<_, Failure>(run)
        })
    };
    let playing: Vec<_> = casts.iter().map(begin).collect();
    let mut runs = Vec::new();
    for cast in playing {
        runs.push(cast.await??);
    }
    Ok(runs)
}

async fn play(
    scenario: &'static Scenario,
    system: System,
    arena: Arena,
    quick: bool,
) -> Result<Run, Failure> {
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
