//! Every example, written and read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use callsheet::conn::Limits;
use callsheet::wire::frame::{BARE, Header, LAST};
use callsheet::wire::{
    CancelReason, EndHead, Frame, FrameKind, GoAwayCode, HeadLimits, OpenHead, Preface, Route,
    RouteRef,
};
use callsheet::{Code, Detail, Metadata, Progress, Status};

use crate::{examples, hex};

const MESSAGE: &[u8] = &[8, 7, 16, 1, 24, 0];

fn metadata() -> Metadata {
    let mut metadata = Metadata::new();
    metadata.append("tenant", "a").unwrap();
    metadata.append("trace", vec![0, 255]).unwrap();
    metadata
}

fn failure() -> Status {
    let mut trailers = Metadata::new();
    trailers.append("shard", "7").unwrap();
    Status::resource_exhausted("full")
        .not_started()
        .overloaded()
        .with_retry_after(Duration::from_millis(250))
        .with_detail(Detail {
            type_name: "shop.orders.OutOfStock".into(),
            value: Bytes::from_static(&[8, 7]),
        })
        .with_trailers(trailers)
}

fn first(metadata: &Metadata) -> OpenHead<&Metadata> {
    let route = Route::new("shop.orders.v1.Orders/get", "", "protobuf").unwrap();
    OpenHead {
        route: RouteRef::Learn(Arc::new(route)),
        attempt: 0,
        deadline: None,
        one_way: false,
        metadata,
    }
}

fn again(metadata: &Metadata) -> OpenHead<&Metadata> {
    OpenHead {
        route: RouteRef::Known(0),
        attempt: 1,
        deadline: Some(5_000_000),
        one_way: false,
        metadata,
    }
}

fn frames() -> [(&'static str, Frame); 6] {
    [
        (
            "cancel",
            Frame::Cancel {
                stream: 2,
                reason: CancelReason::Deadline,
            },
        ),
        (
            "credit-stream",
            Frame::Credit {
                stream: 3,
                bytes: 16 << 10,
            },
        ),
        (
            "credit-connection",
            Frame::Credit {
                stream: 0,
                bytes: 256 << 10,
            },
        ),
        ("ping", Frame::Ping(1)),
        ("pong", Frame::Pong(1)),
        (
            "goaway",
            Frame::GoAway {
                last_stream: 2,
                code: GoAwayCode::Shutdown,
                message: "drain".into(),
            },
        ),
    ]
}

/// What our encoder writes for each example.
fn written() -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut put = |name: &str, write: &dyn Fn(&mut BytesMut)| {
        let mut out = BytesMut::new();
        write(&mut out);
        all.insert(name.to_owned(), out.to_vec());
    };
    let preface = Preface {
        version_min: 1,
        version_max: 1,
        features: 0,
        frame_log2: 17,
        stream_window_log2: 17,
        connection_window_log2: 21,
        message_log2: 22,
        streams: 1024,
    };
    put("preface", &|out| out.put_slice(&preface.encode()));
    put("open-first", &|out| {
        first(&Metadata::new()).put(out, 1, Some(MESSAGE.len()), true);
        out.put_slice(MESSAGE);
    });
    put("open-again", &|out| {
        again(&metadata()).put(out, 2, Some(MESSAGE.len()), true);
        out.put_slice(MESSAGE);
    });
    put("data", &|out| {
        Header::put(out, FrameKind::Data, LAST, 3, 2);
        out.put_slice(b"hi");
    });
    put("data-bare", &|out| {
        Header::put(out, FrameKind::Data, LAST | BARE, 3, 0);
    });
    put("data-begun", &|out| {
        Header::put(out, FrameKind::Data, BARE, 3, 0);
    });
    put("end-ok", &|out| {
        EndHead::put(out, 1, Ok(&Metadata::new()), Some(4));
        out.put_slice(b"fine");
    });
    put("end-failed", &|out| {
        EndHead::put(out, 2, Err(&failure()), None);
    });
    put("end-spent", &|out| {
        EndHead::put(out, 4, Err(&Status::unavailable("lost").spent()), None);
    });
    for (name, frame) in frames() {
        put(name, &|out| frame.put(out));
    }
    all
}

#[test]
fn the_page_shows_what_is_written() {
    let (page, written) = (examples(), written());
    for (name, bytes) in &written {
        let shown = page.get(name).map(|bytes| hex(bytes)).unwrap_or_default();
        assert_eq!(shown, hex(bytes), "{name}");
    }
    assert_eq!(
        page.len(),
        written.len(),
        "an example that nothing here writes"
    );
}

/// The frame of an example: its header and its payload.
fn frame(name: &str) -> (Header, Vec<u8>) {
    let bytes = examples().remove(name).expect(name);
    assert_eq!(
        Header::span(&bytes, 1 << 16),
        Ok(Some(bytes.len())),
        "{name}"
    );
    let (header, payload) = Header::split(&bytes).expect("a whole header");
    (header, payload.to_vec())
}

fn limits() -> HeadLimits {
    let limits = Limits::default();
    HeadLimits {
        metadata_bytes: limits.metadata_bytes,
        metadata_entries: limits.metadata_entries,
    }
}

#[test]
fn heads_are_read_as_the_page_says() {
    for (name, expected, metadata) in [
        ("open-first", first(&Metadata::new()), Metadata::new()),
        ("open-again", again(&metadata()), metadata()),
    ] {
        let (header, payload) = frame(name);
        let (head, body) = OpenHead::decode(header, &payload, limits()).unwrap();
        assert_eq!(body, Some(MESSAGE), "{name}");
        assert_eq!(head.route, expected.route);
        assert_eq!(
            (head.attempt, head.deadline),
            (expected.attempt, expected.deadline)
        );
        assert_eq!(head.metadata.unwrap(), metadata);
    }
    let (header, payload) = frame("end-ok");
    let (head, body) = EndHead::decode(header, &payload, limits()).unwrap();
    assert!(head.outcome.unwrap().is_empty());
    assert_eq!(body, Some(&b"fine"[..]));
    let (header, payload) = frame("end-failed");
    let status = EndHead::decode(header, &payload, limits())
        .unwrap()
        .0
        .outcome
        .unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::ResourceExhausted, "full")
    );
    assert_eq!(
        (status.progress(), status.is_overloaded()),
        (Progress::NotStarted, true)
    );
    assert_eq!(status.retry_after(), Some(Duration::from_millis(250)));
    assert_eq!(status.detail(), failure().detail());
    assert_eq!(status.trailers(), failure().trailers());
    assert!(!status.is_spent());
    let (header, payload) = frame("end-spent");
    let (head, _) = EndHead::decode(header, &payload, limits()).unwrap();
    assert!(head.outcome.unwrap_err().is_spent());
}

#[test]
fn control_frames_are_read_as_the_page_says() {
    for (name, expected) in frames() {
        let (header, payload) = frame(name);
        let kind = header.known().unwrap().expect("a known kind");
        assert_eq!(
            Frame::decode(kind, header.stream, &payload),
            Ok(expected),
            "{name}"
        );
    }
}
