//! The load of each case, and what is measured while it runs.

mod beside;
mod closed;
mod idle;
mod meter;
mod open;
mod stream;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::process::Process;
use crate::row::Row;
use crate::{Case, Payload, Peer, Result};

/// What a load is told besides its case.
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    /// Whose CPU time and memory are measured.
    pub(crate) server: Option<Process>,
    pub(crate) warm: Duration,
    pub(crate) window: Duration,
    pub(crate) seed: u64,
}

pub(crate) async fn measure<P: Peer>(load: &Load, case: Case) -> Result<Row> {
    match case {
        Case::Closed {
            payload,
            callers,
            connections,
            pending,
        } => closed::measure::<P>(load, payload, callers, connections, pending).await,
        Case::Open { rate } => open::measure::<P>(load, rate).await,
        Case::ServerStream => stream::measure::<P>(load, stream::Direction::Server).await,
        Case::ClientStream => stream::measure::<P>(load, stream::Direction::Client).await,
        Case::BidiStream => stream::measure::<P>(load, stream::Direction::Both).await,
        Case::Idle { connections } => idle::measure::<P>(load, connections).await,
        Case::BesideLarge => beside::measure::<P>(load, beside::Neighbour::Large).await,
        Case::BesideCompute => beside::measure::<P>(load, beside::Neighbour::Compute).await,
    }
}

/// Runs a caller: on the worker, or on the only thread.
fn spawn<P: Peer, F>(caller: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    if P::LOCAL {
        tokio::task::spawn_local(caller)
    } else {
        tokio::spawn(caller)
    }
}

/// Names of the CPU seconds of the server and of the load, per million calls or messages.
const CPU: [&str; 2] = ["server_cpu_s_per_m", "client_cpu_s_per_m"];

/// The time in which calls count.
#[derive(Clone, Copy)]
struct Window {
    begins: Instant,
    ends: Instant,
}

impl Window {
    fn after(warm: Duration, window: Duration) -> Self {
        let begins = Instant::now() + warm;
        Self {
            begins,
            ends: begins + window,
        }
    }
}

/// CPU seconds that the server and this process have used.
fn cpu_seconds(server: Option<Process>) -> Result<[Option<f64>; 2]> {
    let server = server.map(Process::cpu_seconds).transpose()?;
    Ok([server, Some(Process::own().cpu_seconds()?)])
}

/// Adds the figures named [`CPU`]: seconds of CPU time for so many calls.
fn add_cpu(row: Row, used: [Option<f64>; 2], calls: f64) -> Row {
    let figures = CPU.into_iter().zip(used);
    figures.fold(row, |row, (name, used)| match used {
        Some(used) => row.with(name, used / calls * 1e6),
        None => row,
    })
}

/// A payload that no other caller sends: it begins with the caller's number.
fn payload_of(caller: usize, payload: Payload) -> bytes::Bytes {
    let mut bytes = crate::payload(payload.size()).to_vec();
    bytes[..8].copy_from_slice(&(caller as u64).to_le_bytes());
    bytes.into()
}

/// Whether a reply is the payload, as far as a glance tells: its length and both ends.
fn same(reply: &[u8], payload: &[u8]) -> Result<()> {
    let ends = payload.len() - 8;
    if reply.len() == payload.len()
        && reply[..8] == payload[..8]
        && reply[ends..] == payload[ends..]
    {
        Ok(())
    } else {
        Err(format!("a reply of {} bytes is not the payload", reply.len()).into())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}
