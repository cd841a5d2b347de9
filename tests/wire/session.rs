//! Two machines say what the page says they say.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use callsheet::Metadata;
use callsheet::conn::{Call, Config, Connection, Event, Outbox, Reply, StreamId};
use callsheet::wire::Route;

use crate::{examples, hex};

fn sent(connection: &mut Connection) -> BytesMut {
    let mut out = Outbox::new();
    connection.transmit(&mut out, usize::MAX);
    BytesMut::from(&out.copy_to_bytes(out.remaining())[..])
}

#[test]
fn a_first_unary_call_is_the_examples_in_a_row() {
    let page = examples();
    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    let now = Instant::now();
    let mut client = Connection::client(Config::default(), now);
    let mut server = Connection::server(Config::default(), now);
    let mut hello = sent(&mut client);
    assert_eq!(hex(&hello), hex(&page["preface"]));
    server.receive(&mut hello, now);
    let mut hello = sent(&mut server);
    assert_eq!(hex(&hello), hex(&page["preface"]));
    client.receive(&mut hello, now);
    let route = Arc::new(Route::new("shop.orders.v1.Orders/get", "", "protobuf").unwrap());
    let (metadata, body) = (
        Metadata::new(),
        Bytes::from_static(&[8, 7, 16, 1, 24, 0]).into(),
    );
    let call = Call {
        route: &route,
        deadline: None,
        attempt: 0,
        one_way: false,
        metadata: &metadata,
        body: Some(&body),
        last: true,
    };
    client.open(StreamId::new(1), &call, now).unwrap();
    let mut request = sent(&mut client);
    assert_eq!(hex(&request), hex(&page["open-first"]));
    server.receive(&mut request, now);
    let stream = std::iter::from_fn(|| server.next_event())
        .find_map(|event| match event {
            Event::Request { stream, .. } => Some(stream),
            _ => None,
        })
        .expect("a request");
    let reply = Reply {
        body: Some(Bytes::from_static(b"fine").into()),
        trailers: Metadata::new(),
    };
    assert!(server.finish(stream, Ok(reply)));
    assert_eq!(hex(&sent(&mut server)), hex(&page["end-ok"]));
}
