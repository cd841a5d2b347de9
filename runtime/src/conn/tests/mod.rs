//! Two machines, a scripted pipe between them, and a clock that the test moves.

#![expect(
    clippy::cast_possible_truncation,
    reason = "the numbers of a test are small"
)]

mod calls;
mod doubt;
mod flood;
mod flow;
mod hostile;
mod life;
mod property;
mod runs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use super::*;
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::wire::Route;

/// One side with what it has received and not read yet.
struct Side {
    conn: Connection,
    input: BytesMut,
    events: Vec<Event>,
}

impl Side {
    fn new(conn: Connection) -> Self {
        Self {
            conn,
            input: BytesMut::new(),
            events: Vec::new(),
        }
    }

    fn receive(&mut self, bytes: &[u8], now: Instant) {
        self.input.extend_from_slice(bytes);
        self.conn.receive(&mut self.input, now);
        self.collect();
    }

    fn collect(&mut self) {
        while let Some(event) = self.conn.next_event() {
            match event {
                // Most tests ask which messages came, not with which others.
                Event::Run { stream, mut run } => {
                    while let Some(body) = run.pop() {
                        self.events.push(Event::Message {
                            stream,
                            body,
                            last: false,
                        });
                    }
                }
                event => self.events.push(event),
            }
        }
    }

    fn transmit(&mut self) -> Bytes {
        let mut out = Outbox::new();
        let mut bytes = BytesMut::new();
        while self.conn.transmit(&mut out, 256 << 10) {
            bytes.extend_from_slice(&out.copy_to_bytes(out.remaining()));
        }
        bytes.freeze()
    }

    /// Opens a call with the next number.
    fn open(&mut self, call: &Call<'_>, now: Instant) -> Result<StreamId, OpenError> {
        let stream = self.conn.next_stream();
        self.conn.open(stream, call, now).map(|()| stream)
    }

    fn take_events(&mut self) -> Vec<Event> {
        self.collect();
        std::mem::take(&mut self.events)
    }
}

/// A client and a server that have met.
struct Pair {
    now: Instant,
    client: Side,
    server: Side,
}

impl Pair {
    fn new() -> Self {
        Self::with(config(|_| {}), config(|_| {}))
    }

    fn with(client: Config, server: Config) -> Self {
        let now = origin();
        let mut pair = Self {
            now,
            client: Side::new(Connection::client(client, now)),
            server: Side::new(Connection::server(server, now)),
        };
        pair.exchange();
        assert!(matches!(pair.client.take_events()[..], [Event::Ready]));
        assert!(matches!(pair.server.take_events()[..], [Event::Ready]));
        pair
    }

    /// Carries bytes both ways until none are left.
    fn exchange(&mut self) {
        loop {
            let (up, down) = (self.client.transmit(), self.server.transmit());
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.server.receive(&up, self.now);
            self.client.receive(&down, self.now);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.client.conn.handle_timeout(self.now);
        self.server.conn.handle_timeout(self.now);
    }

    fn open(&mut self, body: Option<&Bytes>, last: bool) -> StreamId {
        let body = body.cloned().map(Rope::from);
        let route = route();
        let call = Call {
            body: body.as_ref(),
            last,
            ..call(&route, &NO_METADATA)
        };
        self.client.open(&call, self.now).expect("the call opens")
    }
}

/// Where the clock of a test begins.
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
pub(super) fn origin() -> Instant {
    Instant::now()
}

static NO_METADATA: Metadata = Metadata::new();

fn route() -> Arc<Route> {
    Arc::new(Route::new("shop.orders.v1.Orders/get", "", "protobuf").unwrap())
}

fn call<'a>(route: &'a Arc<Route>, metadata: &'a Metadata) -> Call<'a> {
    Call {
        route,
        deadline: None,
        attempt: 0,
        one_way: false,
        metadata,
        body: None,
        last: true,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what `finish` takes")]
fn reply(body: &[u8]) -> Result<Reply, Status> {
    Ok(Reply {
        body: Some(body.to_vec().into()),
        trailers: Metadata::new(),
    })
}

/// With windows so small that little fills them, and so changed.
fn config(change: impl FnOnce(&mut Limits)) -> Config {
    let mut config = Config::default();
    config.limits.stream_window = 64 << 10;
    config.limits.connection_window = 2 << 20;
    change(&mut config.limits);
    config
}

/// The only request in `events`.
fn request(events: Vec<Event>) -> (StreamId, Request) {
    let mut events = events.into_iter();
    match (events.next(), events.next()) {
        (Some(Event::Request { stream, request }), None) => (stream, request),
        other => panic!("{other:?}"),
    }
}

/// The only end in `events`.
fn ended(events: Vec<Event>) -> (StreamId, Result<Reply, Status>) {
    let mut events = events.into_iter();
    match (events.next(), events.next()) {
        (Some(Event::Ended { stream, outcome }), None) => (stream, outcome),
        other => panic!("{other:?}"),
    }
}

/// The reason in the last of `events`.
fn closed(events: Vec<Event>) -> CloseReason {
    match events.into_iter().last() {
        Some(Event::Closed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}
