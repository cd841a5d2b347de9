//! volo-thrift: framed binary Thrift over its connection pool. It has no streams.
//!
//! The pool keeps one call on a connection and opens as many as there are calls in flight.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use rig::{Client, Peer, Result};
use volo::net::Address;
use volo::net::incoming::DefaultIncoming;
use volo_thrift::ServerError;
use volo_thrift::codec::DefaultMakeCodec;

#[expect(unreachable_pub, unsafe_code, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/volo_gen.rs"));
}

use generated::volo_gen::peers::{Echo, EchoClient, EchoClientBuilder, EchoServer};

/// Its own limits of 50 ms to connect and 1 s to reply would end the calls that wait for a loaded server.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

struct Handler {
    /// What replies to `fetch` are cut from.
    bytes: Bytes,
}

impl Echo for Handler {
    async fn echo(&self, payload: Bytes) -> std::result::Result<Bytes, ServerError> {
        Ok(payload)
    }

    async fn echo_pending(&self, payload: Bytes) -> std::result::Result<Bytes, ServerError> {
        tokio::task::yield_now().await;
        Ok(payload)
    }

    async fn fetch(&self, size: i64) -> std::result::Result<Bytes, ServerError> {
        let size = usize::try_from(size).unwrap_or_default();
        Ok(self.bytes.slice(..size.min(self.bytes.len())))
    }

    async fn compute(&self, micros: i64) -> std::result::Result<(), ServerError> {
        rig::compute(micros.unsigned_abs());
        Ok(())
    }
}

struct VoloThrift;

impl Peer for VoloThrift {
    type Client = Caller;

    async fn serve() -> Result<SocketAddr> {
        let (listener, address) = rig::listen().await?;
        let handler = Handler {
            bytes: rig::payload(rig::MOST_FETCHED),
        };
        tokio::spawn(
            EchoServer::new(handler)
                .make_codec(DefaultMakeCodec::framed())
                .run(DefaultIncoming::from(listener)),
        );
        Ok(address)
    }

    async fn connect(address: SocketAddr, _connections: usize) -> Result<Vec<Caller>> {
        let client = EchoClientBuilder::new("echo")
            .make_codec(DefaultMakeCodec::framed())
            .address(Address::from(address))
            .rpc_timeout(PATIENCE)
            .connect_timeout(PATIENCE)
            .read_write_timeout(PATIENCE)
            .build();
        Ok(vec![Caller(client)])
    }
}

#[derive(Clone)]
struct Caller(EchoClient);

impl Client for Caller {
    type Reply = Bytes;

    async fn echo(&self, payload: Bytes) -> Result<Bytes> {
        Ok(self.0.echo(payload).await?)
    }

    async fn echo_pending(&self, payload: Bytes) -> Result<Bytes> {
        Ok(self.0.echo_pending(payload).await?)
    }

    async fn fetch(&self, size: usize) -> Result<Bytes> {
        Ok(self.0.fetch(i64::try_from(size)?).await?)
    }

    async fn compute(&self, micros: u64) -> Result<()> {
        Ok(self.0.compute(i64::try_from(micros)?).await?)
    }
}

fn main() -> std::process::ExitCode {
    rig::run::<VoloThrift>()
}
