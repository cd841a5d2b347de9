//! ttrpc, asynchronous, over TCP.
//!
//! Its own TCP listener and connector leave `TCP_NODELAY` off, which costs a reply of 64 KiB the 40 ms of a delayed
//! acknowledgement on either side; it takes sockets that its user made, so both sides get theirs with the option set.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use rig::{Client, MOST_FETCHED, Peer, Result, STREAM_MESSAGE};
use tokio::net::TcpStream;
use ttrpc::asynchronous::transport::{Listener, Socket};
use ttrpc::asynchronous::{
    Server, ServerStream, ServerStreamReceiver, ServerStreamSender, TtrpcContext,
};
use ttrpc::context::Context;

#[expect(
    unreachable_pub,
    non_upper_case_globals,
    unused_mut,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "generated"
)]
mod echo {
    include!(concat!(env!("OUT_DIR"), "/echo.rs"));
}

#[expect(
    unreachable_pub,
    unused_imports,
    clippy::pedantic,
    reason = "generated"
)]
mod echo_ttrpc {
    include!(concat!(env!("OUT_DIR"), "/echo_ttrpc.rs"));
}

use echo::{Messages, Micros, Payload, Size};
use echo_ttrpc::{Echo, EchoClient, create_echo};

fn message(payload: Bytes) -> Payload {
    Payload {
        payload,
        ..Payload::default()
    }
}

fn messages(messages: u64) -> Messages {
    Messages {
        messages,
        ..Messages::default()
    }
}

struct Handler {
    /// What replies to `fetch` are cut from.
    bytes: Bytes,
}

#[async_trait]
impl Echo for Handler {
    async fn echo(&self, _: &TtrpcContext, request: Payload) -> ttrpc::Result<Payload> {
        Ok(request)
    }

    async fn echo_pending(&self, _: &TtrpcContext, request: Payload) -> ttrpc::Result<Payload> {
        tokio::task::yield_now().await;
        Ok(request)
    }

    async fn fetch(&self, _: &TtrpcContext, size: Size) -> ttrpc::Result<Payload> {
        let size = usize::try_from(size.bytes).unwrap_or(usize::MAX);
        Ok(message(self.bytes.slice(..size.min(self.bytes.len()))))
    }

    async fn compute(&self, _: &TtrpcContext, micros: Micros) -> ttrpc::Result<Messages> {
        rig::compute(micros.micros);
        Ok(Messages::default())
    }

    async fn server_stream(
        &self,
        _: &TtrpcContext,
        asked: Messages,
        replies: ServerStreamSender<Payload>,
    ) -> ttrpc::Result<()> {
        let message = message(rig::payload(STREAM_MESSAGE));
        for _ in 0..asked.messages {
            replies.send(&message).await?;
        }
        Ok(())
    }

    async fn client_stream(
        &self,
        _: &TtrpcContext,
        mut requests: ServerStreamReceiver<Payload>,
    ) -> ttrpc::Result<Messages> {
        let mut received = 0;
        while let Some(message) = requests.recv().await? {
            received += u64::from(message.payload.len() == STREAM_MESSAGE);
        }
        Ok(messages(received))
    }

    async fn bidi_stream(
        &self,
        _: &TtrpcContext,
        mut messages: ServerStream<Payload, Payload>,
    ) -> ttrpc::Result<()> {
        while let Some(message) = messages.recv().await? {
            messages.send(&message).await?;
        }
        Ok(())
    }
}

struct Ttrpc;

impl Peer for Ttrpc {
    type Client = Caller;

    async fn serve() -> Result<SocketAddr> {
        let (listener, address) = rig::listen().await?;
        let accepted = stream::unfold(listener, |listener| async {
            let socket = listener.accept().await.and_then(|(socket, _)| {
                socket.set_nodelay(true)?;
                Ok(socket)
            });
            Some((socket, listener))
        });
        let handler = Handler {
            bytes: rig::payload(MOST_FETCHED),
        };
        let mut server = Server::new()
            .add_listener(Listener::new(accepted))
            .register_service(create_echo(Arc::new(handler)));
        server.start().await?;
        tokio::spawn(async move {
            let _running = server;
            std::future::pending::<()>().await;
        });
        Ok(address)
    }

    async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<Caller>> {
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            let connection = ttrpc::asynchronous::Client::new(Socket::from(socket));
            clients.push(Caller(EchoClient::new(connection)));
        }
        Ok(clients)
    }
}

#[derive(Clone)]
struct Caller(EchoClient);

impl Client for Caller {
    type Reply = Bytes;

    async fn echo(&self, payload: Bytes) -> Result<Bytes> {
        let reply = self.0.echo(Context::default(), &message(payload)).await?;
        Ok(reply.payload)
    }

    async fn echo_pending(&self, payload: Bytes) -> Result<Bytes> {
        let reply = self
            .0
            .echo_pending(Context::default(), &message(payload))
            .await?;
        Ok(reply.payload)
    }

    async fn fetch(&self, size: usize) -> Result<Bytes> {
        let size = Size {
            bytes: size as u64,
            ..Size::default()
        };
        let reply = self.0.fetch(Context::default(), &size).await?;
        Ok(reply.payload)
    }

    async fn compute(&self, micros: u64) -> Result<()> {
        let micros = Micros {
            micros,
            ..Micros::default()
        };
        self.0.compute(Context::default(), &micros).await?;
        Ok(())
    }

    async fn server_stream(&self, asked: u64) -> Result<u64> {
        let mut replies = self
            .0
            .server_stream(Context::default(), &messages(asked))
            .await?;
        let mut received = 0;
        while let Some(message) = replies.recv().await? {
            received += u64::from(message.payload.len() == STREAM_MESSAGE);
        }
        Ok(received)
    }

    async fn client_stream(&self, messages: u64) -> Result<u64> {
        let mut requests = self.0.client_stream(Context::default()).await?;
        let message = message(rig::payload(STREAM_MESSAGE));
        for _ in 0..messages {
            requests.send(&message).await?;
        }
        Ok(requests.close_and_recv().await?.messages)
    }

    async fn bidi_stream(&self, messages: u64) -> Result<u64> {
        let (requests, mut replies) = self.0.bidi_stream(Context::default()).await?.split();
        let sending = tokio::spawn(async move {
            let message = message(rig::payload(STREAM_MESSAGE));
            for _ in 0..messages {
                requests.send(&message).await?;
            }
            requests.close_send().await
        });
        let mut received = 0;
        loop {
            match replies.recv().await {
                Ok(message) => received += u64::from(message.payload.len() == STREAM_MESSAGE),
                Err(ttrpc::Error::Eof) => break,
                Err(error) => return Err(error.into()),
            }
        }
        sending.await??;
        Ok(received)
    }
}

fn main() -> std::process::ExitCode {
    rig::run::<Ttrpc>()
}
