//! Connections that come all at once, as the clients of a server do that comes back.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Event, Failure, Options, dismissed, now, say};

/// How long an answer may take before the connection counts as failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens `--count` connections to `--to` at once, says `preface` on each and waits for the first byte of an answer: a
/// connection that only the kernel has taken is not accepted yet. Then holds them until standard input ends.
pub async fn run(options: &Options, preface: &'static [u8]) -> Result<(), Failure> {
    let count: usize = options.value("count")?.unwrap_or(1);
    let address = options.text("to")?;
    let begun = now();
    let mut opening = JoinSet::new();
    for _ in 0..count {
        let address = address.to_owned();
        opening.spawn(async move {
            let opened = timeout(PATIENCE, open(&address, preface)).await;
            opened.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
        });
    }
    let mut held = Vec::new();
    let mut failed = 0;
    let mut reason = None;
    while let Some(opened) = opening.join_next().await {
        match opened? {
            Ok(stream) => held.push(stream),
            Err(error) => {
                failed += 1;
                reason.get_or_insert(error.to_string());
            }
        }
    }
    say(&Event::Stormed {
        answered: held.len(),
        failed,
        reason,
        took: now().saturating_sub(begun),
    });
    dismissed().await;
    std::process::exit(0)
}

async fn open(address: &str, preface: &[u8]) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(preface).await?;
    stream.read_u8().await?;
    Ok(stream)
}
