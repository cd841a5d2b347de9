//! The floor of the comparison: an echo of protobuf messages, and no framework.
//!
//! A frame is the length of what follows (`u32`), the call's number (`u32`) and the message, little-endian. There are no
//! methods, deadlines, cancellation, flow control or errors. Whatever is ready is written at once: a writer yields
//! before it collects, so that all who are about to call have done so.

mod client;
mod frame;
mod server;

use std::net::SocketAddr;
use std::process::ExitCode;

use rig::{Peer, Result};

struct Limit;

impl Peer for Limit {
    type Client = client::Connection;

    async fn serve() -> Result<SocketAddr> {
        let (listener, address) = rig::listen().await?;
        tokio::spawn(server::accept(listener));
        Ok(address)
    }

    async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<Self::Client>> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(client::connect(address).await?);
        }
        Ok(clients)
    }
}

fn main() -> ExitCode {
    rig::run::<Limit>()
}
