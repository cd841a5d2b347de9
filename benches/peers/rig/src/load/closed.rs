//! Callers that each make one call after the other.

use std::sync::Arc;

use bytes::Bytes;

use super::meter::Meter;
use super::{Load, Window, add_cpu, payload_of, same, spawn};
use crate::random::Random;
use crate::row::Row;
use crate::{Client, Payload, Peer, Result};

pub(super) async fn measure<P: Peer>(
    load: &Load,
    payload: Payload,
    callers: usize,
    connections: usize,
    pending: bool,
) -> Result<Row> {
    let clients = P::connect(load.address, connections).await?;
    for (at, client) in clients.iter().enumerate() {
        check(client, payload_of(at, payload)).await?;
    }
    let window = Window::after(load.warm, load.window);
    let (meter, watch) = Meter::start(window, load.server);
    let callers: Vec<_> = (0..callers)
        .map(|at| {
            let client = clients[at % clients.len()].clone();
            let payload = payload_of(at, payload);
            let random = Random::of(load.seed, at);
            let meter = Arc::clone(&meter);
            if pending {
                spawn::<P, _>(call::<P, true>(client, payload, random, meter))
            } else {
                spawn::<P, _>(call::<P, false>(client, payload, random, meter))
            }
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    let measured = watch.join().map_err(|_| "the watch panicked")??;
    let row = Row::default()
        .with("calls_per_s", measured.per_second)
        .with_latencies(&meter.latencies);
    Ok(add_cpu(row, measured.cpu, measured.calls))
}

/// One call whose reply is compared from end to end.
async fn check<C: Client>(client: &C, payload: Bytes) -> Result<()> {
    let reply = client.echo(payload.clone()).await?;
    if reply.as_ref() == payload {
        Ok(())
    } else {
        Err("a reply is not the payload".into())
    }
}

/// Calls until the window ends.
pub(super) async fn call<P: Peer, const PENDING: bool>(
    client: P::Client,
    payload: Bytes,
    mut random: Random,
    meter: Arc<Meter>,
) -> Result<()> {
    loop {
        let began = meter.begin(&mut random);
        let reply = if PENDING {
            client.echo_pending(payload.clone()).await?
        } else {
            client.echo(payload.clone()).await?
        };
        let more = meter.end(began);
        same(reply.as_ref(), &payload)?;
        if !more {
            return Ok(());
        }
    }
}
