//! What is no entry stands among the entries, a hundred thousand of it where the registry's tool writes them in seconds: it is
//! skipped and counted, and calls go on. Then the registry fails once, and no password is in what the processes print.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use callsheet_tests::engine::redis::Redis;
use callsheet_tests::engine::{Data, Engine, Place, program};
use chaos::{Failure, now};
use tokio::task::block_in_place;

use crate::fleet::{Fleet, pass};
use crate::judgement::{Figure, Judgement};
use crate::listed::Listed;
use crate::registry::{Arena, Registry, SERVICE, key, said};
use crate::stage::Stage;

use super::Outcome;

/// A password that is nowhere else.
const SECRET: &str = "Xq7cellar2door9";

/// Entries that are none, by the thousand.
const MANY: usize = 100_000;

/// The same where a reader looks at each: more than it believes entries, and looked at in a second.
const MANY_FILES: usize = 25_000;

/// Entries that break a rule each: a foreign type, control characters, no object, no UTF-8, more than 64 KiB.
fn poison() -> Vec<(&'static str, Vec<u8>)> {
    let control = format!(
        r#"{{"id":"control","service":"{SERVICE}","addresses":["tcp://127.0.0.1\u0007:1"]}}"#
    );
    vec![
        ("types", br#"{"id":7,"service":[],"addresses":{}}"#.to_vec()),
        ("control", control.into_bytes()),
        ("list", b"[1,2,3]".to_vec()),
        ("utf8", b"\xff\xfe\x80".to_vec()),
        ("long", vec![b'x'; 100_000]),
        ("longest", vec![b'x'; 10_000_000]),
    ]
}

pub(super) async fn play(stage: &Stage) -> Outcome {
    let registry = match stage.arena {
        Arena::Redis => {
            let mut kind = Redis::durable();
            kind.arguments = vec!["--requirepass".to_owned(), SECRET.to_owned()];
            kind.login = format!(":{SECRET}@");
            Registry::Redis(Engine::start(kind).await)
        }
        arena => Registry::start(arena, false).await?,
    };
    let mut fleet = Fleet::of(stage, registry, 3).await?;
    let mut load = fleet.load(&[])?;
    load.sees_all(&fleet.names()).await?;
    let written = block_in_place(|| write(&fleet.registry, stage.pace(MANY, MANY_FILES)))?;
    let mut view = Listed::watch(&fleet.registry).await?;
    let counted = view
        .until(now(), |now| now.skipped().count >= written)
        .await;
    let mut late = fleet.load(&[])?;
    late.sees_all(&fleet.names()).await?;
    if !matches!(fleet.registry, Registry::File(_)) {
        fleet.registry.kill()?;
        pass(Duration::from_secs(2)).await;
        fleet.registry.restart(Data::Same).await?;
    }
    let moved = fleet.restart(0).await?.name.clone();
    load.sees(&moved, 0).await?;
    late.sees(&moved, 0).await?;
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
    if stage.arena == Arena::Redis {
        let told = told(stage)?;
        let told = Judgement::goal(
            "processes that print the password",
            Figure::count(told),
            Figure::count(0),
        );
        judgements.push(told);
    }
    for record in records {
        stage.keep(record);
    }
    Ok(judgements)
}

/// Writes what is no entry with the registry's own tool, `files` of it where it writes files; gives how many of it there are.
fn write(registry: &Registry, files: usize) -> Result<usize, Failure> {
    let poison = poison();
    match registry {
        Registry::File(folder) => {
            let folder = folder.path().join("services").join(SERVICE);
            for (name, value) in &poison {
                std::fs::write(folder.join(format!("{name}.json")), value)?;
            }
            for number in 0..files {
                std::fs::write(folder.join(format!("junk{number}.json")), "junk")?;
            }
            Ok(poison.len() + files)
        }
        Registry::Redis(engine) => {
            let index = format!("shop/index/{SERVICE}");
            for (name, value) in &poison {
                let cli = |words: &[&str], last: &[u8]| {
                    let words = [&["-a", SECRET], words].concat();
                    said(&engine.try_cli(&words, last))
                };
                cli(&["SET", &key(name)[1..]], value)?;
                cli(&["ZADD", &index, "9000000000000", name], b"")?;
            }
            let many = format!(
                "for i = 1, {MANY} do redis.call('SET', KEYS[1] .. i, 'junk') \
                 redis.call('ZADD', KEYS[2], 9000000000000, 'junk' .. i) end"
            );
            let junk = &key("junk")[1..];
            let words = ["-a", SECRET, "EVAL", &many, "2", junk, &index];
            said(&engine.try_cli(&words, b""))?;
            Ok(poison.len() + MANY)
        }
        Registry::Etcd(engine) => {
            // Its tool sends less than 2 MiB.
            let sent = poison.iter().filter(|(_, value)| value.len() < 1 << 20);
            let sent = sent.map(|(name, value)| etcdctl(engine.place(), name, value));
            Ok(sent.collect::<Result<Vec<()>, _>>()?.len())
        }
        Registry::ZooKeeper(engine) => {
            // Its tool takes values as words.
            let words = poison.iter().filter_map(|(name, value)| {
                let word = std::str::from_utf8(value).ok()?;
                (word.len() < 110_000).then_some((name, word))
            });
            let words = words.map(|(name, word)| said(&engine.cli(&["create", &key(name), word])));
            Ok(words.collect::<Result<Vec<_>, _>>()?.len())
        }
        _ => Err("nothing is written here".into()),
    }
}

fn etcdctl(place: &Place, name: &str, value: &[u8]) -> Result<(), Failure> {
    let mut putting = Command::new(program("etcdctl", "etcd-client"))
        .env("ETCDCTL_API", "3")
        .args(["--endpoints", &place.endpoint(), "put", &key(name)[1..]])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    putting.stdin.take().ok_or("no pipe")?.write_all(value)?;
    said(&putting.wait_with_output()?).map(drop)
}

/// How many processes have printed the password.
fn told(stage: &Stage) -> Result<usize, Failure> {
    let mut told = 0;
    for entry in std::fs::read_dir(stage.folder())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "log") {
            let said = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
            told += usize::from(said.contains(SECRET));
        }
    }
    Ok(told)
}
