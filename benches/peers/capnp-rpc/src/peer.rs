//! The server and the client. All of it is bound to one thread, as everything of capnp-rpc is.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use capnp::capability::Response;
use capnp::message::ReaderOptions;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, new_client, twoparty};
use futures::AsyncReadExt;
use futures::io::{BufReader, BufWriter};
use rig::{Client, MOST_FETCHED, Peer, Result, STREAM_MESSAGE};
use send_wrapper::SendWrapper;
use tokio::net::TcpStream;
use tokio_util::compat::TokioAsyncReadCompatExt;

use crate::echo_capnp::{echo, sink};

type Answer<T = ()> = std::result::Result<T, capnp::Error>;

/// Counts what is pushed.
#[derive(Default)]
struct Counter {
    received: Cell<u64>,
}

impl sink::Server for Counter {
    async fn push(self: Rc<Self>, params: sink::PushParams) -> Answer {
        let whole = params.get()?.get_data()?.len() == STREAM_MESSAGE;
        self.received.set(self.received.get() + u64::from(whole));
        Ok(())
    }

    async fn end(self: Rc<Self>, _: sink::EndParams, mut results: sink::EndResults) -> Answer {
        results.get().set_count(self.received.get());
        Ok(())
    }
}

/// Pushes on what is pushed.
struct Forwarder {
    into: sink::Client,
}

impl sink::Server for Forwarder {
    async fn push(self: Rc<Self>, params: sink::PushParams) -> Answer {
        push(&self.into, params.get()?.get_data()?).await
    }

    async fn end(self: Rc<Self>, _: sink::EndParams, mut results: sink::EndResults) -> Answer {
        results.get().set_count(end(&self.into).await?);
        Ok(())
    }
}

async fn push(into: &sink::Client, message: &[u8]) -> Answer {
    let mut request = into.push_request();
    request.get().set_data(message);
    request.send().await
}

async fn end(sink: &sink::Client) -> Answer<u64> {
    let reply = sink.end_request().send().promise.await?;
    Ok(reply.get()?.get_count())
}

async fn push_all(into: &sink::Client, messages: u64) -> Answer<u64> {
    let message = rig::payload(STREAM_MESSAGE);
    for _ in 0..messages {
        push(into, &message).await?;
    }
    end(into).await
}

struct Handler {
    /// What replies to `fetch` are cut from.
    bytes: Bytes,
}

impl echo::Server for Handler {
    async fn echo(
        self: Rc<Self>,
        params: echo::EchoParams,
        mut results: echo::EchoResults,
    ) -> Answer {
        results.get().set_data(params.get()?.get_data()?);
        Ok(())
    }

    async fn echo_pending(
        self: Rc<Self>,
        params: echo::EchoPendingParams,
        mut results: echo::EchoPendingResults,
    ) -> Answer {
        tokio::task::yield_now().await;
        results.get().set_data(params.get()?.get_data()?);
        Ok(())
    }

    async fn fetch(
        self: Rc<Self>,
        params: echo::FetchParams,
        mut results: echo::FetchResults,
    ) -> Answer {
        let size = usize::try_from(params.get()?.get_size()).unwrap_or(usize::MAX);
        let size = size.min(self.bytes.len());
        results.get().set_data(&self.bytes[..size]);
        Ok(())
    }

    async fn compute(
        self: Rc<Self>,
        params: echo::ComputeParams,
        _: echo::ComputeResults,
    ) -> Answer {
        rig::compute(params.get()?.get_micros());
        Ok(())
    }

    async fn server_stream(
        self: Rc<Self>,
        params: echo::ServerStreamParams,
        mut results: echo::ServerStreamResults,
    ) -> Answer {
        let params = params.get()?;
        let count = push_all(&params.get_into()?, params.get_messages()).await?;
        results.get().set_count(count);
        Ok(())
    }

    async fn client_stream(
        self: Rc<Self>,
        _: echo::ClientStreamParams,
        mut results: echo::ClientStreamResults,
    ) -> Answer {
        results.get().set_sink(new_client(Counter::default()));
        Ok(())
    }

    async fn bidi_stream(
        self: Rc<Self>,
        params: echo::BidiStreamParams,
        mut results: echo::BidiStreamResults,
    ) -> Answer {
        let into = params.get()?.get_into()?;
        results.get().set_sink(new_client(Forwarder { into }));
        Ok(())
    }
}

fn network(
    socket: TcpStream,
    side: Side,
) -> Result<Box<twoparty::VatNetwork<impl futures::AsyncRead + Unpin>>> {
    socket.set_nodelay(true)?;
    let (reader, writer) = socket.compat().split();
    Ok(Box::new(twoparty::VatNetwork::new(
        BufReader::new(reader),
        BufWriter::new(writer),
        side,
        ReaderOptions::default(),
    )))
}

/// The system.
pub(crate) struct CapnpRpc;

impl Peer for CapnpRpc {
    const LOCAL: bool = true;

    type Client = Caller;

    async fn serve() -> Result<SocketAddr> {
        let (listener, address) = rig::listen().await?;
        let service: echo::Client = new_client(Handler {
            bytes: rig::payload(MOST_FETCHED),
        });
        tokio::task::spawn_local(async move {
            while let Ok((socket, _)) = listener.accept().await {
                if let Ok(network) = network(socket, Side::Server) {
                    let service = service.clone().client;
                    tokio::task::spawn_local(RpcSystem::new(network, Some(service)));
                }
            }
        });
        Ok(address)
    }

    async fn connect(address: SocketAddr, connections: usize) -> Result<Vec<Caller>> {
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections {
            let socket = TcpStream::connect(address).await?;
            let mut system = RpcSystem::new(network(socket, Side::Client)?, None);
            let service = system.bootstrap(Side::Server);
            tokio::task::spawn_local(system);
            clients.push(Caller(SendWrapper::new(service)));
        }
        Ok(clients)
    }
}

/// A client on the thread that made it.
#[derive(Clone)]
pub(crate) struct Caller(SendWrapper<echo::Client>);

/// A reply, whose payload stays in the message that came.
pub(crate) enum Reply {
    Echo(SendWrapper<Response<echo::echo_results::Owned>>),
    EchoPending(SendWrapper<Response<echo::echo_pending_results::Owned>>),
    Fetch(SendWrapper<Response<echo::fetch_results::Owned>>),
}

impl AsRef<[u8]> for Reply {
    fn as_ref(&self) -> &[u8] {
        let data = match self {
            Self::Echo(reply) => reply.get().and_then(echo::echo_results::Reader::get_data),
            Self::EchoPending(reply) => reply
                .get()
                .and_then(echo::echo_pending_results::Reader::get_data),
            Self::Fetch(reply) => reply.get().and_then(echo::fetch_results::Reader::get_data),
        };
        data.unwrap_or_default()
    }
}

impl Client for Caller {
    type Reply = Reply;

    fn echo(&self, payload: Bytes) -> impl Future<Output = Result<Reply>> + Send {
        SendWrapper::new(async move {
            let mut request = self.0.echo_request();
            request.get().set_data(&payload);
            let reply = request.send().promise.await?;
            Ok(Reply::Echo(SendWrapper::new(reply)))
        })
    }

    fn echo_pending(&self, payload: Bytes) -> impl Future<Output = Result<Reply>> + Send {
        SendWrapper::new(async move {
            let mut request = self.0.echo_pending_request();
            request.get().set_data(&payload);
            let reply = request.send().promise.await?;
            Ok(Reply::EchoPending(SendWrapper::new(reply)))
        })
    }

    fn fetch(&self, size: usize) -> impl Future<Output = Result<Reply>> + Send {
        SendWrapper::new(async move {
            let mut request = self.0.fetch_request();
            request.get().set_size(size as u64);
            let reply = request.send().promise.await?;
            Ok(Reply::Fetch(SendWrapper::new(reply)))
        })
    }

    fn compute(&self, micros: u64) -> impl Future<Output = Result<()>> + Send {
        SendWrapper::new(async move {
            let mut request = self.0.compute_request();
            request.get().set_micros(micros);
            request.send().promise.await?;
            Ok(())
        })
    }

    fn server_stream(&self, messages: u64) -> impl Future<Output = Result<u64>> + Send {
        SendWrapper::new(async move {
            let mut request = self.0.server_stream_request();
            request.get().set_messages(messages);
            request.get().set_into(new_client(Counter::default()));
            let reply = request.send().promise.await?;
            Ok(reply.get()?.get_count())
        })
    }

    fn client_stream(&self, messages: u64) -> impl Future<Output = Result<u64>> + Send {
        SendWrapper::new(async move {
            let reply = self.0.client_stream_request().send().promise.await?;
            Ok(push_all(&reply.get()?.get_sink()?, messages).await?)
        })
    }

    fn bidi_stream(&self, messages: u64) -> impl Future<Output = Result<u64>> + Send {
        SendWrapper::new(async move {
            let mut request = self.0.bidi_stream_request();
            request.get().set_into(new_client(Counter::default()));
            let reply = request.send().promise.await?;
            Ok(push_all(&reply.get()?.get_sink()?, messages).await?)
        })
    }
}
