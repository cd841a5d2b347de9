//! tarpc: bincode over its own TCP transport. It has no streams.
//!
//! Payloads are `Bytes`, which bincode writes and reads as one piece; of a `Vec<u8>` it would do each byte by itself.

use std::future::Future;
use std::net::SocketAddr;

use bytes::Bytes;
use futures::StreamExt;
use rig::{Client, Peer, Result};
use tarpc::client;
use tarpc::context::{self, Context};
use tarpc::serde_transport::tcp;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

#[tarpc::service]
trait Echo {
    async fn echo(payload: Bytes) -> Bytes;
    async fn echo_pending(payload: Bytes) -> Bytes;
    async fn fetch(size: usize) -> Bytes;
    async fn compute(micros: u64);
}

#[derive(Clone)]
struct Handler {
    /// What replies to `fetch` are cut from.
    bytes: Bytes,
}

impl Echo for Handler {
    async fn echo(self, _: Context, payload: Bytes) -> Bytes {
        payload
    }

    async fn echo_pending(self, _: Context, payload: Bytes) -> Bytes {
        tokio::task::yield_now().await;
        payload
    }

    async fn fetch(self, _: Context, size: usize) -> Bytes {
        self.bytes.slice(..size.min(self.bytes.len()))
    }

    async fn compute(self, _: Context, micros: u64) {
        rig::compute(micros);
    }
}

struct Tarpc;

impl Peer for Tarpc {
    type Client = EchoClient;

    async fn serve() -> Result<SocketAddr> {
        let mut incoming = tcp::listen("127.0.0.1:0", Bincode::default).await?;
        let address = incoming.local_addr();
        let handler = Handler {
            bytes: rig::payload(rig::MOST_FETCHED),
        };
        tokio::spawn(async move {
            while let Some(Ok(transport)) = incoming.next().await {
                if transport.get_ref().set_nodelay(true).is_ok() {
                    let requests =
                        BaseChannel::with_defaults(transport).execute(handler.clone().serve());
                    tokio::spawn(requests.for_each(spawn));
                }
            }
        });
        Ok(address)
    }

    async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<EchoClient>> {
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections {
            let transport = tcp::connect(address, Bincode::default).await?;
            transport.get_ref().set_nodelay(true)?;
            clients.push(EchoClient::new(client::Config::default(), transport).spawn());
        }
        Ok(clients)
    }
}

async fn spawn(response: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(response);
}

impl Client for EchoClient {
    type Reply = Bytes;

    async fn echo(&self, payload: Bytes) -> Result<Bytes> {
        Ok(EchoClient::echo(self, context::current(), payload).await?)
    }

    async fn echo_pending(&self, payload: Bytes) -> Result<Bytes> {
        Ok(EchoClient::echo_pending(self, context::current(), payload).await?)
    }

    async fn fetch(&self, size: usize) -> Result<Bytes> {
        Ok(EchoClient::fetch(self, context::current(), size).await?)
    }

    async fn compute(&self, micros: u64) -> Result<()> {
        Ok(EchoClient::compute(self, context::current(), micros).await?)
    }
}

fn main() -> std::process::ExitCode {
    rig::run::<Tarpc>()
}
