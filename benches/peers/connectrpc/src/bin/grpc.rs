//! connectrpc by its gRPC protocol.

use std::net::SocketAddr;

use connectrpc::Protocol;
use peer_connectrpc::Caller;
use rig::{Peer, Result};

struct Grpc;

impl Peer for Grpc {
    type Client = Caller;

    async fn serve() -> Result<SocketAddr> {
        peer_connectrpc::serve().await
    }

    async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<Caller>> {
        peer_connectrpc::connect(address, connections, Protocol::Grpc).await
    }
}

fn main() -> std::process::ExitCode {
    rig::run::<Grpc>()
}
