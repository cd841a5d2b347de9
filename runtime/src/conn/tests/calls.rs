//! What calls look like when all goes well.

use super::*;

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
        assert_eq!(request.route, route());
        assert_eq!(request.route_number, Some(0));
        assert_eq!(request.body.as_deref(), Some(&[round; 16][..]));
        assert!(request.last && !request.one_way && request.metadata.is_empty());
        // The first names the route; header, route, attempt and metadata take 13 bytes after that.
        assert_eq!(frames, if round == 0 { 13 + 34 } else { 13 } + 16);
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
            (*ended, reply.body.as_deref()),
            (stream, Some(&b"fine"[..]))
        );
    }
    assert_eq!(pair.client.conn.active() + pair.server.conn.active(), 0);
    assert_eq!(pair.client.conn.buffered() + pair.server.conn.buffered(), 0);
}
