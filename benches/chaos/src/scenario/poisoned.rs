//! What is no entry stands among the entries, a hundred thousand of it: it is skipped and counted, and calls go on. Then the
//! registry fails once, some come with a wrong password, and no password is in what the processes print or save.

use std::time::Duration;

use callsheet_tests::engine::Data;
use chaos::{Event, Failure, now};

use crate::fleet::{Fleet, pass};
use crate::judgement::{Figure, Judgement};
use crate::listed::Listed;
use crate::poison;
use crate::registry::{Arena, Registry};
use crate::secret;
use crate::stage::Stage;

use super::Outcome;

/// Entries that are none.
const MANY: usize = 100_000;

/// The same in a quick run where a reader asks for each of them by itself: more than it believes entries, and read in a second
/// or two.
const MANY_SINGLE: usize = 25_000;

pub(super) async fn play(stage: &Stage) -> Outcome {
    let registry = Registry::guarded(stage.arena).await?;
    let mut fleet = Fleet::of(stage, registry, 3).await?;
    let views = stage.folder().join("views");
    std::fs::create_dir(&views)?;
    let saving = ["--snapshots", &views.display().to_string()];
    let mut load = fleet.load(&saving)?;
    load.sees_all(&fleet.names()).await?;
    let flood = match stage.arena {
        Arena::File | Arena::ZooKeeper => stage.pace(MANY, MANY_SINGLE),
        _ => MANY,
    };
    let written = poison::write(&fleet.registry, flood).await?;
    let since = now();
    let mut view = Listed::watch(&fleet.registry).await?;
    let counted = view
        .until(since, |now| now.skipped().count >= written)
        .await;
    let mut late = fleet.load(&saving)?;
    late.sees_all(&fleet.names()).await?;
    if !matches!(fleet.registry, Registry::File(_)) {
        fleet.registry.kill()?;
        pass(Duration::from_secs(2)).await;
        fleet.registry.restart(Data::Same).await?;
    }
    let moved = fleet.restart(0).await?.name.clone();
    load.sees(&moved, 0).await?;
    late.sees(&moved, 0).await?;
    let all_told = tell_all(&fleet).await?;
    let records = [load.finish().await?, late.finish().await?];
    let mut judgements = vec![
        Judgement::promise(
            "entries that are none: all skipped and counted after",
            counted,
            Figure::millis(30_000.0),
        )
        .noting(format!("{written} of them")),
        Judgement::none_failed(
            "entries that are none: calls failed",
            &[&records[0], &records[1]],
        ),
    ];
    if all_told {
        judgements.extend(searched(stage, &fleet.registry)?);
    }
    for record in records {
        stage.keep(record);
    }
    Ok(judgements)
}

/// Processes that show all they know of the registry, with the password and with a wrong one. Whether there is a password.
async fn tell_all(fleet: &Fleet<'_>) -> Result<bool, Failure> {
    let (Some(right), Some(wrong)) = (fleet.registry.address(), fleet.registry.wrong_address())
    else {
        return Ok(false);
    };
    let strangers: [(&str, &[&str]); 4] = [
        ("tells", &["tell", "--registry", &right]),
        ("tells-wrong", &["tell", "--registry", &wrong]),
        (
            "serves-wrong",
            &[
                "serve",
                "--name",
                "wrong",
                "--bind",
                "127.0.0.1:0",
                "--registry",
                &wrong,
            ],
        ),
        ("calls-wrong", &["load", "--registry", &wrong]),
    ];
    for (name, words) in strangers {
        let mut node = fleet.process(name, words)?;
        // Until it has ended or says that it is not let in.
        while let Some(event) = node.next().await? {
            if matches!(event, Event::Notice { .. } | Event::Failed(_)) {
                break;
            }
        }
    }
    Ok(true)
}

/// What the search finds; it must find what is planted.
fn searched(stage: &Stage, registry: &Registry) -> Result<[Judgement; 2], Failure> {
    let address = registry.address().ok_or("there is no registry")?;
    let (_, endpoint) = address.split_once('@').ok_or("there is no password")?;
    let endpoint = endpoint.split('/').next().unwrap_or_default();
    let silent = secret::silent(stage.folder(), endpoint)?;
    let found = secret::tellers(stage.folder())?;
    let planted = stage.folder().join("planted.log");
    std::fs::write(&planted, format!("listed at {address}\n"))?;
    if secret::tellers(stage.folder())?.len() != found.len() + 1 {
        return Err("the search does not find a password that is there".into());
    }
    let judge = |what, files: Vec<String>| {
        Judgement::goal(what, Figure::count(files.len()), Figure::count(0)).noting(files.join(" "))
    };
    Ok([
        judge("what processes print or save: with a password", found),
        judge("… which does not name the registry at all", silent),
    ])
}
