//! Three tiers, the last of which fails: what each tier adds to the load of the one below it, in simulated time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callsheet::Status;
use chaos::Failure;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, interval, sleep};

use super::chain::rpc::chaos::Step;
use super::chain::rpc::chaos::v1::ChainClient;
use super::chain::{Tier, client, deed, mix, naively};
use crate::judgement::{Figure, Judgement};
use crate::scenario::Outcome;
use crate::stage::{Stage, System};

/// Servers of each tier.
const SERVERS: usize = 3;

/// Calls per second.
const RATE: u64 = 200;

/// How long a handler at the end works.
const WORK: Duration = Duration::from_millis(5);

/// What is measured after the end of the trouble.
const AFTER: Duration = Duration::from_secs(10);

/// The most attempts at the last tier, in hundredths of the calls.
const GOAL_PERCENT: f64 = 120.0;

const RECOVERY_MILLIS: f64 = 5_000.0;

/// Of a hundred attempts so many fail while there is trouble.
const SHARES: [u64; 2] = [50, 100];

/// What the last tier went through.
#[derive(Default)]
struct Trouble {
    on: AtomicBool,
    attempts: AtomicU64,
    seed: AtomicU64,
}

/// What the callers of the first tier noticed.
struct Noticed {
    offered: u64,
    attempts: u64,
    failed: u64,
    /// From the end of the trouble to the last failure.
    recovery: Duration,
}

pub(super) async fn play(stage: &Stage) -> Outcome {
    let seconds = stage.pace(60, 15);
    let mut judgements = Vec::new();
    for share in SHARES {
        let system = stage.system;
        let noticed = spawn_blocking(move || simulate(system, share, seconds)).await??;
        judgements.extend(noticed.judge(share, seconds, system));
    }
    Ok(judgements)
}

impl Noticed {
    fn judge(&self, share: u64, seconds: u64, system: System) -> [Judgement; 2] {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let percent = self.attempts as f64 * 100.0 / self.offered as f64;
        let how = if system == System::Bare {
            "; every tier asks three times"
        } else {
            ""
        };
        [
            Judgement::goal(
                format!(
                    "attempts at the last tier while it fails {share} % for {seconds} s, of calls"
                ),
                Figure::percent(percent),
                Figure::percent(GOAL_PERCENT),
            )
            .noting(format!(
                "{} of {} calls failed{how}",
                self.failed, self.offered
            )),
            Judgement::goal(
                format!("no call fails any more after {share} %, within"),
                Figure::millis(self.recovery.as_secs_f64() * 1000.0),
                Figure::millis(RECOVERY_MILLIS),
            ),
        ]
    }
}

/// Plays it in a world of its own, whose clock stands still while anything is to be done.
fn simulate(system: System, share: u64, seconds: u64) -> Result<Noticed, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()?
        .block_on(trouble(system, share, Duration::from_secs(seconds)))
}

async fn trouble(system: System, share: u64, lasting: Duration) -> Result<Noticed, Failure> {
    let trouble = Arc::<Trouble>::default();
    let last = {
        let trouble = Arc::clone(&trouble);
        deed(move |_| {
            let trouble = Arc::clone(&trouble);
            async move { trouble.work(share).await.map_err(Into::into) }
        })
    };
    let last = Tier::start(SERVERS, &last).await?;
    let mut above = last.registry.clone();
    // Each is kept until the end.
    let mut tiers = vec![last];
    for _ in 0..2 {
        // Every server has a client of its own.
        let clients: Vec<_> = (0..SERVERS).map(|_| client(&above, system)).collect();
        let next = AtomicU64::new(0);
        let ask = deed(move |number| {
            let index = next.fetch_add(1, Ordering::Relaxed) % SERVERS as u64;
            let client = clients[usize::try_from(index).unwrap_or_default()].clone();
            async move {
                if system == System::Bare {
                    return naively(&client, number).await;
                }
                client.read(Step { number }).await.map(drop)
            }
        });
        let tier = Tier::start(SERVERS, &ask).await?;
        above = tier.registry.clone();
        tiers.push(tier);
    }
    let root = client(&above, system);
    let load = Load::new(root, system);
    // Connections come up, and budgets are what they are with this load.
    load.run(Duration::from_secs(10)).await;
    trouble.on.store(true, Ordering::Relaxed);
    let (offered, attempts) = (load.offered(), trouble.attempts.load(Ordering::Relaxed));
    load.run(lasting).await;
    let offered = load.offered() - offered;
    let attempts = trouble.attempts.load(Ordering::Relaxed) - attempts;
    let failed = load.failed();
    trouble.on.store(false, Ordering::Relaxed);
    let well = Instant::now();
    load.run(AFTER).await;
    let last = *lock(&load.0.last_failure);
    Ok(Noticed {
        offered,
        attempts,
        failed,
        recovery: last.map_or(Duration::ZERO, |last| last.saturating_duration_since(well)),
    })
}

impl Trouble {
    /// What the last tier does. Chance that a seed decides.
    async fn work(&self, share: u64) -> Result<(), Status> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let on = self.on.load(Ordering::Relaxed);
        let chance = mix(self.seed.fetch_add(1, Ordering::Relaxed)) % 100;
        sleep(WORK).await;
        if on && chance < share {
            return Err(Status::unavailable("in trouble"));
        }
        Ok(())
    }
}

/// Calls of the first tier at an even pace, whatever becomes of them.
struct Load(Arc<Calls>);

struct Calls {
    root: ChainClient,
    system: System,
    offered: AtomicU64,
    failed: AtomicU64,
    last_failure: Mutex<Option<Instant>>,
}

impl Load {
    fn new(root: ChainClient, system: System) -> Self {
        Self(Arc::new(Calls {
            root,
            system,
            offered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            last_failure: Mutex::default(),
        }))
    }

    fn offered(&self) -> u64 {
        self.0.offered.load(Ordering::Relaxed)
    }

    fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Asks for so long, and waits for all answers.
    async fn run(&self, lasting: Duration) {
        let end = Instant::now() + lasting;
        let mut pace = interval(Duration::from_secs(1) / u32::try_from(RATE).unwrap_or(1));
        let mut calls = JoinSet::new();
        while Instant::now() < end {
            pace.tick().await;
            let load = Arc::clone(&self.0);
            calls.spawn(async move { load.ask().await });
            while calls.try_join_next().is_some() {}
        }
        calls.join_all().await;
    }
}

impl Calls {
    async fn ask(&self) {
        let number = self.offered.fetch_add(1, Ordering::Relaxed);
        let outcome = match self.system {
            System::Bare => naively(&self.root, number).await,
            _ => self.root.read(Step { number }).await.map(drop),
        };
        if outcome.is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
            *lock(&self.last_failure) = Some(Instant::now());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
