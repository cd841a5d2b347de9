//! The registry is gone for a minute: killed, suspended, or cut off. Meanwhile one server moves to another port, and a client
//! starts cold from what another has saved.

use std::time::Duration;

use callsheet_tests::engine::Data;
use chaos::{Failure, now};

use crate::fleet::{Fleet, pass};
use crate::judgement::{Figure, Judgement};
use crate::registry::{Arena, Registry};
use crate::stage::Stage;

use super::Outcome;

/// What may befall it.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Killed,
    Stopped,
    CutOff,
}

impl Harm {
    fn befall(self, registry: &mut Registry) -> Result<(), Failure> {
        match self {
            Self::Killed => registry.kill(),
            Self::Stopped => registry.stop(),
            Self::CutOff => {
                registry.network()?.cut();
                Ok(())
            }
        }
    }

    async fn pass(self, registry: &mut Registry) -> Result<(), Failure> {
        match self {
            Self::Killed => registry.restart(Data::Same).await,
            Self::Stopped => registry.cont(),
            Self::CutOff => {
                registry.network()?.heal();
                Ok(())
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Stopped => "stopped",
            Self::CutOff => "cut off",
        }
    }
}

/// In a quick run each engine meets one of them.
fn harms(stage: &Stage) -> &'static [Harm] {
    match (stage.quick, stage.arena) {
        (false, _) => &[Harm::Killed, Harm::Stopped, Harm::CutOff],
        (true, Arena::ZooKeeper) => &[Harm::CutOff],
        (true, Arena::Etcd) => &[Harm::Stopped],
        (true, _) => &[Harm::Killed],
    }
}

/// Views are saved 1 s behind a change (`docs/discovery.md`, saved views).
const SAVED: Duration = Duration::from_secs(2);

/// How soon after its return all agree with the registry again.
const CONVERGED: f64 = 5000.0;

pub(super) async fn play(stage: &Stage) -> Outcome {
    let mut judgements = Vec::new();
    for harm in harms(stage) {
        judgements.extend(once(stage, *harm).await?);
    }
    Ok(judgements)
}

async fn once(stage: &Stage, harm: Harm) -> Outcome {
    let gone = Duration::from_secs(stage.pace(60, 10));
    let how = format!("{} for {} s", harm.name(), gone.as_secs());
    let registry = Registry::start(stage.arena, matches!(harm, Harm::CutOff)).await?;
    let mut fleet = Fleet::of(stage, registry, 3).await?;
    let views = tempfile::Builder::new()
        .prefix("views-")
        .tempdir_in(stage.folder())?;
    let views = views.path().display().to_string();
    let saving = ["--hold", "2", "--snapshots", &views];
    let mut warm = fleet.load(&saving)?;
    warm.sees_all(&fleet.names()).await?;
    pass(SAVED).await;

    let begun = now();
    harm.befall(&mut fleet.registry)?;
    pass(Duration::from_secs(1)).await;
    let moved = fleet.restart(2).await?.name.clone();
    let mut cold = fleet.load(&saving)?;
    cold.sees_all(&fleet.names()[..2]).await?;
    let spent = Duration::from_micros(now().saturating_sub(begun));
    pass(gone.saturating_sub(spent)).await;

    harm.pass(&mut fleet.registry).await?;
    let back = now();
    let mut slowest = 0;
    for load in [&mut warm, &mut cold] {
        let seen = load.sees(&moved, 0).await?;
        slowest = slowest.max(seen.saturating_sub(back));
    }
    pass(Duration::from_secs(1)).await;
    let records = [warm.finish().await?, cold.finish().await?];
    let judgements = vec![
        Judgement::none_failed(format!("{how}: calls failed"), &[&records[0], &records[1]]),
        Judgement::goal(
            format!("{how}: both clients call the server that moved, after"),
            Figure::micros(slowest),
            Figure::millis(CONVERGED),
        ),
    ];
    for record in records {
        stage.keep(record);
    }
    Ok(judgements)
}
