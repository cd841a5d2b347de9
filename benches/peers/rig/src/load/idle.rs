//! What a connection costs the server that does nothing, after a call and after a burst.

use std::time::{Duration, Instant};

use super::{Load, payload_of, real, same, spawn};
use crate::row::Row;
use crate::{Client, Payload, Peer, Result};

/// Bytes that each connection echoes at the same time as all others.
const BURST: Payload = Payload::Large;

pub(super) async fn measure<P: Peer>(load: &Load, connections: usize) -> Result<Row> {
    let server = load.server.ok_or("memory needs --server PID")?;
    // What the first connection allocates belongs to no connection.
    let _first = connect::<P>(load, 1).await?;
    let before = settled(|| server.resident_kib()).await?;
    let held = connect::<P>(load, connections).await?;
    let idle = settled(|| server.resident_kib()).await?;
    let calls: Vec<_> = held
        .iter()
        .enumerate()
        .map(|(at, client)| spawn::<P, _>(echo(client.clone(), at, BURST)))
        .collect();
    for call in calls {
        call.await??;
    }
    let after = settled(|| server.resident_kib()).await?;
    let connections = real(connections as u64);
    Ok(Row::default()
        .with("kib_per_connection", (idle - before) / connections)
        .with(
            "kib_per_connection_after_burst",
            (after - before) / connections,
        ))
}

/// So many connections, each of which has made a call.
async fn connect<P: Peer>(load: &Load, connections: usize) -> Result<Vec<P::Client>> {
    let mut held = Vec::new();
    for at in 0..connections {
        let clients = P::connect(load.address, 1).await?;
        let client = clients.into_iter().next().ok_or("no client")?;
        spawn::<P, _>(echo(client.clone(), at, Payload::Small)).await??;
        held.push(client);
    }
    Ok(held)
}

async fn echo<C: Client>(client: C, caller: usize, payload: Payload) -> Result<()> {
    let payload = payload_of(caller, payload);
    let reply = client.echo(payload.clone()).await?;
    same(reply.as_ref(), &payload)
}

/// The figure once it stays the same (within a hundredth) for half a second, or after 3 s.
async fn settled(figure: impl Fn() -> Result<f64>) -> Result<f64> {
    let patience = Instant::now() + Duration::from_secs(3);
    let mut last = figure()?;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = figure()?;
        if (now - last).abs() * 100.0 <= last || Instant::now() >= patience {
            return Ok(now);
        }
        last = now;
    }
}
