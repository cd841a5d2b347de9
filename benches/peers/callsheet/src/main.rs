//! Callsheet, with all that its user gets by default: generated stubs, the registry's list, balancing, a deadline.

mod client;
mod server;

use std::net::SocketAddr;
use std::process::ExitCode;

use callsheet::{Client, Server, registry};
use rig::{Peer, Result};

use rpc::peers::echo::v1::{EchoClient, EchoServer};

/// What `echo.rpc` generates.
mod rpc {
    callsheet::include_rpc!();
}

struct Callsheet;

impl Peer for Callsheet {
    type Client = client::Caller;

    async fn serve() -> Result<SocketAddr> {
        let running = Server::bind("127.0.0.1:0")
            .add(EchoServer::new(server::Service::new()))
            .start()
            .await?;
        let address = running.addresses()[0].to_string();
        let address = address.rsplit('/').next().unwrap_or_default().parse()?;
        // Serves until it is dropped.
        tokio::spawn(async move {
            let _running = running;
            std::future::pending::<()>().await;
        });
        Ok(address)
    }

    async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<Self::Client>> {
        let registry = registry::connect(&format!("static:tcp://{address}")).await?;
        let client = Client::builder()
            .registry(&registry)
            .connections_per_server(connections)
            .build();
        Ok(vec![client::Caller(EchoClient::new(&client))])
    }
}

fn main() -> ExitCode {
    rig::run::<Callsheet>()
}
