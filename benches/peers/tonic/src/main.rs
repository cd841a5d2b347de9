//! tonic: gRPC over HTTP/2, with its own defaults.

mod client;
mod server;

use std::net::SocketAddr;
use std::process::ExitCode;

use rig::{Peer, Result};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use rpc::echo_client::EchoClient;
use rpc::echo_server::EchoServer;

/// What `echo.proto` generates.
#[expect(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated"
)]
mod rpc {
    tonic::include_proto!("peers.echo.v1");
}

struct Tonic;

impl Peer for Tonic {
    type Client = client::Caller;

    async fn serve() -> Result<SocketAddr> {
        let (listener, address) = rig::listen().await?;
        let service = EchoServer::new(server::Service::new());
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        tokio::spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        Ok(address)
    }

    async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<Self::Client>> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let client = EchoClient::connect(format!("http://{address}")).await?;
            clients.push(client::Caller(client));
        }
        Ok(clients)
    }
}

fn main() -> ExitCode {
    rig::run::<Tonic>()
}
