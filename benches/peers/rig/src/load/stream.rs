//! One long stream.

use std::time::Instant;

use super::{CPU, Load, real, spawn};
use crate::process::Process;
use crate::row::Row;
use crate::{Client, Peer, Result};

/// Who sends.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Server,
    Client,
    Both,
}

/// Messages of the stream that finds out how long the counted one is to be.
const TRIAL: u64 = 20_000;

pub(super) async fn measure<P: Peer>(load: &Load, direction: Direction) -> Result<Row> {
    let clients = P::connect(load.address, 1).await?;
    let client = clients.first().ok_or("no client")?;
    run::<P>(client, direction, TRIAL).await?;
    let trial = Instant::now();
    run::<P>(client, direction, TRIAL).await?;
    let per_second = real(TRIAL) / trial.elapsed().as_secs_f64();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive count"
    )]
    let messages = (per_second * load.window.as_secs_f64()).max(1000.0) as u64;
    let processes = [load.server, Some(Process::own())];
    let cpu = || processes.map(|process| process.map(Process::cpu_seconds));
    let (began, before) = (Instant::now(), cpu());
    run::<P>(client, direction, messages).await?;
    let (took, after) = (began.elapsed(), cpu());
    let mut row = Row::default().with("messages_per_s", real(messages) / took.as_secs_f64());
    for (name, (before, after)) in CPU.into_iter().zip(before.into_iter().zip(after)) {
        if let (Some(before), Some(after)) = (before, after) {
            row = row.with(name, (after? - before?) / real(messages) * 1e6);
        }
    }
    Ok(row)
}

async fn run<P: Peer>(client: &P::Client, direction: Direction, messages: u64) -> Result<()> {
    let client = client.clone();
    let arrived = spawn::<P, _>(async move {
        match direction {
            Direction::Server => client.server_stream(messages).await,
            Direction::Client => client.client_stream(messages).await,
            Direction::Both => client.bidi_stream(messages).await,
        }
    });
    let arrived = arrived.await??;
    if arrived == messages {
        Ok(())
    } else {
        Err(format!("{arrived} of {messages} messages arrived").into())
    }
}
