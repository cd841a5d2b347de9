//! Registrations are lost: a session runs out while its process is suspended, an entry is deleted by hand, or there is somebody
//! else's in its place, a dead session's or one that stays, the registry forgets everything. Each is listed again.

use std::ops::Range;
use std::process::Command;
use std::time::Duration;

use callsheet_tests::engine::zookeeper::{Raw, ZooKeeper};
use callsheet_tests::engine::{Data, Engine, program};
use chaos::{Failure, now};
use tokio::time::timeout;

use crate::fleet::{Fleet, pass, strike};
use crate::judgement::{Figure, Judgement};
use crate::listed::{Listed, NEVER, took, until};
use crate::record::Record;
use crate::registry::{Arena, Registry, key};
use crate::stage::Stage;

use super::Outcome;

/// The audit of 30 s with a quarter of jitter, and a pause of 2 s before another try (`docs/discovery.md`).
const LISTED_AGAIN: f64 = 40_000.0;

/// In which calls meet a server that has just been suspended, and may fail: from the first that does, which is not the first
/// of all, since a balancer may ask others for seconds.
const NOTICED: u64 = 1_500_000;

/// How long before a server was suspended a call was due at most that it had not answered then: the machine is late in some
/// tens of milliseconds.
const UNDER_WAY: u64 = 100_000;

/// How often an entry's owner is asked for.
const ASKED_EVERY: Duration = Duration::from_millis(20);

/// How long a registry is cut off while it forgets what it said before.
const CUT_OFF: Duration = Duration::from_secs(4);

pub(super) async fn play(stage: &Stage) -> Outcome {
    let apart = stage.arena == Arena::Etcd;
    let registry = Registry::start(stage.arena, apart).await?;
    let mut fleet = Fleet::of(stage, registry, 3).await?;
    let mut load = fleet.load(&[])?;
    load.sees_all(&fleet.names()).await?;
    let mut view = Listed::watch(&fleet.registry).await?;
    let mut ids = Vec::new();
    for server in &fleet.servers {
        ids.push(view.instance(&server.address).await?.id.clone());
    }

    let mut judgements = vec![deleted(&fleet, &ids[0]).await?];
    let (stop, again) = suspended(&fleet, &ids[1], &mut view).await?;
    judgements.push(again);
    let mut stops = vec![stop];
    match stage.arena {
        Arena::ZooKeeper => {
            judgements.push(usurped(&fleet, &ids[0]).await?);
            let (stop, both) = succeeded(&fleet, &ids[2], &mut view).await?;
            judgements.extend(both);
            stops.push(stop);
        }
        Arena::Etcd => judgements.push(compacted(&fleet, &ids[2], &mut view).await?),
        Arena::Redis => judgements.push(emptied(&mut fleet, &ids).await?),
        _ => {}
    }
    pass(Duration::from_secs(1)).await;
    let record = load.finish().await?;
    let then = stops.iter().map(|stop| met(&record, stop));
    let elsewhere = record.failed.len() - then.sum::<usize>();
    let what = "calls failed, but for those of a server just suspended";
    judgements.push(
        Judgement::goal(what, Figure::count(elsewhere), Figure::count(0))
            .noting(format!("of {}", record.all())),
    );
    stage.keep(record);
    Ok(judgements)
}

/// How many calls failed since they met a server that had just been suspended, for that time.
fn met(record: &Record, stop: &Range<u64>) -> usize {
    let from = stop.start.saturating_sub(UNDER_WAY);
    let failed = record.failed.iter().map(|call| call.due);
    let first = failed.filter(|due| (from..stop.end).contains(due)).min();
    first.map_or(0, |first| {
        record.failed_in(&(first..(first + NOTICED).min(stop.end)))
    })
}

async fn deleted(fleet: &Fleet<'_>, id: &str) -> Result<Judgement, Failure> {
    let since = now();
    fleet.registry.delete(id).await?;
    let again = until(&fleet.registry, since, &[id]).await;
    Ok(promise("deleted by hand: listed again after", again))
}

/// Also the time for which the process was suspended.
async fn suspended(
    fleet: &Fleet<'_>,
    id: &str,
    view: &mut Listed,
) -> Result<(Range<u64>, Judgement), Failure> {
    let node = &fleet.servers[1].node;
    let (stopped, _) = strike(node, "STOP")?;
    let gone = view.until(stopped, |now| now.instance(id).is_none()).await;
    let (since, _) = strike(node, "CONT")?;
    let again = view.until(since, |now| now.instance(id).is_some()).await;
    let judgement = promise(
        "suspended until it was lost, went on: listed again after",
        again,
    );
    Ok((
        stopped..since,
        judgement.noting(format!("lost after {gone}")),
    ))
}

/// Somebody else's entry that stays stands where the server's was.
async fn usurped(fleet: &Fleet<'_>, id: &str) -> Result<Judgement, Failure> {
    let mut hand = Raw::connect(zookeeper(fleet)?).await;
    let path = key(id);
    let record = hand.read(&path).await.ok_or("the entry is not there")?;
    let since = now();
    hand.delete(&path).await;
    hand.create(&path, &record).await;
    let again = owned_anew(&mut hand, &path, 0, since).await;
    let what = "another's entry in its place: its own again after";
    Ok(promise(what, again))
}

/// The session of a server runs out while it is suspended, and when it goes on the entry of an older session, which still
/// lives, stands where its own was. That session ends soon, and must not take the server's entry with it.
///
/// Also the time for which the process was suspended.
async fn succeeded(
    fleet: &Fleet<'_>,
    id: &str,
    view: &mut Listed,
) -> Result<(Range<u64>, [Judgement; 2]), Failure> {
    let engine = zookeeper(fleet)?;
    let (mut older, mut hand) = (Raw::connect(engine).await, Raw::connect(engine).await);
    let path = key(id);
    let record = hand.read(&path).await.ok_or("the entry is not there")?;
    let expired = hand.owner(&path).await.ok_or("the entry is not there")?;
    let node = &fleet.servers[2].node;
    let (stopped, _) = strike(node, "STOP")?;
    let gone = view.until(stopped, |now| now.instance(id).is_none()).await;
    older.create_ephemeral(&path, &record).await;
    let of_older = older.owner(&path).await.unwrap_or_default();
    let (since, _) = strike(node, "CONT")?;
    // It asks by the older session, which therefore lives until then.
    let again = owned_anew(&mut older, &path, of_older, since).await;
    older.close().await;
    let owner = hand.owner(&path).await.unwrap_or_default();
    let lost = [0, expired, of_older].contains(&owner);
    let what = "its session ran out, an older one's ephemeral in its place: its own again after";
    let again = promise(what, again).noting(format!("ran out after {gone}"));
    let what = "entries lost with the end of the older session";
    let lost = Judgement::goal(what, Figure::count(usize::from(lost)), Figure::count(0));
    Ok((stopped..since, [again, lost]))
}

fn zookeeper<'a>(fleet: &'a Fleet<'_>) -> Result<&'a Engine<ZooKeeper>, Failure> {
    match &fleet.registry {
        Registry::ZooKeeper(engine) => Ok(engine),
        _ => Err("only ZooKeeper's entries have owners".into()),
    }
}

/// How long it takes from `since` until an entry that was `before`'s is that of a session other than that.
async fn owned_anew(hand: &mut Raw, path: &str, before: i64, since: u64) -> Figure {
    let owned = async {
        while hand
            .owner(path)
            .await
            .is_none_or(|owner| [0, before].contains(&owner))
        {
            pass(ASKED_EVERY).await;
        }
    };
    took(since, timeout(NEVER, owned).await.is_ok())
}

/// While the registry is cut off, somebody is listed and the history up to there forgotten.
async fn compacted(fleet: &Fleet<'_>, like: &str, view: &mut Listed) -> Result<Judgement, Failure> {
    let Registry::Etcd(engine) = &fleet.registry else {
        return Err("only etcd has a history".into());
    };
    let record = engine.etcdctl(&["get", "--print-value-only", &key(like)[1..]]);
    let endpoint = engine.place().endpoint();
    let etcdctl = |arguments: &[&str]| {
        let mut command = Command::new(program("etcdctl", "etcd-client"));
        command
            .env("ETCDCTL_API", "3")
            .args(["--endpoints", &endpoint])
            .args(arguments);
        fleet.registry.inside(&command)
    };
    fleet.registry.network()?.cut();
    let newcomer = record.trim().replacen(like, "newcomer", 1);
    etcdctl(&["put", &key("newcomer")[1..], &newcomer])?;
    for number in 0..5 {
        etcdctl(&["put", "elsewhere", &number.to_string()])?;
    }
    let status = etcdctl(&["get", "elsewhere", "-w", "json"])?;
    let (_, revision) = status.split_once("\"revision\":").ok_or("no revision")?;
    let digits = revision.find(|digit: char| !digit.is_ascii_digit());
    etcdctl(&["compact", &revision[..digits.unwrap_or_default()]])?;
    pass(CUT_OFF).await;
    fleet.registry.network()?.heal();
    let since = now();
    let seen = view.until(since, |now| now.instance("newcomer").is_some());
    let seen = seen.await;
    etcdctl(&["del", &key("newcomer")[1..]])?;
    Ok(promise(
        "cut off and its history compacted: a change seen after",
        seen,
    ))
}

/// The registry comes back with nothing.
async fn emptied(fleet: &mut Fleet<'_>, ids: &[String]) -> Result<Judgement, Failure> {
    fleet.registry.restart(Data::Empty).await?;
    let since = now();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let again = until(&fleet.registry, since, &ids).await;
    Ok(promise(
        "restarted with no data: all listed again after",
        again,
    ))
}

fn promise(what: &str, figure: Figure) -> Judgement {
    Judgement::promise(what, figure, Figure::millis(LISTED_AGAIN))
}

#[cfg(test)]
mod tests {
    use chaos::Unanswered;

    use super::*;

    const MS: u64 = 1000;

    #[test]
    fn only_calls_that_meet_a_server_just_suspended_may_fail() {
        let failed = |due: &[u64]| Record {
            failed: due
                .iter()
                .map(|due| Unanswered {
                    due: due * MS,
                    at: due * MS + 5000 * MS,
                    started: true,
                    status: String::new(),
                })
                .collect(),
            ..Record::default()
        };
        let met = |due: &[u64]| met(&failed(due), &(1000 * MS..9000 * MS));
        assert_eq!(met(&[899, 900, 1000, 2399]), 3);
        assert_eq!(met(&[1000, 2499, 2500, 7000]), 2, "a probe is one too many");
        assert_eq!(met(&[4700, 6199, 6200]), 2, "first asked late");
        assert_eq!(met(&[8999, 9000]), 1);
    }
}
