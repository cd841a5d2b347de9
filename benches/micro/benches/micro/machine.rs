//! Two connection machines, with nothing between them but bytes: tables of calls, flow control, frames, the outbox.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use callsheet::Metadata;
use callsheet::Rope;
use callsheet::conn::{Call, Config, Connection, Event, Outbox, Reply, StreamId};
use callsheet::wire::Route;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

/// Bytes that a driver asks for in one go.
const FLUSH: usize = 256 << 10;

/// Slices of one vectored write.
const SLICES: usize = 64;

/// Both sides of a connection.
struct Pair {
    now: Instant,
    client: Connection,
    server: Connection,
    /// What has arrived, by side.
    to_client: BytesMut,
    to_server: BytesMut,
    out: Outbox,
    route: Arc<Route>,
    metadata: Metadata,
    /// The number of the last call.
    opened: u32,
}

impl Pair {
    /// Both have met.
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn new(streams: usize) -> Self {
        let now = Instant::now();
        let mut config = Config::default();
        config.limits.streams = streams;
        let mut pair = Self {
            now,
            client: Connection::client(config.clone(), now),
            server: Connection::server(config, now),
            to_client: BytesMut::new(),
            to_server: BytesMut::new(),
            out: Outbox::new(),
            route: Arc::new(Route::new("gauge.v1.Gauge/echo", "", "protobuf").unwrap()),
            metadata: Metadata::new(),
            opened: 0,
        };
        for _ in 0..2 {
            pair.up();
            pair.down();
        }
        assert!(matches!(pair.client.next_event(), Some(Event::Ready)));
        assert!(matches!(pair.server.next_event(), Some(Event::Ready)));
        pair
    }

    fn open(&mut self, body: &Rope) {
        self.opened += 1;
        let call = Call {
            route: &self.route,
            deadline: None,
            attempt: 0,
            one_way: false,
            metadata: &self.metadata,
            body: Some(body),
            last: true,
        };
        let stream = StreamId::new(self.opened);
        self.client.open(stream, &call, self.now).unwrap();
    }

    /// Carries what the client has to say.
    fn up(&mut self) {
        while self.client.transmit(&mut self.out, FLUSH) {
            write(&mut self.out, &mut self.to_server);
            self.server.receive(&mut self.to_server, self.now);
        }
    }

    /// Carries what the server has to say.
    fn down(&mut self) {
        while self.server.transmit(&mut self.out, FLUSH) {
            write(&mut self.out, &mut self.to_client);
            self.client.receive(&mut self.to_client, self.now);
        }
    }

    /// The server answers each request with what came; the number of requests.
    fn answer(&mut self) -> usize {
        let mut requests = 0;
        while let Some(event) = self.server.next_event() {
            if let Event::Request { stream, request } = event {
                requests += 1;
                let body = request.body.unwrap();
                self.server.consumed(stream, body.len());
                let reply = Reply {
                    body: Some(body.into()),
                    trailers: Metadata::new(),
                };
                self.server.finish(stream, Ok(reply));
            }
        }
        requests
    }

    /// The calls that ended.
    fn ended(&mut self) -> usize {
        let mut ended = 0;
        while let Some(event) = self.client.next_event() {
            if let Event::Ended { outcome, .. } = event {
                assert!(outcome.is_ok());
                ended += 1;
            }
        }
        ended
    }
}

/// What a transport does: takes slices, and says how far it came.
fn write(out: &mut Outbox, to: &mut BytesMut) {
    while !out.is_empty() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let filled = out.chunks_vectored(&mut slices);
        let mut count = 0;
        for slice in &slices[..filled] {
            to.extend_from_slice(slice);
            count += slice.len();
        }
        out.advance(count);
    }
}

/// So many calls at once, there and back.
#[divan::bench(args = [1, 64])]
fn calls(bencher: Bencher<'_, '_>, at_once: usize) {
    let mut pair = Pair::new(1024);
    let body = Rope::from(Bytes::from_static(&[7; 16]));
    bencher.counter(ItemsCount::new(at_once)).bench_local(|| {
        for _ in 0..at_once {
            pair.open(&body);
        }
        pair.up();
        assert_eq!(pair.answer(), at_once);
        pair.down();
        assert_eq!(pair.ended(), at_once);
    });
}

/// One call there and back beside so many that wait for their answer.
#[divan::bench(args = [0, 1_000, 10_000])]
fn call_beside_pending_ones(bencher: Bencher<'_, '_>, pending: usize) {
    let mut pair = Pair::new(pending + 1);
    let body = Rope::from(Bytes::from_static(&[7; 16]));
    for _ in 0..pending {
        pair.open(&body);
        pair.up();
        while let Some(event) = pair.server.next_event() {
            if let Event::Request { stream, request } = event {
                let body = request.body.unwrap();
                pair.server.consumed(stream, body.len());
            }
        }
        pair.down();
    }
    bencher.bench_local(|| {
        pair.open(&body);
        pair.up();
        assert_eq!(pair.answer(), 1);
        pair.down();
        assert_eq!(pair.ended(), 1);
    });
}

/// So many requests of so many bytes from the frames to the slices that a transport takes.
#[divan::bench(args = [(64, 16), (64, 1 << 10), (8, 64 << 10)])]
fn flush(bencher: Bencher<'_, '_>, (requests, size): (usize, usize)) {
    let body = Rope::from(Bytes::from(vec![7; size]));
    bencher
        .counter(BytesCount::new(requests * size))
        .with_inputs(|| {
            let mut pair = Pair::new(1024);
            for _ in 0..requests {
                pair.open(&body);
            }
            pair
        })
        .bench_local_refs(|pair| {
            let mut written = 0;
            while pair.client.transmit(&mut pair.out, FLUSH) {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let filled = pair.out.chunks_vectored(&mut slices);
                let count = slices[..filled].iter().map(|slice| slice.len()).sum();
                pair.out.advance(count);
                written += count;
            }
            assert!(written > requests * size);
        });
}
