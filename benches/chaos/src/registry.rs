//! The registries that scenarios run on, each a real one, and what an operator's hand does to them.

use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;

use callsheet_tests::engine::etcd::{Cluster, Etcd};
use callsheet_tests::engine::redis::Redis;
use callsheet_tests::engine::zookeeper::{Ensemble, Raw, ZooKeeper};
use callsheet_tests::engine::{Data, Engine, Kind, Network};
use chaos::Failure;
use tempfile::TempDir;
use tokio::task::block_in_place;

/// The service, as registries have it.
pub(crate) const SERVICE: &str = "chaos.Target";

/// A kind of registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arena {
    /// None, nor any other process: all within this one.
    Process,
    /// None: servers are known by their addresses.
    List,
    /// A directory.
    File,
    /// One server of it.
    ZooKeeper,
    /// One server of it.
    Etcd,
    /// One server of it.
    Redis,
    /// Three servers of `ZooKeeper`.
    Ensemble,
    /// Three servers of etcd.
    Cluster,
}

impl Arena {
    const ALL: [Self; 8] = [
        Self::Process,
        Self::List,
        Self::File,
        Self::ZooKeeper,
        Self::Etcd,
        Self::Redis,
        Self::Ensemble,
        Self::Cluster,
    ];

    /// The same where there is no registry.
    pub(crate) fn without_registry(self) -> Self {
        match self {
            Self::Process => Self::Process,
            _ => Self::List,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::List => "list",
            Self::File => "file",
            Self::ZooKeeper => "zookeeper",
            Self::Etcd => "etcd",
            Self::Redis => "redis",
            Self::Ensemble => "zookeeper-3",
            Self::Cluster => "etcd-3",
        }
    }
}

impl fmt::Display for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Arena {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|arena| arena.name() == name);
        known.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|arena| arena.name()).collect();
            format!("no registry `{name}`: {}", names.join(", "))
        })
    }
}

/// One that runs.
pub(crate) enum Registry {
    List,
    File(TempDir),
    ZooKeeper(Engine<ZooKeeper>),
    Etcd(Engine<Etcd>),
    Redis(Engine<Redis>),
    Ensemble(Ensemble),
    Cluster(Cluster),
}

/// Does the same with an engine of any kind that is one process.
macro_rules! engine {
    ($registry:expr, $engine:ident => $does:expr) => {
        match $registry {
            Registry::ZooKeeper($engine) => $does,
            Registry::Etcd($engine) => $does,
            Registry::Redis($engine) => $does,
            _ => return Err("this registry is not one process".into()),
        }
    };
}

impl Registry {
    /// One of this kind; in a network of its own if it is to be cut off.
    pub(crate) async fn start(arena: Arena, apart: bool) -> Result<Self, Failure> {
        let network = || apart.then(Network::connect);
        Ok(match arena {
            Arena::Process | Arena::List => Self::List,
            Arena::File => Self::File(tempfile::tempdir()?),
            Arena::ZooKeeper => Self::ZooKeeper(engine(ZooKeeper::default(), network()).await),
            Arena::Etcd => Self::Etcd(engine(Etcd::default(), network()).await),
            Arena::Redis => Self::Redis(engine(Redis::durable(), network()).await),
            Arena::Ensemble => Self::Ensemble(Ensemble::start().await),
            Arena::Cluster => Self::Cluster(Cluster::start().await),
        })
    }

    /// What `registry::connect` takes; none where there is no registry.
    pub(crate) fn address(&self) -> Option<String> {
        Some(match self {
            Self::List => return None,
            Self::File(folder) => format!("file:{}", folder.path().display()),
            Self::ZooKeeper(engine) => engine.address(),
            Self::Etcd(engine) => engine.address(),
            Self::Redis(engine) => engine.address(),
            Self::Ensemble(ensemble) => ensemble.address(),
            Self::Cluster(cluster) => cluster.address(),
        })
    }

    /// Kills its process.
    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        engine!(self, engine => engine.kill());
        Ok(())
    }

    /// Starts it again where it was, with its data or none, and waits until it answers.
    pub(crate) async fn restart(&mut self, data: Data) -> Result<(), Failure> {
        engine!(self, engine => engine.restart(data).await);
        Ok(())
    }

    /// Suspends its process.
    pub(crate) fn stop(&self) -> Result<(), Failure> {
        engine!(self, engine => engine.stop());
        Ok(())
    }

    /// Lets it go on.
    pub(crate) fn cont(&self) -> Result<(), Failure> {
        engine!(self, engine => engine.cont());
        Ok(())
    }

    /// Its network, where it has one of its own.
    pub(crate) fn network(&self) -> Result<&Network, Failure> {
        let network = engine!(self, engine => engine.place().network());
        network.ok_or_else(|| "this registry has no network of its own".into())
    }

    /// Kills the leader of an ensemble; gives what it is called there.
    pub(crate) async fn kill_leader(&mut self) -> Result<usize, Failure> {
        match self {
            Self::Ensemble(ensemble) => {
                let leader = ensemble.leader().await;
                ensemble.servers()[leader].kill();
                Ok(leader)
            }
            Self::Cluster(cluster) => {
                let leader = block_in_place(|| cluster.leader());
                cluster.members()[leader].kill();
                Ok(leader)
            }
            _ => Err("this registry has no leader".into()),
        }
    }

    /// Starts a member that was killed.
    pub(crate) async fn revive(&mut self, member: usize) -> Result<(), Failure> {
        match self {
            Self::Ensemble(ensemble) => ensemble.restart(member).await,
            Self::Cluster(cluster) => cluster.restart(member).await,
            _ => return Err("this registry has no members".into()),
        }
        Ok(())
    }

    /// Deletes an entry as an operator does by mistake, past the back end.
    pub(crate) async fn delete(&self, id: &str) -> Result<(), Failure> {
        let key = key(id);
        match self {
            Self::File(folder) => Ok(std::fs::remove_file(file(folder, id))?),
            Self::ZooKeeper(engine) => {
                Raw::connect(engine).await.delete(&key).await;
                Ok(())
            }
            Self::Etcd(engine) => {
                block_in_place(|| said(&engine.try_etcdctl(&["del", &key[1..]]))).map(drop)
            }
            Self::Redis(engine) => {
                block_in_place(|| said(&engine.try_cli(&["DEL", &key[1..]], b""))).map(drop)
            }
            _ => Err("entries are not deleted here".into()),
        }
    }

    /// Whether an entry is there, seen past the back end.
    pub(crate) async fn holds(&self, id: &str) -> bool {
        let key = key(id);
        let text = match self {
            Self::File(folder) => std::fs::read_to_string(file(folder, id)).unwrap_or_default(),
            Self::ZooKeeper(engine) => {
                let held = Raw::connect(engine).await.read(&key).await;
                String::from_utf8_lossy(&held.unwrap_or_default()).into_owned()
            }
            Self::Etcd(engine) => block_in_place(|| said(&engine.try_etcdctl(&["get", &key[1..]])))
                .unwrap_or_default(),
            Self::Redis(engine) => {
                block_in_place(|| said(&engine.try_cli(&["--raw", "GET", &key[1..]], b"")))
                    .unwrap_or_default()
            }
            _ => String::new(),
        };
        text.contains("\"addresses\"")
    }

    /// Runs a tool of the registry's within its network, where it reaches it even if it is cut off.
    pub(crate) fn inside(&self, command: &Command) -> Result<String, Failure> {
        let network = self.network()?;
        block_in_place(|| said(&network.inside(command).output()?))
    }
}

async fn engine<K: Kind>(kind: K, network: Option<Network>) -> Engine<K> {
    match network {
        Some(network) => Engine::start_in(kind, network).await,
        None => Engine::start(kind).await,
    }
}

/// Where an entry is, as `ZooKeeper` has it; etcd and Redis have it without the first stroke.
pub(crate) fn key(id: &str) -> String {
    format!("/shop/services/{SERVICE}/{id}")
}

fn file(folder: &TempDir, id: &str) -> PathBuf {
    let services = folder.path().join("services");
    services.join(SERVICE).join(format!("{id}.json"))
}

/// What a tool printed, if it ended well.
pub(crate) fn said(output: &std::process::Output) -> Result<String, Failure> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)).into())
}
