//! Messages that travel side by side: told, written and given back together, and yet one by one where it matters.

use super::*;
use crate::wire::frame::{HEADER, Header};
use crate::wire::{FRAGMENT, FrameKind, Run, RunWriter};

fn run(stream: StreamId, lengths: &[usize]) -> Run {
    let mut writer = RunWriter::default();
    for length in lengths {
        writer.put(stream.number(), |out| out.resize(out.len() + length, 1));
    }
    writer.finish()
}

/// A call whose replies are a stream.
fn replies(pair: &mut Pair) -> StreamId {
    let stream = pair.open(None, true);
    pair.exchange();
    pair.server.take_events();
    stream
}

/// Carries what the server has to the client, which hears of it only then.
fn deliver(pair: &mut Pair) -> Vec<Event> {
    let bytes = pair.server.transmit();
    pair.client.input.extend_from_slice(&bytes);
    pair.client.conn.receive(&mut pair.client.input, pair.now);
    std::iter::from_fn(|| pair.client.conn.next_event()).collect()
}

/// The messages of each event.
fn sizes(events: &[Event]) -> Vec<usize> {
    let size = |event: &Event| match event {
        Event::Run { run, .. } => run.messages(),
        Event::Message { .. } => 1,
        other => panic!("{other:?}"),
    };
    events.iter().map(size).collect()
}

/// Gives everything in `events` back.
fn consume(side: &mut Side, events: &[Event]) {
    for event in events {
        match event {
            Event::Run { stream, run } => {
                side.conn.consumed_run(*stream, run.messages(), run.cost());
            }
            Event::Message { stream, body, .. } => side.conn.consumed(*stream, body.len()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn messages_that_come_together_are_told_together_and_given_back_in_parts() {
    let mut pair = Pair::new();
    let stream = replies(&mut pair);
    let lengths = vec![100; 50];
    pair.server
        .conn
        .send(stream, run(stream, &lengths))
        .unwrap();
    pair.server
        .conn
        .send(stream, run(stream, &lengths))
        .unwrap();
    let events = deliver(&mut pair);
    assert_eq!(sizes(&events), [100]);
    let cost = 100 * (100 + HEADER);
    assert_eq!(pair.client.conn.buffered(), cost);
    pair.client
        .conn
        .consumed_run(stream, 30, 30 * (100 + HEADER));
    pair.client
        .conn
        .consumed_run(stream, 70, 70 * (100 + HEADER));
    assert_eq!(pair.client.conn.buffered(), 0);
    let state = pair.client.conn.streams.get(stream.number()).unwrap();
    assert_eq!((state.window.held(), state.held, state.waiting), (0, 0, 0));
    // Once more than it had is not given back.
    pair.client.conn.consumed_run(stream, 1, 100 + HEADER);
    assert_eq!(pair.client.conn.window.held(), 0);
}

#[test]
fn runs_and_fragments_keep_their_order() {
    let mut pair = Pair::new();
    let stream = replies(&mut pair);
    let conn = &mut pair.server.conn;
    conn.send(stream, run(stream, &[10, 20])).unwrap();
    conn.send(stream, Bytes::from(vec![2; FRAGMENT + 5]))
        .unwrap();
    conn.send(stream, run(stream, &[30])).unwrap();
    conn.send(stream, Bytes::from(vec![2; FRAGMENT])).unwrap();
    let events = deliver(&mut pair);
    let lengths: Vec<Vec<usize>> = events
        .iter()
        .map(|event| match event {
            Event::Run { run, .. } => {
                let mut run = run.clone();
                std::iter::from_fn(|| run.pop().map(|body| body.len())).collect()
            }
            Event::Message { body, .. } => vec![body.len()],
            other => panic!("{other:?}"),
        })
        .collect();
    // The window ends inside the last message, of which a full fragment is left.
    assert_eq!(lengths, [vec![10, 20], vec![FRAGMENT + 5], vec![30]]);
    consume(&mut pair.client, &events);
    pair.exchange();
    assert_eq!(pair.client.take_events().len(), 1);
}

#[test]
fn runs_beyond_the_window_wait_in_parts_and_all_arrive() {
    let mut pair = Pair::new();
    let stream = replies(&mut pair);
    let lengths = vec![3000; 10];
    let mut sent = 0;
    while pair.server.conn.send(stream, run(stream, &lengths)).is_ok() {
        sent += lengths.len();
    }
    assert!(sent * 3010 > 256 << 10);
    let mut received = 0;
    loop {
        let events = deliver(&mut pair);
        // The reader keeps up, so that the window grows, and only so far.
        assert!(pair.client.conn.buffered() <= 256 << 10);
        if events.is_empty() {
            break;
        }
        received += sizes(&events).iter().sum::<usize>();
        consume(&mut pair.client, &events);
        let credit = pair.client.transmit();
        pair.server.receive(&credit, pair.now);
    }
    assert_eq!(received, sent);
    let writable = |event: &Event| matches!(event, Event::Writable { .. });
    assert!(pair.server.take_events().iter().any(writable));
    assert_eq!(pair.server.conn.buffered() + pair.client.conn.buffered(), 0);
}

/// Lets the server send as much as the machines take; gives what the client got at once.
fn fill(pair: &mut Pair, stream: StreamId) -> Vec<Event> {
    while pair
        .server
        .conn
        .send(stream, run(stream, &[1000; 30]))
        .is_ok()
    {}
    deliver(pair)
}

fn size_of(events: &[Event]) -> usize {
    sizes(events).iter().sum::<usize>() * (1000 + HEADER)
}

#[test]
fn a_window_grows_while_its_reader_keeps_up_and_the_connection_has_room() {
    let mut pair = Pair::new();
    let stream = replies(&mut pair);
    let mut got = Vec::new();
    for _ in 0..5 {
        let events = fill(&mut pair, stream);
        got.push(size_of(&events) >> 10);
        consume(&mut pair.client, &events);
        let credit = pair.client.transmit();
        pair.server.receive(&credit, pair.now);
    }
    assert_eq!(got[..2], [63, 127]);
    // A part of a quarter may not be given back yet.
    assert!(
        got[2..].iter().all(|kib| (192..=256).contains(kib)),
        "{got:?}"
    );
    // Readers that stand still keep the window they began with, and use up what all share.
    let slow: Vec<StreamId> = (0..16).map(|_| replies(&mut pair)).collect();
    for stream in slow {
        let events = fill(&mut pair, stream);
        assert_eq!(size_of(&events) >> 10, 63);
    }
    let late = replies(&mut pair);
    for _ in 0..2 {
        let events = fill(&mut pair, late);
        assert_eq!(size_of(&events) >> 10, 63);
        consume(&mut pair.client, &events);
        let credit = pair.client.transmit();
        pair.server.receive(&credit, pair.now);
    }
}

#[test]
fn a_message_that_the_peer_does_not_take_ends_its_run() {
    let mut pair = Pair::with(config(|limits| limits.message = 1 << 10), config(|_| {}));
    let stream = replies(&mut pair);
    let refused = pair
        .server
        .conn
        .send(stream, run(stream, &[10, 20, 2000, 30]));
    assert!(
        matches!(&refused, Err(SendError::TooLarge(status)) if status.message().contains("2000")),
        "{refused:?}"
    );
    assert_eq!(sizes(&deliver(&mut pair)), [2]);
}

#[test]
fn a_large_message_inside_a_run_ends_its_call_where_the_receiver_does_not_take_it() {
    let mut pair = Pair::with(config(|limits| limits.message = 1500), config(|_| {}));
    let stream = replies(&mut pair);
    // What is announced is the next power of two.
    pair.server
        .conn
        .send(stream, run(stream, &[10, 1800, 10]))
        .unwrap();
    let events = deliver(&mut pair);
    assert!(
        matches!(
            &events[..],
            [Event::Run { run, .. }, Event::Ended { outcome: Err(status), .. }]
                if run.messages() == 1 && status.message().contains("1800")
        ),
        "{events:?}"
    );
}

#[test]
fn streams_with_many_small_messages_write_in_turn_and_let_calls_pass() {
    let mut pair = Pair::new();
    let streams = [replies(&mut pair), replies(&mut pair)];
    let lengths = vec![100; 290];
    for _ in 0..4 {
        for stream in streams {
            pair.server
                .conn
                .send(stream, run(stream, &lengths))
                .unwrap();
        }
    }
    let quick = pair.open(None, true);
    let open = pair.client.transmit();
    pair.server.receive(&open, pair.now);
    pair.server.take_events();
    let mut out = Outbox::new();
    pair.server.conn.transmit(&mut out, 1);
    pair.server.conn.finish(quick, reply(b"quick"));
    pair.server.conn.transmit(&mut out, usize::MAX);
    let bytes = out.copy_to_bytes(out.remaining());
    let (mut at, mut in_a_row, mut before, mut ended) = (0, 0, 0, None);
    while let Ok(Some(span)) = Header::span(&bytes[at..], 1 << 20)
        && let Some((header, _)) = Header::split(&bytes[at..at + span])
    {
        if header.kind == FrameKind::End as u8 {
            ended = Some(at);
        }
        in_a_row = if header.stream == before { in_a_row } else { 0 } + span;
        before = header.stream;
        assert!(in_a_row <= FRAGMENT, "{in_a_row}");
        at += span;
    }
    assert!(ended.is_some_and(|at| at <= 4 * FRAGMENT), "{ended:?}");
}

#[test]
fn a_run_beyond_the_window_is_a_fault() {
    let mut pair = Pair::new();
    let stream = replies(&mut pair);
    let lengths = vec![1000; (64 << 10) / (1000 + HEADER) + 1];
    let bytes = run(stream, &lengths).frames().clone();
    pair.client.receive(&bytes, pair.now);
    let reason = closed(pair.client.take_events());
    assert!(
        matches!(
            &reason,
            CloseReason::Fault(Fault::WindowExceeded { stream: number, .. })
                if *number == stream.number()
        ),
        "{reason:?}"
    );
}

#[test]
fn a_call_that_is_cancelled_inside_a_run_holds_nothing() {
    let mut pair = Pair::new();
    let stream = replies(&mut pair);
    let lengths = vec![100; 290];
    while pair.server.conn.send(stream, run(stream, &lengths)).is_ok() {}
    let events = deliver(&mut pair);
    assert!(pair.client.conn.buffered() > 0 && pair.server.conn.buffered() > 0);
    pair.client.conn.cancel(stream, CancelReason::Caller);
    consume(&mut pair.client, &events);
    pair.exchange();
    assert_eq!(
        (pair.client.conn.buffered(), pair.server.conn.buffered()),
        (0, 0)
    );
    // The connection's window is whole, or the next call would miss some of it.
    assert_eq!(pair.client.conn.window.held(), 0);
}

#[test]
fn small_messages_that_wait_do_not_keep_what_was_read_with_them() {
    let mut pair = Pair::new();
    let stream = replies(&mut pair);
    let mut waiting = Vec::new();
    for _ in 0..3 {
        pair.server.conn.send(stream, run(stream, &[10])).unwrap();
        waiting.extend(deliver(&mut pair));
    }
    let alone: Vec<bool> = waiting
        .iter()
        .map(|event| match event {
            Event::Run { run, .. } => run.frames().is_unique(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(alone[1..], [true, true]);
}
