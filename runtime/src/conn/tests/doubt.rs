//! A client's doubts about a server that is silent while calls are open.

use super::*;

const PROMPT: Duration = Duration::from_millis(300);

/// Moves the clock to the client's next timeout; how long that was.
fn client_waits(pair: &mut Pair) -> Duration {
    let due = pair.client.conn.next_timeout().unwrap();
    let passed = due.saturating_duration_since(pair.now);
    pair.now += passed;
    pair.client.conn.handle_timeout(pair.now);
    passed
}

/// The PINGs among what the client has to say.
fn pings(pair: &mut Pair) -> usize {
    pair.client.transmit().len() / 18
}

#[test]
fn a_server_that_is_silent_while_a_call_waits_is_asked_and_then_suspected() {
    let mut pair = Pair::new();
    pair.pass(Duration::from_secs(10));
    pair.open(None, true);
    pair.exchange();
    assert_eq!(client_waits(&mut pair), PROMPT);
    assert_eq!(pings(&mut pair), 1);
    assert!(pair.client.take_events().is_empty(), "it may answer yet");
    assert_eq!(client_waits(&mut pair), PROMPT);
    assert!(matches!(pair.client.take_events()[..], [Event::Silent]));
    assert_eq!(pings(&mut pair), 0);
}

#[test]
fn whoever_is_heard_of_again_is_trusted_again() {
    let mut pair = Pair::new();
    pair.open(None, true);
    let asked = pair.client.transmit();
    client_waits(&mut pair);
    let ping = pair.client.transmit();
    client_waits(&mut pair);
    assert!(matches!(pair.client.take_events()[..], [Event::Silent]));
    // The server goes on.
    pair.server.receive(&asked, pair.now);
    pair.server.receive(&ping, pair.now);
    pair.exchange();
    assert!(matches!(pair.client.take_events()[..], [Event::Heard]));
    assert!(!pair.client.conn.is_closed());
}

#[test]
fn a_server_that_works_long_and_answers_pings_is_asked_ever_less_and_never_suspected() {
    let mut pair = Pair::new();
    pair.open(None, true);
    pair.exchange();
    let mut waits = Vec::new();
    for _ in 0..5 {
        waits.push(client_waits(&mut pair).as_millis());
        pair.exchange();
    }
    assert_eq!(waits, [300, 600, 1_200, 1_500, 1_500]);
    assert!(pair.client.take_events().is_empty());
    // Nor has the server ever had to ask.
    pair.server.conn.handle_timeout(pair.now);
    assert!(pair.server.transmit().is_empty());
}

#[test]
fn an_answer_by_itself_makes_a_client_impatient_again() {
    let mut pair = Pair::new();
    let first = pair.open(None, true);
    pair.exchange();
    for _ in 0..4 {
        client_waits(&mut pair);
        pair.exchange();
    }
    pair.open(None, true);
    pair.exchange();
    pair.server.conn.finish(first, reply(b"done"));
    pair.exchange();
    assert_eq!(client_waits(&mut pair), PROMPT);
}

#[test]
fn a_client_without_calls_suspects_nobody_and_a_server_never_does() {
    let mut pair = Pair::new();
    pair.pass(Duration::from_secs(14));
    assert_eq!(pings(&mut pair), 0);
    pair.open(None, true);
    pair.exchange();
    pair.server.take_events();
    // The client is gone without a word.
    for _ in 0..30 {
        pair.now += Duration::from_millis(100);
        pair.server.conn.handle_timeout(pair.now);
    }
    assert!(pair.server.take_events().is_empty());
}

#[test]
fn a_client_that_was_stopped_itself_suspects_nobody_for_it() {
    let mut pair = Pair::new();
    pair.open(None, true);
    pair.exchange();
    pair.now += Duration::from_secs(3600);
    pair.client.conn.handle_timeout(pair.now);
    pair.exchange();
    assert!(pair.client.take_events().is_empty());
}

#[test]
fn a_deadline_that_passes_while_the_server_is_silent_says_so() {
    let mut pair = Pair::new();
    let route = route();
    let call = Call {
        deadline: Some(pair.now + Duration::from_secs(1)),
        ..call(&route, &NO_METADATA)
    };
    pair.client.open(&call, pair.now).unwrap();
    while pair.client.conn.active() > 0 {
        client_waits(&mut pair);
    }
    let events = pair.client.take_events();
    let [
        Event::Silent,
        Event::Ended {
            outcome: Err(status),
            ..
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert!(status.message().ends_with("no sign of life"), "{status}");
}
