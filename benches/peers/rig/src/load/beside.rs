//! Small calls alone, and then beside something heavy on the same connection.

use std::sync::Arc;
use std::time::Instant;

use super::meter::Meter;
use super::{Load, Window, closed, payload_of, real, spawn};
use crate::random::Random;
use crate::row::Row;
use crate::{Client, MOST_FETCHED, Payload, Peer, Result};

/// What shares the connection.
#[derive(Clone, Copy)]
pub(super) enum Neighbour {
    /// Replies of 4 MiB, one after the other.
    Large,
    /// Calls whose handler computes for 5 ms, one after the other.
    Compute,
}

/// Callers of small calls.
const CALLERS: usize = 8;

const COMPUTE_MICROS: u64 = 5000;

pub(super) async fn measure<P: Peer>(load: &Load, neighbour: Neighbour) -> Result<Row> {
    let clients = P::connect(load.address, 1).await?;
    let client = clients.first().ok_or("no client")?;
    // Unsupported or broken: known before anything is measured.
    disturb_once(client, neighbour).await?;

    let alone = small_calls::<P>(load, client, None).await?;
    let beside = small_calls::<P>(load, client, Some(neighbour)).await?;
    Ok(Row::default()
        .with("calls_per_s", beside.per_second)
        .with_latencies(&beside.meter.latencies)
        .with("alone_calls_per_s", alone.per_second)
        .with("alone_p50_us", alone.meter.latencies.quantile(0.5))
        .with("alone_p99_us", alone.meter.latencies.quantile(0.99))
        .with("alone_p999_us", alone.meter.latencies.quantile(0.999))
        .with("neighbours_per_s", beside.neighbours_per_second))
}

struct Phase {
    meter: Arc<Meter>,
    per_second: f64,
    neighbours_per_second: f64,
}

async fn small_calls<P: Peer>(
    load: &Load,
    client: &P::Client,
    neighbour: Option<Neighbour>,
) -> Result<Phase> {
    let window = Window::after(load.warm, load.window);
    let (meter, watch) = Meter::start(window, None);
    let callers: Vec<_> = (0..CALLERS)
        .map(|at| {
            let payload = payload_of(at, Payload::Small);
            let random = Random::of(load.seed, at);
            let meter = Arc::clone(&meter);
            spawn::<P, _>(closed::call::<P, false>(
                client.clone(),
                payload,
                random,
                meter,
            ))
        })
        .collect();
    let disturbing =
        neighbour.map(|neighbour| spawn::<P, _>(disturb(client.clone(), neighbour, window)));
    for caller in callers {
        caller.await??;
    }
    let measured = watch.join().map_err(|_| "the watch panicked")??;
    let mut neighbours = 0;
    if let Some(disturbing) = disturbing {
        neighbours = disturbing.await??;
    }
    Ok(Phase {
        per_second: measured.per_second,
        neighbours_per_second: real(neighbours) / load.window.as_secs_f64(),
        meter,
    })
}

/// Calls the heavy method until the window ends; returns how often it did within the window.
async fn disturb<C: Client>(client: C, neighbour: Neighbour, window: Window) -> Result<u64> {
    let mut calls = 0;
    while Instant::now() < window.ends {
        disturb_once(&client, neighbour).await?;
        calls += u64::from((window.begins..window.ends).contains(&Instant::now()));
    }
    Ok(calls)
}

async fn disturb_once<C: Client>(client: &C, neighbour: Neighbour) -> Result<()> {
    match neighbour {
        Neighbour::Large => {
            let reply = client.fetch(MOST_FETCHED).await?;
            if reply.as_ref().len() != MOST_FETCHED {
                return Err(format!("a reply has {} bytes", reply.as_ref().len()).into());
            }
        }
        Neighbour::Compute => client.compute(COMPUTE_MICROS).await?,
    }
    Ok(())
}
