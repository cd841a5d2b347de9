//! Calls that must not run twice, through connections that are cut at any byte and servers that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use callsheet::server::Running;
use callsheet::{Code, registry};
use chaos::Failure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use super::chain::rpc::chaos::Step;
use super::chain::rpc::chaos::v1::ChainClient;
use super::chain::{Deed, client, deed, mix, server};
use crate::judgement::{Figure, Judgement};
use crate::scenario::Outcome;
use crate::stage::{Stage, System};

const SERVERS: usize = 3;

/// Addresses of each: clients pause before they ask again where connections were lost, and others are to be there meanwhile.
const ADDRESSES: usize = 4;

/// Calls in flight.
const CALLERS: u64 = 64;

/// A connection is cut behind this many bytes in the mean: some thousands of calls.
const BYTES: u64 = 128 << 10;

/// Between two restarts of a server.
const REST: Duration = Duration::from_millis(200);

/// What a server that leaves gives its calls: now and then too little.
const DRAIN: Duration = Duration::from_millis(2);

/// What is counted.
struct Count {
    runs: Box<[AtomicU8]>,
    next: AtomicU64,
    failed: AtomicU64,
    cuts: AtomicU64,
    restarts: AtomicU64,
    over: AtomicBool,
}

pub(super) async fn play(stage: &Stage) -> Outcome {
    let calls: u64 = stage.pace(1_000_000, 100_000);
    let count = Arc::new(Count {
        runs: (0..calls).map(|_| AtomicU8::new(0)).collect(),
        next: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        cuts: AtomicU64::new(0),
        restarts: AtomicU64::new(0),
        over: AtomicBool::new(false),
    });
    let work = handler(&count);
    let mut addresses = Vec::new();
    let mut faults = JoinSet::new();
    for index in 0..SERVERS {
        let running = server("127.0.0.1:0", &work)
            .drain_limit(DRAIN)
            .start()
            .await?;
        let (place, current) = watch::channel(place_of(&running));
        for _ in 0..ADDRESSES {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            addresses.push(listener.local_addr()?.to_string());
            let seed = addresses.len() as u64;
            faults.spawn(cut(listener, current.clone(), Arc::clone(&count), seed));
        }
        let (work, count) = (Arc::clone(&work), Arc::clone(&count));
        let first = REST * u32::try_from(index + 1)? / u32::try_from(SERVERS)?;
        faults.spawn(async move {
            sleep(first).await;
            restart(running, place, work, &count).await
        });
    }
    let registry = registry::connect(&format!("static:{}", addresses.join(","))).await?;
    let client = client(&registry, stage.system);
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        callers.spawn(call(client.clone(), Arc::clone(&count), stage.system));
    }
    while let Some(ended) = callers.join_next().await {
        ended?;
    }
    count.over.store(true, Ordering::Relaxed);
    faults.abort_all();
    Ok(judge(&count, calls))
}

fn judge(count: &Count, calls: u64) -> Vec<Judgement> {
    let runs = |wanted: fn(u8) -> bool| {
        let runs = count.runs.iter().map(|runs| runs.load(Ordering::Relaxed));
        runs.filter(|runs| wanted(*runs)).count()
    };
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (cuts, restarts) = (read(&count.cuts), read(&count.restarts));
    vec![
        Judgement::goal(
            "calls that are not idempotent and ran more than once",
            Figure::count(runs(|runs| runs > 1)),
            Figure::count(0),
        )
        .noting(format!(
            "of {calls} calls, {} of which failed; {cuts} connections cut, {restarts} restarts",
            read(&count.failed)
        )),
        // Faults that nobody notices prove nothing.
        Judgement::goal(
            "faults that were missing of 10",
            Figure::count(usize::try_from(10_u64.saturating_sub(cuts.min(restarts))).unwrap_or(0)),
            Figure::count(0),
        ),
    ]
}

/// Counts its runs; some are over at once, and some wait for others.
fn handler(count: &Arc<Count>) -> Deed {
    let count = Arc::clone(count);
    deed(move |number| {
        let runs = usize::try_from(number)
            .ok()
            .and_then(|index| count.runs.get(index));
        if let Some(runs) = runs {
            runs.fetch_add(1, Ordering::Relaxed);
        }
        async move {
            match mix(number) % 16 {
                0 => sleep(Duration::from_millis(1)).await,
                1..4 => yield_now().await,
                _ => {}
            }
            Ok(())
        }
    })
}

async fn call(client: ChainClient, count: Arc<Count>, system: System) {
    loop {
        let number = count.next.fetch_add(1, Ordering::Relaxed);
        if number >= count.runs.len() as u64 {
            return;
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let Err(error) = client.write(Step { number }).await else {
                break;
            };
            // As people write it who do not ask whether the call may have run.
            if system == System::Bare && error.code() == Code::Unavailable && tries < 3 {
                continue;
            }
            count.failed.fetch_add(1, Ordering::Relaxed);
            break;
        }
    }
}

/// Hands connections on to where the server is, and cuts each somewhere.
async fn cut(
    listener: TcpListener,
    current: watch::Receiver<String>,
    count: Arc<Count>,
    seed: u64,
) -> Result<(), Failure> {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let (near, _) = listener.accept().await?;
        let address = current.borrow().clone();
        let count = Arc::clone(&count);
        let bytes = mix((seed << 32) | number) % (2 * BYTES);
        connections.spawn(async move {
            let Ok(far) = TcpStream::connect(address).await else {
                return;
            };
            if hand_on(near, far, bytes).await {
                count.cuts.fetch_add(1, Ordering::Relaxed);
            }
        });
        while connections.try_join_next().is_some() {}
    }
    Ok(())
}

/// Host and port of a server.
fn place_of(server: &Running) -> String {
    let address = server.addresses()[0].to_string();
    address.trim_start_matches("tcp://").to_owned()
}

/// Copies both ways until one side ends, or so many bytes have passed, both ways together: whether it was these.
async fn hand_on(mut near: TcpStream, mut far: TcpStream, bytes: u64) -> bool {
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let (mut ask, mut answer) = ([0; 4096], [0; 4096]);
    loop {
        let (from_near, read) = tokio::select! {
            read = near.read(&mut ask) => (true, read),
            read = far.read(&mut answer) => (false, read),
        };
        let Ok(read @ 1..) = read else {
            return false;
        };
        let passed = read.min(left);
        let (to, buffer) = if from_near {
            (&mut far, &ask)
        } else {
            (&mut near, &answer)
        };
        if to.write_all(&buffer[..passed]).await.is_err() {
            return false;
        }
        left -= passed;
        if left == 0 {
            return true;
        }
    }
}

/// Stops the server and starts another in its place, again and again.
async fn restart(
    mut running: Running,
    place: watch::Sender<String>,
    work: Deed,
    count: &Count,
) -> Result<(), Failure> {
    while !count.over.load(Ordering::Relaxed) {
        let next = server("127.0.0.1:0", &work)
            .drain_limit(DRAIN)
            .start()
            .await?;
        place.send_replace(place_of(&next));
        std::mem::replace(&mut running, next).shutdown().await;
        count.restarts.fetch_add(1, Ordering::Relaxed);
        sleep(REST).await;
    }
    Ok(())
}
