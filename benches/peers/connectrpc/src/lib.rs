//! connectrpc over plaintext HTTP/2, by its Connect and by its gRPC protocol: two systems with one server.
//!
//! An echo answers with a view of the request's bytes, which is this peer's way without a copy.

use std::net::SocketAddr;

use bytes::Bytes;
use connectrpc::client::{ClientConfig, Http2Connection, SharedHttp2Connection};
use connectrpc::{
    ConnectError, ConnectRpcService, InboundStream, Protocol, RequestContext, Response, Server,
    ServiceRequest, ServiceResult, ServiceStream, StreamMessage,
};
use futures::{StreamExt, stream};
use rig::{Client, MOST_FETCHED, Result, STREAM_MESSAGE};

#[expect(
    unreachable_pub,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/stubs.rs"));
}

use generated::peers::echo::v1::{
    Echo, EchoClient, EchoServer, Messages, Micros, OwnedPayloadView, Payload, Size,
};

/// Calls that may wait for a connection: its documentation's number.
const QUEUE: usize = 1024;

/// The server's flow control. Its adaptive default begins at 64 KiB, of which the HTTP/2 library holds half against the
/// overhead of small frames; a client's stream, whose every message is a frame, exhausts that and ends the connection
/// (`too_many_data_frames`). A connection's window four times a stream's leaves room for a stream of small frames.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 4 * STREAM_WINDOW;

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

fn repeat(messages: u64) -> impl Iterator<Item = Payload> + Send {
    let message = message(rig::payload(STREAM_MESSAGE));
    (0..messages).map(move |_| message.clone())
}

struct Handler {
    /// What replies to `fetch` are cut from.
    bytes: Bytes,
}

#[expect(refining_impl_trait, reason = "the stubs ask for `impl Encodable`")]
impl Echo for Handler {
    async fn echo(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, Payload>,
    ) -> ServiceResult<OwnedPayloadView> {
        Response::ok(request.to_owned_view())
    }

    async fn echo_pending(
        &self,
        _: RequestContext,
        request: ServiceRequest<'_, Payload>,
    ) -> ServiceResult<OwnedPayloadView> {
        tokio::task::yield_now().await;
        Response::ok(request.to_owned_view())
    }

    async fn fetch(
        &self,
        _: RequestContext,
        size: ServiceRequest<'_, Size>,
    ) -> ServiceResult<Payload> {
        let size = usize::try_from(size.bytes).unwrap_or(usize::MAX);
        Response::ok(message(self.bytes.slice(..size.min(self.bytes.len()))))
    }

    async fn compute(
        &self,
        _: RequestContext,
        micros: ServiceRequest<'_, Micros>,
    ) -> ServiceResult<Messages> {
        rig::compute(micros.micros);
        Response::ok(Messages::default())
    }

    async fn server_stream(
        &self,
        _: RequestContext,
        asked: ServiceRequest<'_, Messages>,
    ) -> ServiceResult<ServiceStream<Payload>> {
        Response::stream_ok(stream::iter(repeat(asked.messages).map(Ok)))
    }

    async fn client_stream(
        &self,
        _: RequestContext,
        mut requests: InboundStream<Payload>,
    ) -> ServiceResult<Messages> {
        let mut received = 0;
        while let Some(message) = requests.next().await {
            received += u64::from(message?.view().payload.len() == STREAM_MESSAGE);
        }
        Response::ok(messages(received))
    }

    async fn bidi_stream(
        &self,
        _: RequestContext,
        requests: InboundStream<Payload>,
    ) -> ServiceResult<ServiceStream<StreamMessage<Payload>>> {
        Response::stream_ok(requests)
    }
}

/// Starts a server, which speaks both protocols.
pub async fn serve() -> Result<SocketAddr> {
    let (listener, address) = rig::listen().await?;
    let handler = Handler {
        bytes: rig::payload(MOST_FETCHED),
    };
    let service = ConnectRpcService::new(EchoServer::new(handler));
    let server = Server::from_listener(listener)
        .with_http2_initial_stream_window_size(STREAM_WINDOW)
        .with_http2_initial_connection_window_size(CONNECTION_WINDOW);
    tokio::spawn(server.serve_with_service(service));
    Ok(address)
}

/// Connects by so many connections, on which calls are made by a protocol.
pub async fn connect(
    address: SocketAddr,
    connections: usize,
    protocol: Protocol,
) -> Result<Vec<Caller>> {
    let address: http::Uri = format!("http://{address}").parse()?;
    let config = ClientConfig::new(address.clone()).with_protocol(protocol);
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        let connection = Http2Connection::connect_plaintext(address.clone()).await?;
        clients.push(Caller(EchoClient::new(
            connection.shared(QUEUE),
            config.clone(),
        )));
    }
    Ok(clients)
}

/// A client on one connection.
#[derive(Clone)]
pub struct Caller(EchoClient<SharedHttp2Connection>);

/// A reply, whose payload stays in the body that came.
pub struct Reply(OwnedPayloadView);

impl AsRef<[u8]> for Reply {
    fn as_ref(&self) -> &[u8] {
        self.0.reborrow().payload
    }
}

impl Client for Caller {
    type Reply = Reply;

    async fn echo(&self, payload: Bytes) -> Result<Reply> {
        Ok(Reply(self.0.echo(message(payload)).await?.into_view()))
    }

    async fn echo_pending(&self, payload: Bytes) -> Result<Reply> {
        let reply = self.0.echo_pending(message(payload)).await?;
        Ok(Reply(reply.into_view()))
    }

    async fn fetch(&self, size: usize) -> Result<Reply> {
        let size = Size {
            bytes: size as u64,
            ..Size::default()
        };
        let reply = self.0.fetch(size).await?;
        Ok(Reply(reply.into_view()))
    }

    async fn compute(&self, micros: u64) -> Result<()> {
        let micros = Micros {
            micros,
            ..Micros::default()
        };
        self.0.compute(micros).await?;
        Ok(())
    }

    async fn server_stream(&self, asked: u64) -> Result<u64> {
        let mut replies = self.0.server_stream(messages(asked)).await?;
        let mut received = 0;
        while let Some(message) = replies.message().await? {
            received += u64::from(message.view().payload.len() == STREAM_MESSAGE);
        }
        Ok(received)
    }

    async fn client_stream(&self, messages: u64) -> Result<u64> {
        let requests = connectrpc::stream_iter(repeat(messages));
        let reply = self.0.client_stream(requests).await?;
        Ok(reply.view().messages)
    }

    async fn bidi_stream(&self, messages: u64) -> Result<u64> {
        let (mut requests, mut replies) = self.0.bidi_stream().await?.into_split();
        let sending = tokio::spawn(async move {
            for message in repeat(messages) {
                requests.send(message).await?;
            }
            requests.close_send();
            Ok::<_, ConnectError>(())
        });
        let mut received = 0;
        while let Some(message) = replies.message().await? {
            received += u64::from(message.view().payload.len() == STREAM_MESSAGE);
        }
        sending.await??;
        Ok(received)
    }
}
