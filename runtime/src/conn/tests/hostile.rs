//! Peers that are broken or mean: what they get is a named reason, and what they cost is bounded.

use bytes::BufMut;

use super::*;
use crate::status::Code;
use crate::wire::frame::{BARE, BODY, DEADLINE, Header, LAST, MORE};
use crate::wire::{FRAGMENT, FrameKind};

/// A server that has met a client which the test plays, byte by byte.
pub(super) struct Victim {
    pub(super) side: Side,
    pub(super) now: Instant,
}

impl Victim {
    pub(super) fn new() -> Self {
        Self::with(config(|_| {}))
    }

    pub(super) fn with(config: Config) -> Self {
        let now = origin();
        let mut side = Side::new(Connection::server(config, now));
        side.receive(&Limits::default().preface().encode(), now);
        side.transmit();
        side.take_events();
        Self { side, now }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) -> &mut Self {
        self.side.receive(bytes, self.now);
        self
    }

    /// The reason for which it closed, which the peer was told as well.
    pub(super) fn fault(&mut self) -> Fault {
        let reason = closed(self.side.take_events());
        let CloseReason::Fault(fault) = reason else {
            panic!("{reason:?}")
        };
        let sent = self.side.transmit();
        let text = fault.to_string();
        assert!(
            sent.windows(text.len()).any(|part| part == text.as_bytes()),
            "GOAWAY lacks {text:?}"
        );
        assert_eq!(self.side.conn.active(), 0);
        assert_eq!(self.side.conn.buffered(), 0);
        fault
    }

    /// Frames it answered with, as kind, flags and stream.
    pub(super) fn answers(&mut self) -> Vec<(u8, u8, u32)> {
        let bytes = self.side.transmit();
        let mut at = 0;
        let mut frames = Vec::new();
        while let Ok(Some(span)) = Header::span(&bytes[at..], 1 << 24) {
            let (header, _) = Header::split(&bytes[at..at + span]).unwrap();
            at += span;
            frames.push((header.kind, header.flags, header.stream));
        }
        frames
    }
}

pub(super) fn raw(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    Header::put(&mut out, FrameKind::Ping, flags, stream, payload.len());
    out[4] = kind;
    out.put_slice(payload);
    out.to_vec()
}

/// OPEN of `/m` that learns its route; without requests to follow if `flags` say so.
pub(super) fn open(stream: u32, flags: u8, rest: &[u8]) -> Vec<u8> {
    let mut payload = if stream == 1 {
        vec![1, 2, b'/', b'm', 0, 0, 0]
    } else {
        vec![2, 0]
    };
    payload.extend_from_slice(rest);
    raw(1, flags, stream, &payload)
}

pub(super) fn data(flags: u8, stream: u32, length: usize) -> Vec<u8> {
    raw(2, flags, stream, &vec![0; length])
}

#[test]
fn each_breach_of_the_protocol_has_its_name() {
    let open1 = || open(1, LAST, &[0]);
    let streaming = || open(1, 0, &[0]);
    let cases: Vec<(Vec<Vec<u8>>, Fault)> = vec![
        (vec![vec![0; 4]], Fault::FrameShort { length: 0 }),
        (
            vec![vec![0xff; 4]],
            Fault::FrameLong {
                length: u32::MAX as usize - 6,
                limit: 128 << 10,
            },
        ),
        (vec![raw(9, 0, 0, &[])], Fault::Kind(9)),
        (
            vec![raw(1, 0x10, 1, &[])],
            Fault::Flags {
                kind: "OPEN",
                flags: 0x10,
            },
        ),
        (vec![raw(2, 0x20, 1, &[])], Fault::Compressed),
        (vec![raw(3, 0, 1, &[0, 0])], Fault::Direction("END")),
        (
            vec![raw(1, 0, 0, &[])],
            Fault::StreamNumber {
                kind: "OPEN",
                stream: 0,
            },
        ),
        (vec![raw(1, 0, 1, &[])], Fault::Cut { field: "route" }),
        (vec![raw(1, 0, 1, &[2])], Fault::Cut { field: "attempt" }),
        (
            vec![raw(1, 0, 1, &[1, 1, 0xff, 0, 0, 0, 0])],
            Fault::NotText { field: "path" },
        ),
        (vec![raw(1, 0, 1, &[5, 0, 0])], Fault::RouteUnknown(3)),
        (
            vec![open(1, LAST, &[0, 0])],
            Fault::Surplus { kind: "OPEN" },
        ),
        (
            vec![open1(), open(1, LAST, &[0])],
            Fault::StreamReused {
                stream: 1,
                highest: 1,
            },
        ),
        (
            vec![open1(), open(9, 0, &[0]), open(8, 0, &[0])],
            Fault::StreamReused {
                stream: 8,
                highest: 9,
            },
        ),
        (vec![data(0, 7, 1)], Fault::StreamUnopened(7)),
        (vec![open1(), data(0, 1, 1)], Fault::AfterEnd(1)),
        (
            vec![streaming(), data(MORE, 1, 100)],
            Fault::FragmentSize {
                stream: 1,
                length: 100,
            },
        ),
        (
            vec![streaming(), data(MORE, 1, 0)],
            Fault::FragmentSize {
                stream: 1,
                length: 0,
            },
        ),
        (
            vec![
                streaming(),
                data(MORE, 1, FRAGMENT),
                data(0, 1, FRAGMENT + 1),
            ],
            Fault::FragmentSize {
                stream: 1,
                length: FRAGMENT + 1,
            },
        ),
        (
            vec![streaming(), data(MORE, 1, FRAGMENT), data(0, 1, 0)],
            Fault::FragmentSize {
                stream: 1,
                length: 0,
            },
        ),
        (
            vec![
                streaming(),
                data(MORE, 1, FRAGMENT),
                data(LAST | BARE, 1, 0),
            ],
            Fault::Unfinished(1),
        ),
        (
            vec![streaming(), data(MORE | LAST, 1, FRAGMENT)],
            Fault::Unfinished(1),
        ),
        (
            vec![streaming(), data(BARE, 1, 0)],
            Fault::Flags {
                kind: "DATA",
                flags: BARE,
            },
        ),
        (
            vec![
                streaming(),
                data(0, 1, FRAGMENT),
                data(0, 1, FRAGMENT),
                data(0, 1, 0),
            ],
            Fault::WindowExceeded {
                stream: 1,
                excess: 10,
            },
        ),
        (
            vec![raw(5, 0, 0, &[0])],
            Fault::WindowGrowth { stream: 0, by: 0 },
        ),
        (
            vec![streaming(), raw(5, 0, 1, &[0xff, 0xff, 0xff, 0xff, 7])],
            Fault::WindowGrowth {
                stream: 1,
                by: (1 << 31) - 1,
            },
        ),
        (
            vec![raw(6, 0, 0, &[1])],
            Fault::Cut {
                field: "ping token",
            },
        ),
        (
            vec![raw(4, 0, 1, &[0, 0])],
            Fault::Surplus { kind: "CANCEL" },
        ),
        (
            vec![raw(8, 0, 0, &[0])],
            Fault::Cut {
                field: "goaway code",
            },
        ),
    ];
    for (frames, expected) in cases {
        let mut victim = Victim::new();
        for frame in &frames {
            victim.feed(frame);
        }
        assert_eq!(victim.fault(), expected);
        // What comes after is dropped unread.
        victim.feed(&[0; 100]);
        assert!(victim.side.input.is_empty() && victim.side.take_events().is_empty());
    }
}

#[test]
fn frames_before_a_broken_one_are_taken() {
    let mut victim = Victim::new();
    let mut bytes = open(1, LAST, &[0]);
    bytes.extend(raw(6, 0, 0, &[7; 8]));
    bytes.extend([0xff; 4]);
    victim.feed(&bytes);
    let events = victim.side.take_events();
    assert!(
        matches!(
            events[..],
            [
                Event::Request { .. },
                Event::Cancelled { .. },
                Event::Closed(_)
            ]
        ),
        "{events:?}"
    );
}

#[test]
fn another_protocol_gets_no_answer() {
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\x16\x03\x01\x02",
        b"PRI * HTTP/2.0\r\n",
        b"\xda\xbb\xc2\0",
    ] {
        let now = origin();
        let mut server = Side::new(Connection::server(config(|_| {}), now));
        server.receive(bytes, now);
        assert_eq!(
            closed(server.take_events()),
            CloseReason::Fault(Fault::Magic)
        );
        assert!(server.transmit().is_empty());
    }
}

#[test]
fn what_is_ignorable_is_counted_and_bounded() {
    let mut victim = Victim::new();
    victim.feed(&raw(0x80, 0xff, 9, &[1, 2, 3]));
    victim.feed(&open(1, LAST | 0xc0, &[0]));
    assert_eq!(victim.side.conn.stats().unknown, 1);
    assert_eq!(victim.side.take_events().len(), 1);
    for _ in 0..20_000 {
        victim.feed(&raw(0xfe, 0, 0, &[]));
    }
    assert_eq!(
        victim.fault(),
        Fault::Flood {
            what: "frames to be ignored",
            limit: "ignored"
        }
    );
}

#[test]
fn a_reply_to_nobody_is_ignored_and_counted() {
    let mut pair = Pair::new();
    let stream = pair.open(None, true);
    let end = raw(3, BODY, stream.number(), &[0, 0, b'x']);
    let now = pair.now;
    pair.client.receive(&raw(3, BODY, 77, &[0, 0, b'y']), now);
    pair.client.receive(&end, now);
    pair.client.receive(&end, now);
    let (ended, outcome) = ended(pair.client.take_events());
    assert_eq!(
        (
            ended,
            outcome.unwrap().body.map(Rope::into_bytes).as_deref()
        ),
        (stream, Some(&b"x"[..]))
    );
    assert_eq!(pair.client.conn.stats().late, 2);
    pair.client.transmit();
    assert_eq!(pair.client.conn.buffered(), 0);
    let later = pair.open(None, true);
    assert!(pair.client.conn.is_active(later));
}

#[test]
fn metadata_that_breaks_a_rule_ends_its_call_only() {
    let entry = |key: &[u8], value: &[u8]| {
        let mut out = vec![(key.len() as u8) << 1];
        out.extend_from_slice(key);
        out.push(value.len() as u8);
        out.extend_from_slice(value);
        out
    };
    let block = |entries: &[u8]| {
        let mut out = vec![
            (entries.len() & 0x7f) as u8 | 0x80,
            (entries.len() >> 7) as u8 | 0x80,
            (entries.len() >> 14) as u8,
        ];
        out.extend_from_slice(entries);
        out
    };
    for (bytes, code, text) in [
        (
            block(&vec![0; (16 << 10) + 1]),
            8,
            "metadata of 16385 bytes is over the limit of 16384 (see Limits::metadata_bytes)",
        ),
        (
            block(&entry(b"k", b"v").repeat(101)),
            8,
            "metadata has more entries than the limit of 100 (see Limits::metadata_entries)",
        ),
        (
            block(&entry(b"Key", b"v")),
            3,
            "metadata `Key`: a key holds only a-z 0-9 . _ -",
        ),
        (block(&entry(b"k", b"a\nb")), 3, "no control characters"),
    ] {
        let mut victim = Victim::new();
        victim.feed(&open(1, LAST, &bytes));
        assert!(victim.side.take_events().is_empty());
        let sent = victim.side.transmit();
        assert_eq!(
            (sent[4], sent[5], sent[10]),
            (3, 1, code),
            "END, NOT_STARTED"
        );
        let sent = String::from_utf8_lossy(&sent);
        assert!(sent.contains(text), "{sent:?} lacks {text:?}");
        victim.feed(&open(2, LAST, &[0]));
        assert_eq!(
            victim.side.take_events().len(),
            1,
            "the connection lives, and has learned the route"
        );
    }
}

#[test]
fn a_deadline_of_nothing_less_or_too_much_starts_no_handler() {
    let deadlines: [(&[u8], bool); 5] = [
        (&[0], false),
        (
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],
            false,
        ),
        (
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            false,
        ),
        (
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            true,
        ),
        (&[1], true),
    ];
    for (deadline, starts) in deadlines {
        let mut victim = Victim::new();
        let mut payload = vec![1, 2, b'/', b'm', 0, 0, 0];
        payload.extend_from_slice(deadline);
        payload.push(0);
        victim.feed(&raw(1, LAST | DEADLINE, 1, &payload));
        assert_eq!(
            victim.side.take_events().len(),
            usize::from(starts),
            "{deadline:?}"
        );
        let sent = victim.side.transmit();
        if !starts {
            assert_eq!((sent[4], sent[10]), (3, Code::DeadlineExceeded as u8));
        }
    }
}
