//! Callers that each make one call after the other.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Cpu, Load, Window, payload_of, real, same, spawn};
use crate::histogram::Histogram;
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
    let latencies = Arc::new(Histogram::new());
    let window = Window::after(load.warm, load.window);
    let cpu = Cpu::during(window, load.server);
    let callers: Vec<_> = (0..callers)
        .map(|at| {
            let client = clients[at % clients.len()].clone();
            let payload = payload_of(at, payload);
            let latencies = Arc::clone(&latencies);
            if pending {
                spawn::<P, _>(call::<P, true>(client, payload, window, latencies))
            } else {
                spawn::<P, _>(call::<P, false>(client, payload, window, latencies))
            }
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    let per_second = real(latencies.count()) / window.seconds();
    let row = Row::default().with("calls_per_s", per_second);
    cpu.add_to(row.with_latencies(&latencies), per_second)
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

/// Calls until the window ends. One reading of the clock per call: a call begins when the one before it ended.
pub(super) async fn call<P: Peer, const PENDING: bool>(
    client: P::Client,
    payload: Bytes,
    window: Window,
    latencies: Arc<Histogram>,
) -> Result<()> {
    let mut began = Instant::now();
    loop {
        let reply = if PENDING {
            client.echo_pending(payload.clone()).await?
        } else {
            client.echo(payload.clone()).await?
        };
        let ended = Instant::now();
        same(reply.as_ref(), &payload)?;
        if ended >= window.ends {
            return Ok(());
        }
        if ended >= window.begins {
            latencies.record(ended - began);
        }
        began = ended;
    }
}
