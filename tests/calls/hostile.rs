//! Peers that mean harm, against a server in a process of its own: each is told why it is cut off, others are served, and
//! memory stays small.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use bytes::{Buf as _, BytesMut};
use callsheet::Metadata;
use callsheet::conn::{Config, Connection, Outbox};
use callsheet::wire::{CancelReason, Frame, OpenHead, Route, RouteRef};
use tokio::time::Instant;

use crate::keeper::{Keeper, orders};

const MIB: usize = 1 << 20;

fn connect(registry: &str) -> TcpStream {
    TcpStream::connect(registry.replacen("static:tcp://", "", 1)).unwrap()
}

/// What a client says first.
fn preface() -> BytesMut {
    let mut client = Connection::client(Config::default(), Instant::now().into_std());
    let mut out = Outbox::new();
    client.transmit(&mut out, usize::MAX);
    BytesMut::from(&out.copy_to_bytes(out.remaining())[..])
}

/// Asks for order 0, which never comes.
fn open(out: &mut BytesMut, stream: u32, metadata: &Metadata) {
    let route = Route::new("shop.orders.v1.Orders/get", "", "protobuf").unwrap();
    let head = OpenHead {
        route: RouteRef::Once(Arc::new(route)),
        attempt: 0,
        deadline: None,
        one_way: false,
        metadata,
    };
    head.put(out, stream, Some(0), true);
}

/// Everything that comes until the server hangs up, as text.
fn last_words(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // Hanging up on a peer that still writes may look like a reset.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn whoever_breaks_the_protocol_is_told_how_and_others_are_served() {
    let (mut server, registry) = Keeper::serve("a").await;
    let orders = orders(&registry).await;
    let none = Metadata::new();
    let mut twice = BytesMut::new();
    open(&mut twice, 1, &none);
    open(&mut twice, 1, &none);
    for (bytes, reason) in [
        (&[0xff; 64][..], "over the limit of 131072 (Limits::frame)"),
        (&[0, 0, 0, 3, 1, 0, 0, 0, 0, 1], "less than a header"),
        (&[0, 0, 0, 6, 9, 0, 0, 0, 0, 1], "unknown frame kind 0x09"),
        (&[0, 0, 0, 8, 3, 0, 0, 0, 0, 1, 0, 0], "may not send it"),
        (&[0, 0, 0, 7, 2, 0, 0, 0, 0, 7, 1], "never opened"),
        (&twice, "OPEN of stream 1 after stream 1"),
    ] {
        let mut peer = connect(&registry);
        peer.write_all(&preface()).unwrap();
        peer.write_all(bytes).unwrap();
        let said = last_words(&mut peer);
        assert!(said.contains(reason), "{said:?} for {reason:?}");
        server.line_with(reason).await;
        assert_eq!(orders.get(7).await.unwrap().id, 7);
    }
    // Who does not speak the protocol would not understand; the server's own people are told.
    let mut stranger = connect(&registry);
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(last_words(&mut stranger), "");
    server
        .line_with("does not speak the Callsheet protocol")
        .await;
    assert_eq!(orders.get(7).await.unwrap().id, 7);
}

#[tokio::test]
async fn a_crowd_that_says_nothing_is_sent_away_and_costs_little() {
    let (server, registry) = Keeper::serve("a").await;
    let orders = orders(&registry).await;
    orders.get(7).await.unwrap();
    let before = server.memory();
    let mut crowd: Vec<_> = (0..500).map(|_| connect(&registry)).collect();
    crowd[0].write_all(&preface()[..5]).unwrap();
    assert_eq!(orders.get(7).await.unwrap().id, 7);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes more");
    for one in &mut crowd {
        assert_eq!(last_words(one), "");
    }
}

#[tokio::test]
async fn a_flood_of_calls_opened_and_cancelled_is_stopped() {
    let (mut server, registry) = Keeper::serve("a").await;
    let orders = orders(&registry).await;
    orders.get(7).await.unwrap();
    let before = server.memory();
    let mut flood = preface();
    let none = Metadata::new();
    for stream in 1..50_000 {
        open(&mut flood, stream, &none);
        let reason = CancelReason::Caller;
        Frame::Cancel { stream, reason }.put(&mut flood);
    }
    let mut peer = connect(&registry);
    // It is hung up on in the middle of it.
    let _ = peer.write_all(&flood);
    server
        .line_with("too many cancelled calls (Limits::cancels)")
        .await;
    assert_eq!(orders.get(7).await.unwrap().id, 7);
    let grown = server.memory().saturating_sub(before);
    assert!(grown < 16 * MIB, "{grown} bytes more");
}
