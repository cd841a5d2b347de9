//! Windows, turns and budgets: nobody waits for ever, nobody holds more than was agreed.

use super::*;
use crate::wire::frame::Header;
use crate::wire::{FRAGMENT, FrameKind, WHOLE, cost, frame_cost};

fn big(size: usize) -> Bytes {
    Bytes::from(vec![1; size])
}

#[test]
fn a_small_call_passes_a_big_one() {
    let mut pair = Pair::new();
    let large = pair.open(Some(&big(4 << 20)), true);
    let mut out = Outbox::new();
    pair.client.conn.transmit(&mut out, 1);
    let small = pair.open(Some(&Bytes::from_static(b"small")), true);
    pair.client.conn.transmit(&mut out, 1);
    // What stands before the small call is one fragment of the large one.
    assert!(out.len() < 2 * FRAGMENT);
    pair.server
        .receive(&out.copy_to_bytes(out.remaining()), pair.now);
    let events = pair.server.take_events();
    assert!(
        matches!(events[..], [Event::Request { stream: a, .. }, Event::Request { stream: b, .. }]
            if (a, b) == (large, small)),
        "{events:?}"
    );
}

#[test]
fn streams_write_in_turn() {
    let mut pair = Pair::new();
    let streams: Vec<StreamId> = (0..3)
        .map(|_| pair.open(Some(&big(WHOLE + 1)), true))
        .collect();
    let bytes = pair.client.transmit();
    let mut order = Vec::new();
    let mut at = 0;
    while let Ok(Some(span)) = Header::span(&bytes[at..], 1 << 20) {
        let (header, _) = Header::split(&bytes[at..at + span]).unwrap();
        at += span;
        if header.kind == 2 {
            order.push(header.stream);
        }
    }
    let once: Vec<u32> = streams.iter().map(|stream| stream.number()).collect();
    // Two fragments fit into a window; what is behind them waits for CREDIT.
    assert_eq!(order, once.repeat(2));
    pair.server.receive(&bytes, pair.now);
    pair.exchange();
    assert_eq!(pair.server.take_events().len(), 6);
}

#[test]
fn a_slow_consumer_stops_its_sender_and_nobody_else() {
    let mut pair = Pair::new();
    let stream = pair.open(None, true);
    pair.exchange();
    pair.server.take_events();
    let mut sent = 0;
    while pair.server.conn.send(stream, big(1000)).is_ok() {
        sent += 1;
        pair.exchange();
    }
    let received = pair.client.take_events().len();
    assert_eq!(received, (64 << 10) / frame_cost(1000));
    assert_eq!(pair.client.conn.buffered(), received * frame_cost(1000));
    assert!(sent * 1000 <= (64 << 10) + (256 << 10));
    let other = pair.open(Some(&big(100)), true);
    pair.exchange();
    pair.server.conn.finish(other, reply(b"quick"));
    pair.exchange();
    assert_eq!(ended(pair.client.take_events()).0, other);
    let mut writable = 0;
    let mut consumed = 0;
    let mut waiting = received;
    while waiting > 0 {
        for _ in 0..waiting {
            pair.client.conn.consumed(stream, 1000);
        }
        consumed += waiting;
        pair.exchange();
        waiting = pair.client.take_events().len();
        writable += pair
            .server
            .take_events()
            .iter()
            .filter(|event| matches!(event, Event::Writable { .. }))
            .count();
    }
    assert_eq!((consumed, writable), (sent, 1));
    assert_eq!(pair.client.conn.buffered() + pair.server.conn.buffered(), 0);
}

#[test]
fn slow_streams_leave_room_for_unary_calls() {
    let mut pair = Pair::new();
    let streams: Vec<StreamId> = (0..40).map(|_| pair.open(None, true)).collect();
    pair.exchange();
    for stream in &streams {
        while pair.server.conn.send(*stream, big(10_000)).is_ok() {}
    }
    pair.exchange();
    pair.client.take_events();
    assert!(pair.client.conn.buffered() <= (2 << 20) / 4 * 3);
    let unary = pair.open(None, true);
    pair.exchange();
    pair.server.conn.finish(unary, reply(&big(FRAGMENT)));
    pair.exchange();
    assert_eq!(ended(pair.client.take_events()).0, unary);
}

#[test]
fn large_messages_in_a_row_wait_for_their_consumer_and_get_all_credit_back() {
    let mut pair = Pair::with(
        config(|limits| limits.stream_queue = 1 << 20),
        config(|_| {}),
    );
    let stream = pair.open(None, false);
    // The small ones come whole while the message before them waits.
    let sizes = [200_000, 50_000, 200_000, 50_000, 50_000];
    for size in sizes {
        pair.client.conn.send(stream, big(size)).unwrap();
    }
    pair.exchange();
    assert_eq!(
        pair.server.take_events().len(),
        3,
        "the request and two messages"
    );
    for size in sizes {
        // One large message waits, and no more than a window, at its widest, of what follows has come.
        assert!(pair.server.conn.buffered() <= 200_000 + 10 + (256 << 10));
        pair.server.conn.consumed(stream, size);
        pair.exchange();
    }
    assert_eq!(pair.server.take_events().len(), 3);
    let state = pair.server.conn.streams.get(stream.number()).unwrap();
    assert_eq!((state.window.held(), state.held, state.waiting), (0, 0, 0));
    assert!(state.large.is_none());
    assert_eq!(pair.server.conn.buffered(), 0);
    let credit = pair
        .client
        .conn
        .streams
        .get(stream.number())
        .unwrap()
        .send_credit;
    assert_eq!(credit as usize, state.window.open());
}

#[test]
fn many_large_messages_share_the_budget_and_all_pass() {
    let budget = 6 << 20;
    let mut pair = Pair::with(config(|_| {}), config(|limits| limits.reassembly = budget));
    let size = 1 << 20;
    let streams: Vec<StreamId> = (0..24).map(|_| pair.open(Some(&big(size)), true)).collect();
    let mut done = 0;
    let mut most = 0;
    while done < streams.len() {
        pair.exchange();
        most = most.max(pair.server.conn.buffered());
        let before = done;
        for event in pair.server.take_events() {
            match event {
                Event::Message { stream, body, .. } => {
                    pair.server.conn.consumed(stream, body.len());
                    done += 1;
                }
                Event::Request { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(done > before, "stuck after {done}");
    }
    pair.exchange();
    assert!(most <= budget + (1 << 20), "{most}");
    assert_eq!(pair.server.conn.buffered(), 0);
}

#[test]
fn beyond_the_budget_a_large_message_is_refused_by_name() {
    let mut pair = Pair::with(config(|_| {}), config(|limits| limits.reassembly = 1 << 20));
    let streams: Vec<StreamId> = (0..64)
        .map(|_| pair.open(Some(&big(1 << 20)), true))
        .collect();
    let mut refused = 0;
    for _ in 0..streams.len() {
        pair.exchange();
        for event in pair.server.take_events() {
            if let Event::Message { stream, body, .. } = event {
                pair.server.conn.consumed(stream, body.len());
                pair.server.conn.finish(stream, reply(b"ok"));
            }
        }
        assert!(pair.server.conn.buffered() <= 3 << 20);
        for event in pair.client.take_events() {
            if let Event::Ended {
                outcome: Err(status),
                ..
            } = event
            {
                assert!(status.message().contains("Limits::reassembly"), "{status}");
                assert!(status.is_overloaded() && status.is_retryable());
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && refused < streams.len(), "{refused}");
    assert_eq!(pair.client.conn.active(), 0);
}

#[test]
fn a_message_that_is_not_continued_ends_its_call_and_frees_the_budget() {
    let mut pair = Pair::new();
    let stream = pair.open(Some(&big(1 << 20)), true);
    let bytes = pair.client.transmit();
    pair.server.receive(&bytes, pair.now);
    pair.server.take_events();
    assert!(pair.server.conn.buffered() >= FRAGMENT);
    let due = pair.server.conn.next_timeout();
    assert!(due.is_some());
    for _ in 0..20 {
        pair.now += Duration::from_secs(2);
        // The peer lives, it only does not go on with its message.
        pair.server.receive(&ping(), pair.now);
        pair.server.conn.handle_timeout(pair.now);
    }
    let events = pair.server.take_events();
    assert!(
        matches!(events[..], [Event::Cancelled { stream: cancelled, reason: CancelReason::Limit }] if cancelled == stream),
        "{events:?}"
    );
    pair.server.transmit();
    assert_eq!(pair.server.conn.buffered(), 0);
    assert!(!pair.server.conn.is_closed());
}

#[test]
fn a_window_of_zero_for_ever_ends_with_the_deadline() {
    let mut pair = Pair::new();
    let route = route();
    let deadline = Some(pair.now + Duration::from_secs(3));
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
    let up = pair.client.transmit();
    pair.server.receive(&up, pair.now);
    pair.server.take_events();
    pair.server.conn.finish(stream, reply(&big(1 << 20)));
    pair.server.transmit();
    assert_eq!(pair.server.conn.active(), 1);
    assert!(pair.server.conn.buffered() > 0);
    pair.now += Duration::from_secs(3);
    pair.server.conn.handle_timeout(pair.now);
    assert!(pair.server.take_events().is_empty());
    pair.server.transmit();
    assert_eq!(
        (pair.server.conn.active(), pair.server.conn.buffered()),
        (0, 0)
    );
}

#[test]
fn a_full_connection_says_so_and_says_when_it_is_not() {
    let mut pair = Pair::with(config(|_| {}), config(|limits| limits.streams = 2));
    let first = pair.open(None, true);
    pair.open(None, true);
    let route = route();
    assert!(matches!(
        pair.client.open(&call(&route, &NO_METADATA), pair.now),
        Err(OpenError::Full)
    ));
    pair.exchange();
    assert!(pair.client.take_events().is_empty());
    pair.server.conn.finish(first, reply(b""));
    pair.exchange();
    let events = pair.client.take_events();
    assert!(
        matches!(events[..], [Event::Openable, Event::Ended { .. }]),
        "{events:?}"
    );
    pair.open(None, true);
    assert_eq!(pair.server.conn.stats().refused, 0);
}

fn ping() -> BytesMut {
    let mut bytes = BytesMut::new();
    Frame::Ping(1).put(&mut bytes);
    bytes
}

#[test]
fn messages_without_bytes_fill_a_queue_too() {
    let mut pair = Pair::new();
    let stream = pair.open(None, true);
    pair.exchange();
    let mut sent = 0;
    while pair.server.conn.send(stream, Bytes::new()).is_ok() {
        sent += 1;
        assert!(sent < 100_000, "there is no end to it");
        if sent % 1000 == 0 {
            pair.exchange();
        }
    }
    // The client takes nothing out, so that its window stays full.
    assert!(pair.server.conn.buffered() <= 256 << 10);
    pair.client.conn.cancel(stream, CancelReason::Caller);
    pair.exchange();
    assert_eq!(pair.server.conn.buffered(), 0);
}

#[test]
fn many_streams_share_one_bound_and_all_go_on() {
    let mut pair = Pair::new();
    let streams: Vec<StreamId> = (0..200).map(|_| pair.open(None, true)).collect();
    pair.exchange();
    let mut sent = 0;
    for stream in &streams {
        while pair.server.conn.send(*stream, big(1000)).is_ok() {
            sent += 1;
        }
    }
    pair.exchange();
    assert!(pair.server.conn.buffered() <= (4 << 20) + (1 << 20));
    let mut received = 0;
    loop {
        pair.exchange();
        let events = pair.client.take_events();
        if events.is_empty() {
            break;
        }
        for event in events {
            if let Event::Message { stream, body, .. } = event {
                received += 1;
                pair.client.conn.consumed(stream, body.len());
            }
        }
    }
    assert_eq!(received, sent);
    let writable: std::collections::HashSet<_> = pair
        .server
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Writable { stream } => Some(stream),
            _ => None,
        })
        .collect();
    assert_eq!(writable.len(), streams.len());
}

/// The kinds of the frames in `bytes`, and the streams that they are of.
fn frames(bytes: &[u8]) -> Vec<(u8, u32)> {
    let mut rest = bytes;
    let mut frames = Vec::new();
    while let Ok(Some(span)) = Header::span(rest, 1 << 20) {
        let (header, _) = Header::split(&rest[..span]).unwrap();
        frames.push((header.kind, header.stream));
        rest = &rest[span..];
    }
    frames
}

#[test]
fn a_call_with_64_kib_each_way_is_one_frame_each_way_and_leaves_no_debt() {
    let mut pair = Pair::new();
    for round in 0..100 {
        let stream = pair.open(Some(&big(64 << 10)), true);
        let up = pair.client.transmit();
        assert_eq!(frames(&up)[0], (1, stream.number()), "round {round}");
        pair.server.receive(&up, pair.now);
        assert_eq!(pair.server.take_events().len(), 1);
        pair.server.conn.finish(stream, reply(&big(64 << 10)));
        let down = pair.server.transmit();
        let ends: Vec<(u8, u32)> = frames(&down)
            .into_iter()
            .filter(|(kind, _)| *kind != 5)
            .collect();
        assert_eq!(ends, [(3, stream.number())]);
        pair.client.receive(&down, pair.now);
        assert!(ended(pair.client.take_events()).1.is_ok());
        pair.exchange();
    }
    assert_eq!(pair.client.conn.buffered() + pair.server.conn.buffered(), 0);
}

#[test]
fn a_large_message_that_came_whole_holds_credit_and_budget_until_it_is_consumed() {
    let mut pair = Pair::with(
        config(|_| {}),
        config(|limits| limits.reassembly = 256 << 10),
    );
    // Half of the budget is for two; the rest is held in the connection's window.
    let calls: Vec<StreamId> = (0..4)
        .map(|_| pair.open(Some(&big(64 << 10)), true))
        .collect();
    pair.exchange();
    assert_eq!(pair.server.take_events().len(), 4);
    assert_eq!(pair.server.conn.buffered(), 256 << 10);
    for (index, call) in calls.into_iter().enumerate() {
        pair.server.conn.consumed(call, 64 << 10);
        pair.exchange();
        assert_eq!(pair.server.conn.buffered(), (3 - index) * (64 << 10));
        pair.server.conn.consumed(call, 64 << 10);
        pair.server.conn.finish(call, reply(b""));
    }
    pair.exchange();
    assert_eq!(pair.server.conn.buffered(), 0);
}

#[test]
fn large_calls_beyond_the_window_take_their_turn_and_none_starves() {
    let mut pair = Pair::with(
        config(|limits| limits.send_buffer = 8 << 20),
        config(|_| {}),
    );
    let first: Vec<StreamId> = (0..40)
        .map(|_| pair.open(Some(&big(64 << 10)), true))
        .collect();
    let up = pair.client.transmit();
    // A call that comes later does not overtake those that wait for credit, however small the credit.
    let late = pair.open(Some(&big(64 << 10)), true);
    pair.server.receive(&up, pair.now);
    let mut done = Vec::new();
    for _ in 0..100 {
        for event in pair.server.take_events() {
            match event {
                Event::Request { request, .. } if request.body.is_none() => {}
                Event::Request { stream, .. } | Event::Message { stream, .. } => {
                    pair.server.conn.finish(stream, reply(b""));
                    done.push(stream);
                }
                event => panic!("{event:?}"),
            }
        }
        let (up, down) = (pair.client.transmit(), pair.server.transmit());
        pair.server.receive(&up, pair.now);
        pair.client.receive(&down, pair.now);
    }
    assert_eq!(done.len(), first.len() + 1);
    assert_eq!(done.last(), Some(&late));
    assert_eq!(done[..first.len()], first);
}

#[test]
fn whole_and_cut_messages_of_one_stream_are_accounted_alike() {
    let stream_window = config(|limits| limits.stream_window = 1 << 20);
    let mut pair = Pair::with(stream_window.clone(), stream_window);
    let stream = pair.open(None, false);
    let sizes = [
        100_000,
        FRAGMENT,
        300_000,
        5,
        FRAGMENT + 1,
        64 << 10,
        200_000,
        0,
        90_000,
    ];
    for size in sizes {
        // Those that wait to be taken hold what they cost, whichever way they came.
        while pair.client.conn.send(stream, big(size)).is_err() {
            pair.exchange();
        }
    }
    pair.exchange();
    let bodies: Vec<usize> = pair
        .server
        .take_events()
        .iter()
        .filter_map(|event| match event {
            Event::Message { body, .. } => Some(body.len()),
            _ => None,
        })
        .collect();
    assert_eq!(bodies, sizes);
    let cost: usize = sizes.iter().map(|size| crate::wire::cost(*size)).sum();
    assert_eq!(pair.server.conn.buffered(), cost);
    for size in sizes {
        pair.server.conn.consumed(stream, size);
    }
    pair.exchange();
    assert_eq!(pair.server.conn.buffered() + pair.client.conn.buffered(), 0);
}

#[test]
fn a_message_that_lacked_credit_goes_whole_when_credit_comes() {
    let mut pair = Pair::with(Config::default(), Config::default());
    // With a few bytes around them, as 64 KiB in a field have.
    let length = (64 << 10) + 5;
    let fit = pair.client.conn.send_credit / cost(length) as u64;
    let mut opens = Vec::new();
    for _ in 0..fit {
        pair.open(Some(&big(length)), true);
        opens.extend_from_slice(&pair.client.transmit());
    }
    let late = [(); 2].map(|()| pair.open(Some(&big(length)), true).number());
    opens.extend_from_slice(&pair.client.transmit());
    assert_eq!(frames(&opens).len() as u64, fit + 2);
    pair.server.receive(&opens, pair.now);
    let credit = pair.server.transmit();
    pair.client.receive(&credit, pair.now);
    let data = frames(&pair.client.transmit());
    assert_eq!(data, late.map(|number| (FrameKind::Data as u8, number)));
}
