//! One long stream.

use std::time::Instant;

use super::{Load, add_cpu, cpu_seconds, real, spawn};
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
    let (began, before) = (Instant::now(), cpu_seconds(load.server)?);
    run::<P>(client, direction, messages).await?;
    let (took, after) = (began.elapsed(), cpu_seconds(load.server)?);
    let row = Row::default().with("messages_per_s", real(messages) / took.as_secs_f64());
    let used = [0, 1].map(|at| Some(after[at]? - before[at]?));
    Ok(add_cpu(row, used, real(messages)))
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
