//! Ten servers over TCP and an even load on them, all within this process; what servers do may change while they run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callsheet::governance::{BreakerSettings, Settings};
use callsheet::registry::{self, Handle};
use callsheet::server::Running;
use callsheet::{Balance, Client, Error, Server, Status};
use callsheet_tests::chance::Chance;
use chaos::Failure;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use rpc::chaos::Work;
use rpc::chaos::v1::{TenClient, TenServer};

use crate::stage::System;

/// What `ten.rpc` generates.
pub(super) mod rpc {
    callsheet::include_rpc!();
}

/// Servers of a fleet.
pub(super) const SERVERS: usize = 10;

/// How long a handler works that is well.
const WORK: Duration = Duration::from_millis(5);

/// How many calls a second.
const RATE: u32 = 500;

/// What a server does with its calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mood {
    /// It answers.
    Well,
    /// It answers after this.
    Slow(Duration),
    /// So many of a hundred calls fail.
    Failing(usize),
}

/// A server: what it does, and how many calls have come to it.
struct Member {
    mood: Mutex<Mood>,
    asked: AtomicU64,
    chance: Mutex<Chance>,
}

impl Member {
    async fn work(&self) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mood = *lock(&self.mood);
        match mood {
            Mood::Well => sleep(WORK).await,
            Mood::Slow(time) => sleep(time).await,
            Mood::Failing(share) => {
                sleep(WORK).await;
                if lock(&self.chance).percent(share) {
                    return Err(Status::unavailable("as it is told").into());
                }
            }
        }
        Ok(())
    }
}

struct Serving(Arc<Member>);

impl rpc::chaos::v1::Ten for Serving {
    async fn serve(&self, work: Work) -> Result<Work, Error> {
        self.0.work().await?;
        Ok(work)
    }
}

/// Ten servers.
pub(super) struct Ten {
    members: Vec<Arc<Member>>,
    registry: Handle,
    _running: Vec<Running>,
}

impl Ten {
    pub(super) async fn start() -> Result<Self, Failure> {
        let seeds = 0..SERVERS as u64;
        let members = seeds.map(|seed| {
            Arc::new(Member {
                mood: Mutex::new(Mood::Well),
                asked: AtomicU64::new(0),
                chance: Mutex::new(Chance::new(seed)),
            })
        });
        let members: Vec<_> = members.collect();
        let mut running = Vec::new();
        for member in &members {
            let member = Arc::clone(member);
            let server = Server::bind("127.0.0.1:0").add(TenServer::new(Serving(member)));
            running.push(server.start().await?);
        }
        let addresses = running.iter().map(|one| one.addresses()[0].to_string());
        let list = addresses.collect::<Vec<_>>().join(",");
        Ok(Self {
            members,
            registry: registry::connect(&format!("static:{list}")).await?,
            _running: running,
        })
    }

    pub(super) fn set(&self, index: usize, mood: Mood) {
        *lock(&self.members[index].mood) = mood;
    }

    /// How many calls have come to each.
    pub(super) fn asked(&self) -> Vec<u64> {
        let asked = self.members.iter();
        asked.map(|one| one.asked.load(Ordering::Relaxed)).collect()
    }

    /// A client with everything as it is unless set, or without circuit breakers.
    pub(super) fn client(&self, system: System, balance: Balance) -> Client {
        let breaker = BreakerSettings::new().enabled(system != System::Bare);
        Client::builder()
            .registry(&self.registry)
            .balance(balance)
            .settings(Settings::new().breaker(breaker))
            .build()
    }
}

/// A call that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) began: Instant,
    pub(super) took: Duration,
    pub(super) failed: bool,
}

/// An even load, and what became of its calls.
pub(super) struct Load {
    client: TenClient,
    ended: Arc<Mutex<Vec<Ended>>>,
    calls: JoinSet<()>,
    number: u64,
}

impl Load {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: TenClient::new(client),
            ended: Arc::default(),
            calls: JoinSet::new(),
            number: 0,
        }
    }

    /// Calls for so long; those that are under way at the end go on.
    pub(super) async fn run(&mut self, lasting: Duration) {
        let end = Instant::now() + lasting;
        let mut pace = interval(Duration::from_secs(1) / RATE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let began = pace.tick().await;
            if began >= end {
                return;
            }
            self.number += 1;
            let work = Work {
                number: self.number,
            };
            let (client, ended) = (self.client.clone(), Arc::clone(&self.ended));
            self.calls.spawn(async move {
                let failed = client.serve(work).await.is_err();
                let took = began.elapsed();
                lock(&ended).push(Ended {
                    began,
                    took,
                    failed,
                });
            });
            while self.calls.try_join_next().is_some() {}
        }
    }

    /// All calls, when the last has ended.
    pub(super) async fn finish(mut self) -> Vec<Ended> {
        while self.calls.join_next().await.is_some() {}
        std::mem::take(&mut *lock(&self.ended))
    }
}

/// The time that 99 of 100 calls stay below.
pub(super) fn p99(calls: &[Ended]) -> Duration {
    let mut took: Vec<_> = calls.iter().map(|call| call.took).collect();
    took.sort();
    let place = (took.len() * 99 / 100).min(took.len().saturating_sub(1));
    took.get(place).copied().unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
