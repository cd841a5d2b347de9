//! A server that says what a test wants, in etcd's words: for what a real one does only rarely.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::server::{SendResponse, handshake};
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};

use super::super::super::Endpoint;
use super::super::cluster::{Cluster, Login};
use super::super::grpc::{Deframer, Piece, frame};

/// What is said to one request.
pub(super) struct Reply {
    messages: Vec<Bytes>,
    /// The status; without one the stream stays open.
    end: Option<(u32, &'static str)>,
}

impl Reply {
    pub(super) fn one(message: &impl Message) -> Self {
        Self {
            messages: vec![frame(message)],
            end: Some((0, "")),
        }
    }

    pub(super) fn failure(code: u32, message: &'static str) -> Self {
        Self {
            messages: Vec::new(),
            end: Some((code, message)),
        }
    }

    /// A stream that stays open behind these messages.
    pub(super) fn open(messages: &[impl Message]) -> Self {
        Self {
            messages: messages.iter().map(frame).collect(),
            end: None,
        }
    }

    /// The head of a message of so many bytes.
    pub(super) fn endless(length: u32) -> Self {
        let mut head = BytesMut::new();
        head.put_u8(0);
        head.put_u32(length);
        Self {
            messages: vec![head.freeze()],
            end: None,
        }
    }
}

/// What answers: the head of a request and its first message to a reply.
pub(super) trait Script: Fn(&Parts, Bytes) -> Reply + Send + Sync + 'static {}

impl<F: Fn(&Parts, Bytes) -> Reply + Send + Sync + 'static> Script for F {}

/// Starts a server, which ends with the runtime of the test.
pub(super) async fn start(script: impl Script) -> Endpoint {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let endpoint = endpoint(listener.local_addr().unwrap().port());
    let script: Arc<dyn Script> = Arc::new(script);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, Arc::clone(&script)));
        }
    });
    endpoint
}

/// Where nobody listens any more.
pub(super) async fn nobody() -> Endpoint {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    endpoint(listener.local_addr().unwrap().port())
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        host: "127.0.0.1".into(),
        port,
    }
}

/// A client of these servers.
pub(super) fn cluster(endpoints: Vec<Endpoint>, login: Option<Login>, seed: u64) -> Arc<Cluster> {
    let (address, root) = ("etcd://fake/shop".into(), "shop/".into());
    Arc::new(Cluster::new(address, root, endpoints, None, login, seed))
}

async fn serve(socket: TcpStream, script: Arc<dyn Script>) {
    let mut connection = handshake(socket).await.unwrap();
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(request, respond, Arc::clone(&script)));
    }
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    script: Arc<dyn Script>,
) {
    let (head, mut body) = request.into_parts();
    let mut deframer = Deframer::new(1_000_000);
    let message = loop {
        match deframer.next() {
            Some(Piece::Message(message)) => break message,
            Some(other) => panic!("{other:?}"),
            None => deframer.push(body.data().await.unwrap().unwrap()),
        }
    };
    let reply = script(&head, message);
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    for message in reply.messages {
        // The client may have what it wanted.
        drop(stream.send_data(message, false));
    }
    let Some((code, message)) = reply.end else {
        return std::future::pending().await;
    };
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    trailers.insert("grpc-message", message.parse().unwrap());
    drop(stream.send_trailers(trailers));
}
