//! Calls that arrive as a Poisson process, in bursts of 1 ms, whether or not earlier ones are done.
//!
//! A call's latency counts from when it was to be made, so a server that falls behind cannot hide it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::meter::Meter;
use super::{Load, Window, add_cpu, payload_of, real, same, spawn};
use crate::random::Random;
use crate::row::Row;
use crate::{Client, Payload, Peer, Result};

const BURST: Duration = Duration::from_millis(1);

const CONNECTIONS: usize = 4;

/// Calls in flight beyond which arrivals fail: a server that is this far behind does not catch up.
const MOST_IN_FLIGHT: u64 = 50_000;

/// How long the last calls may take after the window; those that take longer have failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What became of the calls.
struct Calls {
    meter: Arc<Meter>,
    in_flight: AtomicU64,
    failed: AtomicU64,
}

pub(super) async fn measure<P: Peer>(load: &Load, rate: u64) -> Result<Row> {
    let clients = P::connect(load.address, CONNECTIONS).await?;
    let window = Window::after(load.warm, load.window);
    let (meter, watch) = Meter::start(window, load.server);
    let calls = Arc::new(Calls {
        meter,
        in_flight: AtomicU64::new(0),
        failed: AtomicU64::new(0),
    });
    let arriving = arrive::<P>(
        clients,
        bursts(window),
        window,
        rate,
        load.seed,
        Arc::clone(&calls),
    );
    spawn::<P, _>(arriving).await?;
    let patience = Instant::now() + PATIENCE;
    while calls.in_flight.load(Ordering::Relaxed) > 0 && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let unanswered = calls.in_flight.load(Ordering::Relaxed);
    let failed = calls.failed.load(Ordering::Relaxed) + unanswered;
    let measured = watch.join().map_err(|_| "the watch panicked")??;
    let row = Row::default()
        .with("calls_per_s", measured.per_second)
        .with("failed_calls", real(failed))
        .with_latencies(&calls.meter.latencies);
    Ok(add_cpu(row, measured.cpu, measured.calls))
}

/// When each burst is to be made, told at that time by a thread of its own: the runtime's timers are a millisecond coarse.
fn bursts(window: Window) -> mpsc::UnboundedReceiver<Instant> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        sleep_precisely();
        let mut next = Instant::now();
        while next < window.ends {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            if sender.send(next).is_err() {
                return;
            }
            next += BURST;
        }
    });
    receiver
}

/// Has the kernel wake this thread when it asks to be woken, not up to 50 us later. Without it, every latency is that much
/// longer, whoever answers: worth trying, and no reason to fail.
fn sleep_precisely() {
    if let Ok(thread) = std::fs::read_link("/proc/thread-self")
        && let Some(thread) = thread.file_name().and_then(|name| name.to_str())
    {
        let _ = std::fs::write(format!("/proc/{thread}/timerslack_ns"), "1");
    }
}

async fn arrive<P: Peer>(
    clients: Vec<P::Client>,
    mut bursts: mpsc::UnboundedReceiver<Instant>,
    window: Window,
    rate: u64,
    seed: u64,
    calls: Arc<Calls>,
) {
    let mut random = Random::new(seed);
    let per_burst = real(rate) * BURST.as_secs_f64();
    let payload = payload_of(0, Payload::Small);
    let mut next = 0;
    while let Some(due) = bursts.recv().await {
        for _ in 0..random.poisson(per_burst) {
            let counts = due >= window.begins;
            if calls.in_flight.load(Ordering::Relaxed) >= MOST_IN_FLIGHT {
                calls.failed.fetch_add(u64::from(counts), Ordering::Relaxed);
                continue;
            }
            calls.in_flight.fetch_add(1, Ordering::Relaxed);
            let client = clients[next % clients.len()].clone();
            next += 1;
            let (payload, calls) = (payload.clone(), Arc::clone(&calls));
            spawn::<P, _>(async move {
                let reply = client.echo(payload.clone()).await;
                let good = reply.and_then(|reply| same(reply.as_ref(), &payload));
                match good {
                    Ok(()) => {
                        calls.meter.end(None);
                        if counts {
                            calls.meter.latencies.record(due.elapsed());
                        }
                    }
                    Err(_) => {
                        calls.failed.fetch_add(u64::from(counts), Ordering::Relaxed);
                    }
                }
                calls.in_flight.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}
