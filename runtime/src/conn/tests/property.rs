//! Whatever the order of things: the same bytes in other pieces mean the same, each caller gets its own reply, and nothing is
//! held beyond the windows or in the end.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::status::Code;
use crate::wire::FRAGMENT;

#[test]
fn bytes_cut_anywhere_mean_the_same() {
    let (up, _) = recorded();
    let whole = replay(&up, &[up.len()]);
    assert!(whole.len() > 5);
    for cut in 1..up.len().min(700) {
        assert!(replay(&up, &[cut, up.len() - cut]) == whole, "cut at {cut}");
    }
    assert!(replay(&up, &vec![1; up.len()]) == whole);
}

/// What a client sends in a varied exchange, and what the server makes of it.
fn recorded() -> (Bytes, Vec<String>) {
    let mut pair = Pair::new();
    let mut up = BytesMut::from(&Limits::default().preface().encode()[..]);
    let mut metadata = Metadata::new();
    metadata.append("tenant", "a").unwrap();
    let route = route();
    let body = Bytes::from_static(b"hello");
    let large = Bytes::from(vec![9; FRAGMENT + 5]);
    let mut streams = Vec::new();
    for body in [Some(&body), None, Some(&large)] {
        let body = body.cloned().map(Rope::from);
        let call = Call {
            body: body.as_ref(),
            last: false,
            ..call(&route, &metadata)
        };
        streams.push(pair.client.open(&call, pair.now).unwrap());
    }
    pair.client.conn.send(streams[0], body.clone()).unwrap();
    pair.client.conn.send(streams[0], Bytes::new()).unwrap();
    pair.client.conn.finish_requests(streams[0]);
    pair.client.conn.cancel(streams[1], CancelReason::Deadline);
    pair.client.conn.finish_requests(streams[2]);
    pair.client.conn.go_away("done");
    up.extend_from_slice(&pair.client.transmit());
    (up.freeze(), Vec::new())
}

fn replay(bytes: &[u8], pieces: &[usize]) -> Vec<String> {
    let now = origin();
    let mut server = Side::new(Connection::server(config(|_| {}), now));
    let mut at = 0;
    for piece in pieces {
        server.receive(&bytes[at..at + piece], now);
        at += piece;
    }
    server
        .take_events()
        .iter()
        .map(|event| format!("{event:?}"))
        .collect()
}

/// One step of a random run; numbers choose among what there is.
#[derive(Clone, Copy, Debug)]
enum Step {
    Open {
        size: usize,
        last: bool,
        deadline: Option<u8>,
    },
    Send {
        call: usize,
        size: usize,
    },
    EndRequests {
        call: usize,
    },
    Cancel {
        call: usize,
    },
    Reply {
        call: usize,
        size: usize,
    },
    Finish {
        call: usize,
        size: usize,
    },
    Fail {
        call: usize,
    },
    Consume {
        count: usize,
    },
    Up {
        bytes: usize,
    },
    Down {
        bytes: usize,
    },
    Pass {
        ms: u8,
    },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..200_usize, 2 => 0..40_000_usize, 1 => 0..300_000_usize]
}

fn step() -> impl Strategy<Value = Step> {
    let call = 0..64_usize;
    prop_oneof![
        4 => (size(), any::<bool>(), proptest::option::of(any::<u8>()))
            .prop_map(|(size, last, deadline)| Step::Open { size, last, deadline }),
        3 => (call.clone(), size()).prop_map(|(call, size)| Step::Send { call, size }),
        2 => call.clone().prop_map(|call| Step::EndRequests { call }),
        1 => call.clone().prop_map(|call| Step::Cancel { call }),
        3 => (call.clone(), size()).prop_map(|(call, size)| Step::Reply { call, size }),
        3 => (call.clone(), size()).prop_map(|(call, size)| Step::Finish { call, size }),
        1 => call.prop_map(|call| Step::Fail { call }),
        5 => (0..20_usize).prop_map(|count| Step::Consume { count }),
        6 => (0..100_000_usize).prop_map(|bytes| Step::Up { bytes }),
        6 => (0..100_000_usize).prop_map(|bytes| Step::Down { bytes }),
        1 => any::<u8>().prop_map(|ms| Step::Pass { ms }),
    ]
}

/// A message that tells whose it is and which: every byte is made of the call's number.
fn message(call: u32, size: usize) -> Bytes {
    vec![(call * 31 % 251) as u8; size].into()
}

/// Two machines, what is between them, and what the test knows of each call.
struct World {
    pair: Pair,
    up: BytesMut,
    down: BytesMut,
    calls: Vec<StreamId>,
    /// Per call: sizes sent and received of requests and of replies, in order.
    requests: HashMap<StreamId, (Vec<usize>, Vec<usize>)>,
    replies: HashMap<StreamId, (Vec<usize>, Vec<usize>)>,
    /// Messages that an application has not taken yet, on the server and on the client.
    held: [Vec<(StreamId, usize)>; 2],
    ended: HashMap<StreamId, bool>,
    /// The client suspects the server.
    silent: bool,
    finished: HashMap<StreamId, bool>,
}

impl World {
    fn new() -> Self {
        let small = |limits: &mut Limits| {
            limits.streams = 12;
            limits.connection_window = 1 << 17;
            limits.reassembly = 1 << 20;
            limits.message = 1 << 18;
        };
        Self {
            pair: Pair::with(config(small), config(small)),
            up: BytesMut::new(),
            down: BytesMut::new(),
            calls: Vec::new(),
            requests: HashMap::new(),
            replies: HashMap::new(),
            held: [Vec::new(), Vec::new()],
            ended: HashMap::new(),
            silent: false,
            finished: HashMap::new(),
        }
    }

    fn pick(&self, call: usize) -> Option<StreamId> {
        let last = self.calls.len().checked_sub(1)?;
        Some(self.calls[last - call.min(last)])
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Open {
                size,
                last,
                deadline,
            } => self.open(size, last, deadline),
            Step::Send { call, size } => {
                let Some(stream) = self.pick(call) else {
                    return;
                };
                if self
                    .pair
                    .client
                    .conn
                    .send(stream, message(stream.0, size))
                    .is_ok()
                {
                    self.requests.entry(stream).or_default().0.push(size);
                }
            }
            Step::EndRequests { call } => {
                let Some(stream) = self.pick(call) else {
                    return;
                };
                self.pair.client.conn.finish_requests(stream);
            }
            Step::Cancel { call } => {
                let Some(stream) = self.pick(call) else {
                    return;
                };
                if self.pair.client.conn.is_active(stream) {
                    self.pair.client.conn.cancel(stream, CancelReason::Caller);
                    assert!(self.ended.insert(stream, false).is_none());
                }
            }
            Step::Reply { call, size } => {
                let Some(stream) = self.pick(call) else {
                    return;
                };
                if self
                    .pair
                    .server
                    .conn
                    .send(stream, message(stream.0, size))
                    .is_ok()
                {
                    self.replies.entry(stream).or_default().0.push(size);
                }
            }
            Step::Finish { call, size } => {
                let Some(stream) = self.pick(call) else {
                    return;
                };
                let body = Some(message(stream.0, size).into());
                if self.pair.server.conn.finish(
                    stream,
                    Ok(Reply {
                        body,
                        ..Reply::default()
                    }),
                ) {
                    self.finished.insert(stream, size <= 1 << 18);
                    self.replies.entry(stream).or_default().0.push(size);
                }
            }
            Step::Fail { call } => {
                let Some(stream) = self.pick(call) else {
                    return;
                };
                if self
                    .pair
                    .server
                    .conn
                    .finish(stream, Err(Status::internal("failed")))
                {
                    self.finished.insert(stream, false);
                }
            }
            Step::Consume { count } => self.consume(count),
            Step::Up { bytes } => self.carry(true, bytes),
            Step::Down { bytes } => self.carry(false, bytes),
            Step::Pass { ms } => self.pair.pass(Duration::from_millis(ms.into())),
        }
        self.look();
    }

    fn open(&mut self, size: usize, last: bool, deadline: Option<u8>) {
        let number = self.pair.client.conn.highest + 1;
        let body = message(number, size).into();
        let route = route();
        let now = self.pair.now;
        let deadline = deadline.map(|ms| now + Duration::from_millis(u64::from(ms) * 20 + 1));
        let call = Call {
            body: Some(&body),
            last,
            deadline,
            ..call(&route, &NO_METADATA)
        };
        match self.pair.client.open(&call, now) {
            Ok(stream) => {
                assert_eq!(stream.0, number);
                self.calls.push(stream);
                self.requests.entry(stream).or_default().0.push(size);
            }
            Err(OpenError::Full) => assert!(self.pair.client.conn.active() >= 12),
            Err(OpenError::Refused(_)) => assert!(size > 1 << 18),
            Err(error) => panic!("{error:?}"),
        }
    }

    fn consume(&mut self, count: usize) {
        for (side, held) in [&mut self.pair.server, &mut self.pair.client]
            .into_iter()
            .zip(&mut self.held)
        {
            for (stream, size) in held.drain(..count.min(held.len())) {
                side.conn.consumed(stream, size);
            }
        }
    }

    fn carry(&mut self, up: bool, bytes: usize) {
        let (from, to, pipe) = if up {
            (&mut self.pair.client, &mut self.pair.server, &mut self.up)
        } else {
            (&mut self.pair.server, &mut self.pair.client, &mut self.down)
        };
        let mut out = Outbox::new();
        from.conn.transmit(&mut out, bytes);
        pipe.extend_from_slice(&out.copy_to_bytes(out.remaining()));
        let piece = pipe.split_to(bytes.min(pipe.len()));
        to.receive(&piece, self.pair.now);
    }

    /// Takes events, and checks that each message belongs where it came.
    fn look(&mut self) {
        for event in self.pair.server.take_events() {
            match event {
                Event::Request { stream, request } => {
                    if let Some(body) = request.body {
                        self.got(true, stream, &body);
                    }
                }
                Event::Message { stream, body, .. } => self.got(true, stream, &body),
                Event::DeadlineExpired { stream } => {
                    let status = Status::deadline_exceeded("");
                    if self.pair.server.conn.finish(stream, Err(status)) {
                        self.finished.insert(stream, false);
                    }
                }
                Event::RequestsEnded { .. } | Event::Cancelled { .. } | Event::Writable { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        for event in self.pair.client.take_events() {
            match event {
                Event::Message { stream, body, .. } => self.got(false, stream, &body),
                Event::Ended { stream, outcome } => {
                    if let Ok(Reply {
                        body: Some(body), ..
                    }) = &outcome
                    {
                        let (sent, got) = self.replies.entry(stream).or_default();
                        assert_eq!(body, &message(stream.0, sent[got.len()]).into());
                        got.push(body.len());
                    }
                    if outcome.is_ok() {
                        let (sent, got) = self.replies.entry(stream).or_default();
                        assert_eq!(sent, got, "a success is complete");
                        assert!(self.finished[&stream]);
                    } else if let Err(status) = &outcome {
                        let known = [
                            Code::DeadlineExceeded,
                            Code::Internal,
                            Code::ResourceExhausted,
                        ];
                        assert!(known.contains(&status.code()), "{status}");
                    }
                    assert!(
                        self.ended.insert(stream, true).is_none(),
                        "one end per call"
                    );
                }
                Event::Silent => assert!(!std::mem::replace(&mut self.silent, true)),
                Event::Heard => assert!(std::mem::replace(&mut self.silent, false)),
                Event::Writable { .. } | Event::Openable => {}
                other => panic!("{other:?}"),
            }
        }
        let bound = |conn: &Connection| conn.window.held() + conn.reassembly.bytes();
        let most = (1 << 17) + (1 << 20);
        assert!(bound(&self.pair.server.conn) <= most && bound(&self.pair.client.conn) <= most);
    }

    fn got(&mut self, request: bool, stream: StreamId, body: &Bytes) {
        let book = if request {
            &mut self.requests
        } else {
            &mut self.replies
        };
        let (sent, got) = book.entry(stream).or_default();
        assert_eq!(
            body,
            &message(stream.0, sent[got.len()]),
            "in order, and its own"
        );
        got.push(body.len());
        self.held[usize::from(!request)].push((stream, body.len()));
    }

    /// Lets everything come to its end, and checks that nothing is left.
    fn settle(mut self) {
        for round in 0..2000 {
            if round == 1000 {
                for stream in self.calls.clone() {
                    self.pair.client.conn.finish_requests(stream);
                }
            }
            self.consume(usize::MAX);
            self.carry(true, 1 << 20);
            self.carry(false, 1 << 20);
            self.look();
            let open: Vec<StreamId> = self
                .calls
                .iter()
                .copied()
                .filter(|stream| self.pair.server.conn.is_active(*stream))
                .collect();
            for stream in open {
                let (sent, got) = &self.requests[&stream];
                let state = self.pair.server.conn.streams.get(stream.0).unwrap();
                if sent == got && !state.requests_ended && self.held[0].is_empty() {
                    assert_eq!(state.window.held(), 0, "what is consumed is given back");
                }
                if round > 1000
                    && sent == got
                    && self.pair.server.conn.finish(stream, Ok(Reply::default()))
                {
                    self.finished.insert(stream, true);
                }
            }
        }
        assert_eq!(self.pair.client.conn.active(), 0, "every call ends");
        assert_eq!(self.pair.server.conn.active(), 0);
        assert_eq!(self.ended.len(), self.calls.len());
        let (client, server) = (&self.pair.client.conn, &self.pair.server.conn);
        assert_eq!((client.buffered(), server.buffered()), (0, 0));
        // Every byte of credit is with the sender, or owed to it.
        for (sender, receiver) in [(client, server), (server, client)] {
            assert_eq!(sender.send_credit as usize, receiver.window.open());
            assert!(sender.send_credit as usize > (1 << 17) / 4 * 3);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_keeps_calls_apart_and_leaks_nothing(steps in proptest::collection::vec(step(), 1..250)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.settle();
    }

    #[test]
    fn any_garbage_ends_or_waits(bytes in proptest::collection::vec(any::<u8>(), 0..400), greeted in any::<bool>()) {
        let now = origin();
        let mut server = Side::new(Connection::server(config(|_| {}), now));
        if greeted {
            server.receive(&Limits::default().preface().encode(), now);
        }
        server.receive(&bytes, now);
        prop_assert!(server.conn.buffered() <= 2048);
    }

    #[test]
    fn a_flipped_byte_never_hangs_or_panics(at in 0..700_usize, value in any::<u8>(), piece in 1..100_usize) {
        let (up, _) = recorded();
        let mut bytes = up.to_vec();
        bytes[at % up.len()] = value;
        let mut server = Side::new(Connection::server(config(|_| {}), origin()));
        for chunk in bytes.chunks(piece) {
            server.receive(chunk, origin());
        }
        prop_assert!(server.conn.active() <= 4);
    }
}
