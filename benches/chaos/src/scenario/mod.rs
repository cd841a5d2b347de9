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
    /// What may be played at the same time.
    pub(crate) company: Company,
    pub(crate) play: for<'a> fn(&'a Stage) -> Playing<'a>,
}

/// What a scenario bears beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// Nothing.
    Alone,
    /// Itself: it mostly waits, or no bound of it is a time that work beside it changes, so that all registries and systems may be
    /// played at the same time.
    Own,
    /// Its neighbours in the list that say the same, too: it hardly does anything.
    Neighbours,
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
        company: Company::Own,
        play: |stage| Box::pin(rolling::play(stage)),
    },
    Scenario {
        name: "killed",
        shows: "of a server that is killed, only calls in flight fail",
        arenas: &[Arena::File],
        beside: true,
        company: Company::Alone,
        play: |stage| Box::pin(killed::play(stage)),
    },
    Scenario {
        name: "stopped",
        shows: "a server that hangs is left alone, and comes back",
        arenas: &[Arena::File],
        beside: true,
        company: Company::Own,
        play: |stage| Box::pin(stopped::play(stage)),
    },
    Scenario {
        name: "joins",
        shows: "a new server is used at once, and weights are kept",
        arenas: &[Arena::File],
        beside: false,
        company: Company::Alone,
        play: |stage| Box::pin(joins::play(stage)),
    },
    Scenario {
        name: "storm",
        shows: "many connections at once are served, and too many do no harm",
        arenas: &[Arena::List],
        beside: true,
        company: Company::Alone,
        play: |stage| Box::pin(storm::play(stage)),
    },
    Scenario {
        name: "shutdown",
        shows: "a server ends in time, whatever its peers do",
        arenas: &[Arena::List],
        beside: true,
        company: Company::Own,
        play: |stage| Box::pin(shutdown::play(stage)),
    },
    Scenario {
        name: "outage",
        shows: "a registry that is gone costs no call, and all agree with it soon after",
        arenas: ENGINES,
        beside: false,
        company: Company::Own,
        play: |stage| Box::pin(outage::play(stage)),
    },
    Scenario {
        name: "lost",
        shows: "a registration that is lost is made again",
        arenas: &[Arena::File, Arena::ZooKeeper, Arena::Etcd, Arena::Redis],
        beside: false,
        company: Company::Own,
        play: |stage| Box::pin(lost::play(stage)),
    },
    Scenario {
        name: "leader",
        shows: "the loss of a registry's leader costs no call",
        arenas: &[Arena::Ensemble, Arena::Cluster],
        beside: false,
        company: Company::Own,
        play: |stage| Box::pin(leader::play(stage)),
    },
    Scenario {
        name: "poisoned",
        shows: "what is no entry harms nothing, and no password is printed",
        arenas: &[Arena::File, Arena::ZooKeeper, Arena::Etcd, Arena::Redis],
        beside: false,
        company: Company::Alone,
        play: |stage| Box::pin(poisoned::play(stage)),
    },
];

/// One scenario with one system in one place.
#[derive(Clone, Copy)]
struct Cast {
    scenario: &'static Scenario,
    system: System,
    arena: Arena,
}

/// Plays all of an area that the settings want.
pub(crate) async fn all(area: &Area, settings: &Settings) -> Result<Report, Failure> {
    let begun = std::time::Instant::now();
    let mut report = Report::beside(area.beside);
    let wanted: Vec<&'static Scenario> = area
        .scenarios
        .iter()
        .filter(|scenario| settings.wants(scenario.name))
        .collect();
    let are_company = |one: &&'static Scenario, next: &&'static Scenario| {
        [one.company, next.company] == [Company::Neighbours; 2]
    };
    for company in wanted.chunk_by(are_company) {
        let casts: Vec<Cast> = company
            .iter()
            .flat_map(|scenario| casts(scenario, area.beside, settings))
            .collect();
        let at_once = match company[0].company {
            Company::Alone => 1,
            Company::Own | Company::Neighbours => casts.len().max(1),
        };
        for casts in casts.chunks(at_once) {
            report.runs.extend(perform(casts, settings.quick).await?);
        }
    }
    report.lasted = begun.elapsed();
    Ok(report)
}

/// Where and with whom a scenario is played.
fn casts(scenario: &'static Scenario, beside: System, settings: &Settings) -> Vec<Cast> {
    let cast = |system, arena| Cast {
        scenario,
        system,
        arena,
    };
    let arenas = scenario.arenas.iter();
    let mut casts: Vec<Cast> = arenas
        .filter(|arena| settings.wants_on(**arena))
        .map(|arena| cast(System::Callsheet, *arena))
        .collect();
    if scenario.beside && !casts.is_empty() {
        casts.push(cast(beside, scenario.arenas[0].without_registry()));
    }
    casts
}

/// Plays several at the same time, and those once more where only the machine may have been at fault.
async fn perform(casts: &[Cast], quick: bool) -> Result<Vec<Run>, Failure> {
    let mut runs = together(casts, quick).await?;
    let short = runs.iter();
    let short = short.filter(|run| run.system == System::Callsheet && !run.holds());
    let (short, late): (Vec<_>, Vec<_>) = short.map(|run| (run.scenario, run.noise.late)).unzip();
    if let Some(late) = late.into_iter().max()
        && late > TOO_LATE
    {
        eprintln!("  the machine was late by {late:.0?}: once more");
        let again = casts.iter();
        let again = again.filter(|cast| short.contains(&cast.scenario.name));
        let again: Vec<Cast> = again.copied().collect();
        runs.retain(|run| !short.contains(&run.scenario));
        for mut run in together(&again, quick).await? {
            run.repeated = true;
            runs.push(run);
        }
    }
    Ok(runs)
}

/// Each cast is a task of its own: one that waits for a command of its registry holds up no other's clock.
async fn together(casts: &[Cast], quick: bool) -> Result<Vec<Run>, Failure> {
    let begin = |&cast: &Cast| {
        tokio::spawn(async move {
            let run = play(cast.scenario, cast.system, cast.arena, quick).await?;
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
