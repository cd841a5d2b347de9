//! Peers that ask for more than their share: each flood has a bound, and the bound has a name.

use super::hostile::{Victim, data, open, raw};
use super::*;
use crate::status::{Code, Progress};
use crate::wire::frame::{BODY, HEADER, LAST, MORE};
use crate::wire::{FRAGMENT, MAX_ROUTES};

#[test]
fn streams_beyond_the_cap_are_refused_and_the_connection_lives() {
    let mut victim = Victim::new();
    let cap = Limits::default().streams as u32;
    for stream in 1..=20_000 {
        victim.feed(&open(stream, 0, &[0]));
        if stream > cap {
            assert_eq!(
                victim.answers(),
                [(3, 0x09, stream)],
                "NOT_STARTED and OVERLOADED"
            );
        }
    }
    assert_eq!(victim.side.conn.active(), cap as usize);
    assert_eq!(victim.side.take_events().len(), cap as usize);
    assert_eq!(victim.side.conn.stats().refused, u64::from(20_000 - cap));
    assert_eq!(victim.side.conn.buffered(), 0);
}

#[test]
fn a_peer_that_does_not_read_its_refusals_is_let_go() {
    let mut victim = Victim::new();
    for stream in 1..=20_000 {
        victim.feed(&open(stream, 0, &[0]));
        assert!(victim.side.conn.buffered() <= 80 << 10);
    }
    let reason = closed(victim.side.take_events());
    assert!(
        matches!(reason, CloseReason::Fault(Fault::NotReading { .. })),
        "{reason}"
    );
}

#[test]
fn a_flood_of_cancels_is_stopped() {
    let mut victim = Victim::new();
    let mut stream = 0;
    while !victim.side.conn.is_closed() {
        stream += 1;
        victim.feed(&open(stream, LAST, &[0]));
        victim.feed(&raw(4, 0, stream, &[0]));
        assert!(victim.side.conn.active() <= 1);
    }
    assert_eq!(stream, Limits::default().cancels + 1);
    assert_eq!(
        victim.fault(),
        Fault::Flood {
            what: "cancelled calls",
            limit: "cancels"
        }
    );
}

#[test]
fn callers_whose_deadlines_pass_all_at_once_are_no_flood() {
    let mut victim = Victim::new();
    let mut stream = 0;
    for _ in 0..20 {
        for _ in 0..Limits::default().streams {
            stream += 1;
            victim.feed(&open(stream, LAST, &[0]));
        }
        victim.now += Duration::from_millis(10);
        for open in 0..Limits::default().streams as u32 {
            victim.feed(&raw(4, 0, stream - open, &[1]));
        }
        assert_eq!(victim.side.conn.active(), 0);
    }
    assert!(!victim.side.conn.is_closed());
}

#[test]
fn cancels_among_answered_calls_are_no_flood() {
    let mut pair = Pair::new();
    for round in 0..10_000 {
        let stream = pair.open(None, true);
        pair.exchange();
        if round % 2 == 0 {
            pair.client.conn.cancel(stream, CancelReason::Caller);
        } else {
            pair.server.conn.finish(stream, reply(b""));
        }
        pair.exchange();
        pair.client.take_events();
        pair.server.take_events();
    }
    assert!(!pair.server.conn.is_closed());
}

#[test]
fn floods_of_pings_credits_and_late_frames_are_stopped() {
    let streaming = open(1, 0, &[0]);
    for (frame, bound, what) in [
        (raw(6, 0, 0, &[0; 8]), 21, "PINGs"),
        (raw(5, 0, 0, &[1]), 1025, "CREDITs"),
        (raw(7, 0, 0, &[0; 8]), 10_001, "frames to be ignored"),
        (raw(5, 0, 5, &[1]), 1025, "CREDITs"),
        (raw(4, 0, 5, &[0]), 10_001, "frames to be ignored"),
        (raw(8, 0, 0, &[0, 0, 0]), 10_001, "frames to be ignored"),
    ] {
        let mut victim = Victim::new();
        victim.feed(&streaming);
        let mut sent = 0;
        while !victim.side.conn.is_closed() {
            victim.feed(&frame);
            victim.side.conn.next_event();
            sent += 1;
            assert!(victim.side.conn.buffered() < 1024);
        }
        assert_eq!(sent, bound, "{what}");
        assert!(matches!(victim.fault(), Fault::Flood { what: named, .. } if named == what));
    }
}

#[test]
fn empty_messages_use_up_the_window_and_then_close() {
    let mut victim = Victim::new();
    victim.feed(&open(1, 0, &[0]));
    let mut sent = 0;
    while !victim.side.conn.is_closed() {
        victim.feed(&data(0, 1, 0));
        sent += 1;
    }
    assert_eq!(sent, (64 << 10) / HEADER + 1);
    assert_eq!(
        victim.fault(),
        Fault::WindowExceeded {
            stream: 1,
            excess: 4
        }
    );
}

#[test]
fn the_connections_window_binds_all_streams_together() {
    let mut victim = Victim::new();
    let mut stream = 0;
    while !victim.side.conn.is_closed() {
        stream += 1;
        let mut body = vec![0];
        body.resize(1 + FRAGMENT, 7);
        victim.feed(&open(stream, LAST | BODY, &body));
        assert!(victim.side.conn.buffered() <= 2 << 20);
    }
    assert!(matches!(
        victim.fault(),
        Fault::WindowExceeded { stream: 0, .. }
    ));
}

#[test]
fn a_message_over_the_limit_ends_its_call_only() {
    let mut victim = Victim::with(config(|limits| limits.message = 100_000));
    victim.feed(&open(1, 0, &[0]));
    for _ in 0..3 {
        victim.feed(&data(MORE, 1, FRAGMENT));
        victim.side.transmit();
    }
    assert_eq!(victim.side.conn.active(), 1);
    victim.feed(&data(MORE, 1, FRAGMENT));
    assert_eq!(victim.side.conn.active(), 0);
    let sent = victim.side.transmit();
    let text = "message of 131072 bytes or more is over the limit of 100000 (see Limits::message)";
    assert!(String::from_utf8_lossy(&sent).contains(text), "{sent:?}");
    victim.feed(&open(2, 0, &[0]));
    assert!(victim.side.conn.active() == 1 && victim.side.conn.buffered() == 0);
    // A client refuses a reply in the same way.
    let mut pair = Pair::with(config(|limits| limits.message = 70_000), config(|_| {}));
    let stream = pair.open(None, true);
    pair.exchange();
    pair.server.conn.finish(
        stream,
        Ok(Reply {
            body: Some(vec![0; 80_000].into()),
            ..Reply::default()
        }),
    );
    pair.exchange();
    let status = ended(pair.client.take_events()).1.unwrap_err();
    assert_eq!(
        (status.code(), status.progress()),
        (Code::ResourceExhausted, Progress::MaybeRun)
    );
    pair.exchange();
    assert_eq!(pair.client.conn.active() + pair.server.conn.active(), 0);
    assert_eq!(pair.client.conn.buffered() + pair.server.conn.buffered(), 0);
}

#[test]
fn the_route_table_is_bounded() {
    let mut victim = Victim::new();
    for stream in 1..=MAX_ROUTES as u32 + 1 {
        assert!(!victim.side.conn.is_closed());
        victim.feed(&raw(1, LAST, stream, &[1, 1, b'm', 0, 0, 0, 0]));
        victim.feed(&raw(4, 0, stream, &[0]));
        victim.now += Duration::from_millis(10);
    }
    assert_eq!(victim.fault(), Fault::RouteTableFull);
}
