//! How a connection begins, stays alive and ends.

use super::*;
use crate::status::{Code, Progress};

#[test]
fn no_call_is_opened_before_the_preface_came() {
    let now = origin();
    let mut client = Connection::client(Config::default(), now);
    let route = route();
    assert!(matches!(
        client.open(StreamId(1), &call(&route, &NO_METADATA), now),
        Err(OpenError::NotReady)
    ));
    let mut server = Connection::server(Config::default(), now);
    let mut out = Outbox::new();
    assert!(
        !server.transmit(&mut out, 1 << 20),
        "a server is silent until its peer has shown the protocol"
    );
    assert_eq!(client.next_timeout(), Some(now + Duration::from_secs(5)));
}

#[test]
fn peers_with_no_common_version_tell_each_other() {
    let now = origin();
    let mut server = Side::new(Connection::server(Config::default(), now));
    let mut preface = Limits::default().preface();
    (preface.version_min, preface.version_max) = (7, 9);
    server.receive(&preface.encode(), now);
    let reason = closed(server.take_events());
    assert_eq!(
        reason,
        CloseReason::Fault(Fault::Version {
            ours: (1, 1),
            theirs: (7, 9)
        })
    );
    let bytes = server.transmit();
    assert_eq!(bytes[..16], Limits::default().preface().encode());
    let mut client = Side::new(Connection::client(Config::default(), now));
    client.receive(&bytes, now);
    let reason = closed(client.take_events());
    assert!(
        matches!(
            reason,
            CloseReason::Peer {
                code: GoAwayCode::Version,
                ..
            }
        ),
        "{reason}"
    );
}

#[test]
fn a_newer_peer_with_more_features_is_understood() {
    let now = origin();
    let mut server = Side::new(Connection::server(Config::default(), now));
    let preface = Preface {
        version_max: 9,
        features: u32::MAX,
        ..Limits::default().preface()
    };
    server.receive(&preface.encode(), now);
    assert!(matches!(server.take_events()[..], [Event::Ready]));
    assert_eq!(
        server.conn.negotiated(),
        Some(Negotiated {
            version: 1,
            features: 0
        })
    );
}

#[test]
fn a_preface_that_never_ends_is_not_waited_for() {
    let now = origin();
    let mut server = Side::new(Connection::server(Config::default(), now));
    let preface = Limits::default().preface().encode();
    for (second, byte) in (0u64..).zip(&preface[..5]) {
        server.receive(&[*byte], now + Duration::from_secs(second));
        assert_eq!(
            server.conn.next_timeout(),
            Some(now + Duration::from_secs(5))
        );
    }
    server.conn.handle_timeout(now + Duration::from_secs(5));
    assert_eq!(
        closed(server.take_events()),
        CloseReason::Fault(Fault::PrefaceLate)
    );
    assert!(server.transmit().is_empty());
    assert_eq!(server.conn.next_timeout(), None);
}

#[test]
fn a_frame_of_one_byte_a_second_is_not_waited_for() {
    let mut pair = Pair::new();
    pair.open(Some(&Bytes::from(vec![0; 1000])), true);
    let bytes = pair.client.transmit();
    for byte in bytes.chunks(1).take(29) {
        pair.server.receive(byte, pair.now);
        pair.now += Duration::from_secs(1);
        pair.server.conn.handle_timeout(pair.now);
    }
    assert!(!pair.server.conn.is_closed());
    pair.now += Duration::from_secs(1);
    pair.server.conn.handle_timeout(pair.now);
    assert_eq!(
        closed(pair.server.take_events()),
        CloseReason::Fault(Fault::FrameLate)
    );
}

#[test]
fn a_silent_peer_is_dead_after_two_pings() {
    let mut patient = Config::default();
    patient.keepalive.prompt = Duration::from_secs(3600);
    let mut pair = Pair::with(patient, Config::default());
    let stream = pair.open(None, true);
    pair.exchange();
    pair.server.take_events();
    for ping in 1..=2u64 {
        assert_eq!(
            pair.client.conn.next_timeout(),
            Some(pair.now + Duration::from_secs(2))
        );
        pair.pass(Duration::from_secs(2));
        let bytes = pair.client.transmit();
        assert_eq!((bytes.len(), bytes[4]), (18, 6), "ping {ping}");
    }
    pair.pass(Duration::from_secs(2));
    let events = pair.client.take_events();
    let [
        Event::Ended {
            stream: lost,
            outcome: Err(status),
        },
        Event::Closed(reason),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (*lost, reason),
        (stream, &CloseReason::Fault(Fault::Silent))
    );
    assert_eq!(
        (status.code(), status.progress()),
        (Code::Unavailable, Progress::MaybeRun)
    );
    // The server heard nothing either, and lets its handler go.
    let events = pair.server.take_events();
    assert!(
        matches!(events[..], [Event::Cancelled { .. }, Event::Closed(_)]),
        "{events:?}"
    );
}

#[test]
fn a_sign_of_life_that_somebody_wants_is_told_once() {
    let mut pair = Pair::new();
    pair.exchange();
    pair.client.take_events();
    let token = pair.client.conn.ping();
    pair.exchange();
    let events = pair.client.take_events();
    assert!(
        matches!(events[..], [Event::Pong { token: told }] if told == token),
        "{events:?}"
    );
    // Those of the connection's own are nobody's business.
    pair.pass(Duration::from_secs(15));
    pair.exchange();
    let events = pair.client.take_events();
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn an_idle_connection_lives_on_a_ping_each_way_now_and_then() {
    let mut pair = Pair::new();
    let mut frames = 0;
    for _ in 0..240 {
        pair.pass(Duration::from_secs(1));
        let up = pair.client.transmit();
        frames += up.len() / 18;
        pair.server.receive(&up, pair.now);
        let down = pair.server.transmit();
        pair.client.receive(&down, pair.now);
    }
    assert!(pair.client.take_events().is_empty() && pair.server.take_events().is_empty());
    assert!((10..=32).contains(&frames), "{frames}");
}

#[test]
fn a_process_that_was_stopped_does_not_take_its_peer_for_dead() {
    let mut pair = Pair::new();
    pair.pass(Duration::from_secs(3600));
    pair.pass(Duration::from_millis(1));
    pair.exchange();
    pair.pass(Duration::from_secs(2));
    assert!(!pair.client.conn.is_closed() && !pair.server.conn.is_closed());
}

#[test]
fn a_server_that_leaves_finishes_what_it_accepted() {
    let mut pair = Pair::new();
    let accepted = pair.open(None, true);
    pair.exchange();
    pair.server.take_events();
    pair.server.conn.go_away("rolling restart");
    let crossing = pair.open(None, true);
    pair.exchange();
    let events = pair.client.take_events();
    let [
        Event::Ended {
            stream,
            outcome: Err(status),
        },
        Event::GoAway {
            code: GoAwayCode::Shutdown,
            message,
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(
        (*stream, status.progress(), &message[..]),
        (crossing, Progress::NotStarted, "rolling restart")
    );
    assert!(
        pair.server.take_events().is_empty(),
        "the crossing call starts no handler"
    );
    let route = route();
    assert!(pair.client.conn.is_leaving());
    assert!(matches!(
        pair.client.open(&call(&route, &NO_METADATA), pair.now),
        Err(OpenError::Gone)
    ));
    pair.server.conn.finish(accepted, reply(b"done"));
    pair.exchange();
    let events = pair.client.take_events();
    assert!(matches!(
        events[..],
        [
            Event::Ended { outcome: Ok(_), .. },
            Event::Closed(CloseReason::Drained)
        ]
    ));
    assert!(!pair.server.conn.is_closed(), "the client hangs up first");
    pair.server.conn.lost("end of file");
    assert_eq!(closed(pair.server.take_events()), CloseReason::Drained);
}

#[test]
fn a_server_that_leaves_does_not_wait_for_ever_for_a_client_to_hang_up() {
    let mut pair = Pair::new();
    pair.server.conn.go_away("bye");
    pair.server.transmit();
    let mut passed = Duration::ZERO;
    while !pair.server.conn.is_closed() {
        let due = pair.server.conn.next_timeout().unwrap().max(pair.now);
        passed += due - pair.now;
        pair.now = due;
        pair.server.conn.handle_timeout(due);
        pair.server.collect();
    }
    assert_eq!(closed(pair.server.take_events()), CloseReason::Drained);
    assert_eq!(passed, Limits::default().linger);
}

#[test]
fn a_client_that_leaves_closes_when_its_last_call_is_over() {
    let mut pair = Pair::new();
    let stream = pair.open(None, true);
    pair.client.conn.go_away("no longer needed");
    pair.exchange();
    assert!(pair.client.take_events().is_empty());
    let events = pair.server.take_events();
    assert!(
        matches!(events[..], [Event::Request { .. }, Event::GoAway { .. }]),
        "{events:?}"
    );
    pair.server.conn.finish(stream, reply(b""));
    pair.exchange();
    assert!(matches!(
        pair.client.take_events()[..],
        [Event::Ended { .. }, Event::Closed(CloseReason::Drained)]
    ));
    assert_eq!(closed(pair.server.take_events()), CloseReason::Drained);
}

#[test]
fn a_lost_connection_tells_which_calls_may_have_run() {
    let mut pair = Pair::new();
    let sent = pair.open(None, true);
    pair.client.transmit();
    let unsent = pair.open(None, true);
    pair.client.conn.lost("connection reset");
    let events = pair.client.take_events();
    let [
        Event::Ended {
            stream: a,
            outcome: Err(first),
        },
        Event::Ended {
            stream: b,
            outcome: Err(second),
        },
        Event::Closed(_),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*a, first.progress()), (sent, Progress::MaybeRun));
    assert_eq!((*b, second.progress()), (unsent, Progress::NotStarted));
    assert_eq!(first.message(), "connection lost: connection reset");
    assert!(pair.client.conn.next_timeout().is_none());
    assert_eq!(pair.client.conn.active(), 0);
}

#[test]
fn a_call_that_the_transport_has_not_taken_has_not_left() {
    let mut pair = Pair::new();
    let taken = pair.open(None, true);
    pair.exchange();
    pair.client.take_events();
    let mut out = Outbox::new();
    let partly = pair.open(None, true);
    pair.client.conn.transmit(&mut out, usize::MAX);
    // The transport takes some of it, and then no more: not of what follows, with an answer to a PING before it.
    out.advance(10);
    let mut ping = BytesMut::new();
    Frame::Ping(1).put(&mut ping);
    pair.client.receive(&ping, pair.now);
    let waiting = pair.open(None, true);
    pair.client.conn.transmit(&mut out, usize::MAX);
    pair.client.conn.unsent(out.remaining());
    pair.client.conn.lost("reset");
    let mut progress: Vec<_> = pair
        .client
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Ended { stream, outcome } => Some((stream, outcome.unwrap_err().progress())),
            _ => None,
        })
        .collect();
    progress.sort_by_key(|(stream, _)| *stream);
    assert_eq!(
        progress,
        [
            (taken, Progress::MaybeRun),
            (partly, Progress::MaybeRun),
            (waiting, Progress::NotStarted)
        ]
    );
}

#[test]
fn closing_tells_the_peer_why() {
    let mut pair = Pair::new();
    pair.open(None, true);
    pair.exchange();
    pair.server.take_events();
    pair.server.conn.close("too old");
    pair.exchange();
    let events = pair.server.take_events();
    assert!(matches!(
        events[..],
        [
            Event::Cancelled { .. },
            Event::Closed(CloseReason::Local(_))
        ]
    ));
    let events = pair.client.take_events();
    let [
        Event::Ended {
            outcome: Err(status),
            ..
        },
        Event::Closed(_),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(status.message(), "connection closed by the peer: too old");
    assert_eq!(status.progress(), Progress::MaybeRun);
}

#[test]
fn stream_numbers_are_never_used_twice() {
    let mut pair = Pair::new();
    pair.client.conn.highest = u32::MAX - 1;
    assert!(!pair.client.conn.is_leaving());
    let stream = pair.open(None, true);
    assert_eq!(stream.number(), u32::MAX);
    assert!(pair.client.conn.is_leaving());
    let route = route();
    assert!(matches!(
        pair.client.open(&call(&route, &NO_METADATA), pair.now),
        Err(OpenError::Gone)
    ));
    pair.exchange();
    assert_eq!(request(pair.server.take_events()).0, stream);
}

#[test]
fn callers_number_their_calls_in_rising_order_with_gaps() {
    let mut pair = Pair::new();
    let route = route();
    let call = call(&route, &NO_METADATA);
    for (number, opens) in [(0, false), (3, true), (3, false), (2, false), (9, true)] {
        let opened = pair
            .client
            .conn
            .open(StreamId::new(number), &call, pair.now);
        assert_eq!(opened.is_ok(), opens, "{number}: {opened:?}");
        assert!(matches!(opened, Ok(()) | Err(OpenError::Gone)));
    }
    assert_eq!(pair.client.conn.next_stream(), StreamId(10));
    pair.exchange();
    assert_eq!(pair.server.conn.active(), 2);
    for number in [3, 9] {
        assert!(pair.server.conn.finish(StreamId(number), reply(b"")));
    }
    pair.exchange();
    assert_eq!(pair.client.conn.active(), 0);
    assert!(!pair.client.conn.is_closed() && !pair.server.conn.is_closed());
}
