//! What calls look like when all goes well.

use super::*;
use crate::status::{Code, Detail, Progress};
use crate::wire::frame::BARE;
use crate::wire::{FRAGMENT, Fault};

#[test]
fn a_unary_call_takes_one_frame_each_way() {
    let mut pair = Pair::new();
    for round in 0..3u8 {
        let stream = pair.open(Some(&Bytes::from(vec![round; 16])), true);
        let up = pair.client.transmit();
        let frames = up.len();
        pair.server.receive(&up, pair.now);
        let events = pair.server.take_events();
        let [
            Event::Request {
                stream: seen,
                request,
            },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(*seen, stream);
        let server = &pair.server.conn;
        assert_eq!(request.destination, Destination::Numbered(0));
        assert_eq!(server.route(&request.destination), Some(&route()));
        assert_eq!(request.body.as_deref(), Some(&[round; 16][..]));
        assert!(request.last && !request.one_way && request.metadata.is_empty());
        // The first names the route; header, route, attempt and metadata take 13 bytes after that.
        assert_eq!(frames, if round == 0 { 13 + 36 } else { 13 } + 16);
        pair.server.conn.consumed(stream, 16);
        assert!(pair.server.conn.finish(stream, reply(b"fine")));
        let down = pair.server.transmit();
        assert_eq!(down.len(), 12 + 4);
        pair.client.receive(&down, pair.now);
        let events = pair.client.take_events();
        let [
            Event::Ended {
                stream: ended,
                outcome: Ok(reply),
            },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(
            (*ended, reply.body.clone().map(Rope::into_bytes).as_deref()),
            (stream, Some(&b"fine"[..]))
        );
    }
    assert_eq!(pair.client.conn.active() + pair.server.conn.active(), 0);
    assert_eq!(pair.client.conn.buffered() + pair.server.conn.buffered(), 0);
}

#[test]
fn metadata_deadline_attempt_and_group_arrive() {
    let mut pair = Pair::new();
    let mut metadata = Metadata::new();
    metadata.append("tenant", "a").unwrap();
    metadata.append("trace", vec![0, 255]).unwrap();
    metadata.append("tenant", "b").unwrap();
    let route = Arc::new(Route::new("/p.S/M", "wholesale", "json").unwrap());
    let deadline = Some(pair.now + Duration::from_millis(200));
    let call = Call {
        deadline,
        attempt: 2,
        one_way: true,
        last: false,
        ..call(&route, &metadata)
    };
    pair.client.open(&call, pair.now).unwrap();
    pair.exchange();
    let (_, request) = request(pair.server.take_events());
    let seen = pair.server.conn.route(&request.destination).unwrap();
    assert_eq!(*seen, route);
    assert_eq!((seen.group(), seen.codec()), ("wholesale", "json"));
    assert_eq!(request.deadline, deadline);
    assert_eq!(request.attempt, 2);
    assert_eq!(request.metadata, metadata);
    assert!(request.one_way && !request.last && request.body.is_none());
}

#[test]
fn a_status_arrives_with_its_detail_trailers_flags_and_setting() {
    let mut pair = Pair::new();
    let stream = pair.open(None, true);
    pair.exchange();
    let mut trailers = Metadata::new();
    trailers.append("shard", "7").unwrap();
    let detail = Detail {
        type_name: "shop.orders.OutOfStock".into(),
        value: Bytes::from_static(&[8, 7]),
    };
    let status = Status::resource_exhausted("shard is full")
        .with_detail(detail.clone())
        .with_trailers(trailers.clone())
        .with_retry_after(Duration::from_micros(10))
        .with_setting("Server::limit")
        .not_started()
        .retryable()
        .overloaded();
    assert!(pair.server.conn.finish(stream, Err(status)));
    pair.exchange();
    let (_, outcome) = ended(pair.client.take_events());
    let status = outcome.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.message(), "shard is full (see Server::limit)");
    assert_eq!(status.detail(), Some(&detail));
    assert_eq!(status.trailers(), &trailers);
    assert_eq!(status.progress(), Progress::NotStarted);
    assert_eq!(status.retry_after(), Some(Duration::from_millis(1)));
    assert!(status.is_retryable() && status.is_overloaded());
}

#[test]
fn a_bidirectional_stream_keeps_the_order_of_its_messages() {
    let mut pair = Pair::new();
    let stream = pair.open(Some(&Bytes::from_static(b"0")), false);
    for text in [&b""[..], b"2", b"3"] {
        pair.client
            .conn
            .send(stream, Bytes::from_static(text))
            .unwrap();
    }
    pair.exchange();
    let events = pair.server.take_events();
    let bodies: Vec<&[u8]> = events
        .iter()
        .map(|event| match event {
            Event::Request { request, .. } => &request.body.as_ref().unwrap()[..],
            Event::Message {
                body, last: false, ..
            } => body,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(bodies, [&b"0"[..], b"", b"2", b"3"]);
    for text in [&b"a"[..], b"b"] {
        pair.server
            .conn
            .send(stream, Bytes::from_static(text))
            .unwrap();
    }
    pair.exchange();
    assert_eq!(pair.client.take_events().len(), 2);
    pair.client.conn.finish_requests(stream);
    pair.client.conn.finish_requests(stream);
    assert!(matches!(
        pair.client.conn.send(stream, Bytes::new()),
        Err(SendError::Gone)
    ));
    pair.exchange();
    let events = pair.server.take_events();
    assert!(
        matches!(events[..], [Event::RequestsEnded { .. }]),
        "{events:?}"
    );
    assert!(pair.server.conn.finish(stream, Ok(Reply::default())));
    assert!(!pair.server.conn.finish(stream, Ok(Reply::default())));
    assert!(matches!(
        pair.server.conn.send(stream, Bytes::new()),
        Err(SendError::Gone)
    ));
    pair.exchange();
    assert_eq!(
        ended(pair.client.take_events()).1.unwrap(),
        Reply::default()
    );
}

#[test]
fn replies_begin_once_and_before_the_first_of_them() {
    let mut pair = Pair::new();
    let stream = pair.open(Some(&Bytes::new()), true);
    pair.exchange();
    pair.server.take_events();
    pair.server.conn.begin(stream);
    pair.server.conn.begin(stream);
    pair.server.conn.send(stream, Bytes::from("one")).unwrap();
    pair.server.conn.begin(stream);
    pair.exchange();
    let events = pair.client.take_events();
    assert!(
        matches!(&events[..], [Event::Begun { .. }, Event::Message { .. }]),
        "{events:?}"
    );

    let second = pair.open(Some(&Bytes::new()), true);
    pair.exchange();
    pair.server.conn.send(second, Bytes::from("one")).unwrap();
    pair.exchange();
    let events = pair.client.take_events();
    assert!(matches!(&events[..], [Event::Message { .. }]), "{events:?}");
    // A server that begins behind the first reply breaks the protocol.
    let frame = [0, 0, 0, 6, 2, BARE, 0, 0, 0, second.number() as u8];
    pair.client.receive(&frame, pair.now);
    let events = pair.client.take_events();
    let reason = CloseReason::Fault(Fault::BegunTwice(second.number()));
    assert!(
        matches!(events.last(), Some(Event::Closed(closed)) if *closed == reason),
        "{events:?}"
    );
}

#[test]
fn a_message_of_any_size_passes_both_ways() {
    for size in [
        0,
        1,
        FRAGMENT - 1,
        FRAGMENT,
        FRAGMENT + 1,
        64 << 10,
        100_000,
        128 << 10,
        1_000_003,
        4 << 20,
    ] {
        let mut pair = Pair::new();
        let body: Bytes = (0..size)
            .map(|at| (at / 7) as u8)
            .collect::<Vec<u8>>()
            .into();
        let stream = pair.open(Some(&body), true);
        pair.exchange();
        let mut events = pair.server.take_events().into_iter();
        let Some(Event::Request { request, .. }) = events.next() else {
            panic!("no request of {size}")
        };
        let received = if size <= 100_000 {
            assert!(request.last);
            request.body.unwrap()
        } else {
            assert!(!request.last && request.body.is_none());
            let Some(Event::Message {
                body, last: true, ..
            }) = events.next()
            else {
                panic!("{size}")
            };
            body
        };
        assert_eq!(received, body);
        pair.server.conn.consumed(stream, size);
        let outcome = Ok(Reply {
            body: Some(body.clone().into()),
            trailers: Metadata::new(),
        });
        assert!(pair.server.conn.finish(stream, outcome));
        pair.exchange();
        let mut events = pair.client.take_events();
        let Some(Event::Ended {
            outcome: Ok(reply), ..
        }) = events.pop()
        else {
            panic!("{size}")
        };
        let received = match (reply.body, events.pop()) {
            (Some(body), _) => body.into_bytes(),
            (None, Some(Event::Message { body, .. })) => body,
            (None, other) => panic!("{other:?}"),
        };
        assert_eq!(received, body);
        assert!(events.is_empty());
        assert_eq!(
            pair.client.conn.buffered() + pair.server.conn.buffered(),
            0,
            "{size}"
        );
    }
}

#[test]
fn a_one_way_call_ends_without_its_reply() {
    let mut pair = Pair::new();
    let (route, body) = (route(), Bytes::from_static(b"fire").into());
    let call = Call {
        one_way: true,
        body: Some(&body),
        ..call(&route, &NO_METADATA)
    };
    let stream = pair.client.open(&call, pair.now).unwrap();
    pair.exchange();
    assert!(request(pair.server.take_events()).1.one_way);
    pair.server.conn.finish(stream, reply(b"nobody reads this"));
    pair.exchange();
    assert_eq!(
        ended(pair.client.take_events()).1.unwrap(),
        Reply::default()
    );
}

#[test]
fn a_cancel_reaches_the_server_and_a_late_reply_nobody() {
    let mut pair = Pair::new();
    let stream = pair.open(Some(&Bytes::from_static(b"x")), true);
    pair.exchange();
    pair.server.take_events();
    pair.server.conn.finish(stream, reply(b"late"));
    pair.client.conn.cancel(stream, CancelReason::Caller);
    let other = pair.open(None, true);
    pair.exchange();
    assert!(pair.client.take_events().is_empty());
    assert_eq!(pair.client.conn.stats().late, 1);
    // The reply was out before the CANCEL came: that is late, too.
    assert_eq!(pair.server.conn.stats().late, 1);
    assert_eq!(request(pair.server.take_events()).0, other);
    pair.client.conn.cancel(other, CancelReason::Caller);
    pair.exchange();
    let events = pair.server.take_events();
    assert!(
        matches!(events[..], [Event::Cancelled { stream, reason: CancelReason::Caller }] if stream == other),
        "{events:?}"
    );
    assert!(!pair.server.conn.finish(other, reply(b"too late")));
}

#[test]
fn a_deadline_ends_the_call_on_both_sides() {
    let mut pair = Pair::new();
    let route = route();
    let deadline = Some(pair.now + Duration::from_millis(50));
    let stream = pair
        .client
        .open(
            &Call {
                deadline,
                ..call(&route, &NO_METADATA)
            },
            pair.now,
        )
        .unwrap();
    pair.exchange();
    pair.server.take_events();
    assert_eq!(pair.client.conn.next_timeout(), deadline);
    assert_eq!(pair.server.conn.next_timeout(), deadline);
    pair.pass(Duration::from_millis(49));
    assert!(pair.client.take_events().is_empty() && pair.server.take_events().is_empty());
    pair.pass(Duration::from_millis(1));
    let events = pair.server.take_events();
    assert!(
        matches!(events[..], [Event::DeadlineExpired { stream: expired }] if expired == stream)
    );
    assert!(
        pair.server
            .conn
            .finish(stream, reply(b"done just too late"))
    );
    let status = ended(pair.client.take_events()).1.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.progress(), Progress::MaybeRun);
    pair.exchange();
    assert!(pair.client.take_events().is_empty() && pair.server.take_events().is_empty());
    assert_eq!(pair.client.conn.active() + pair.server.conn.active(), 0);
}

#[test]
fn a_deadline_that_passed_starts_no_handler() {
    let mut pair = Pair::new();
    let route = route();
    let deadline = Some(pair.now);
    let error = pair
        .client
        .open(
            &Call {
                deadline,
                ..call(&route, &NO_METADATA)
            },
            pair.now,
        )
        .unwrap_err();
    let OpenError::Refused(status) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (status.code(), status.progress()),
        (Code::DeadlineExceeded, Progress::NotStarted)
    );
    assert!(pair.client.transmit().is_empty());
}

#[test]
fn what_the_peer_would_refuse_is_refused_here() {
    let mut pair = Pair::with(
        config(|limits| limits.message = 8 << 20),
        config(|limits| limits.message = 1 << 20),
    );
    let (route, big) = (route(), Rope::from(vec![0; (1 << 20) + 1]));
    let mut metadata = Metadata::new();
    metadata.append("k", "v".repeat(16 << 10)).unwrap();
    let mut many = Metadata::new();
    for _ in 0..101 {
        many.append("k", "v").unwrap();
    }
    for (call, expected) in [
        (
            Call {
                body: Some(&big),
                ..call(&route, &NO_METADATA)
            },
            "over the limit of 1048576",
        ),
        (call(&route, &metadata), "over the limit of 16384"),
        (call(&route, &many), "101 entries is over the limit of 100"),
    ] {
        match pair.client.open(&call, pair.now) {
            Err(OpenError::Refused(status)) => {
                assert!(status.message().contains(expected), "{status}");
            }
            other => panic!("{other:?}"),
        }
    }
    let stream = pair.open(None, false);
    assert!(matches!(
        pair.client.conn.send(stream, big),
        Err(SendError::TooLarge(_))
    ));
    pair.exchange();
    let detail = Detail {
        type_name: "x.Y".into(),
        value: vec![0; 130 << 10].into(),
    };
    pair.server
        .conn
        .finish(stream, Err(Status::internal("").with_detail(detail)));
    pair.exchange();
    let status = ended(pair.client.take_events()).1.unwrap_err();
    assert!(
        status.message().ends_with("(see Limits::frame)"),
        "{status}"
    );
}
