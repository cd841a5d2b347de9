//! connectrpc by its Connect protocol.

use std::net::SocketAddr;

use connectrpc::Protocol;
use peer_connectrpc::Caller;
use rig::{Peer, Result};

struct Connect;

impl Peer for Connect {
    type Client = Caller;

    async fn serve() -> Result<SocketAddr> {
        peer_connectrpc::serve().await
    }

    async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<Caller>> {
        peer_connectrpc::connect(address, connections, Protocol::Connect).await
    }
}

fn main() -> std::process::ExitCode {
    rig::run::<Connect>()
}
