//! Bytes that no client of ours sends: the server closes the connection, says why, and serves the others on.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::conn::{self, Connection, Outbox};
use crate::transport::{self, Stream};

/// A stream on which the prefaces are exchanged.
pub(super) async fn greeted(rig: &Rig) -> Stream {
    let mut stream = transport::connect(&rig.running.addresses()[0])
        .await
        .unwrap();
    let mut client = Connection::client(conn::Config::default(), now());
    let mut out = Outbox::new();
    client.transmit(&mut out, usize::MAX);
    stream.write_all_buf(&mut out).await.unwrap();
    stream.read_exact(&mut [0; 16]).await.unwrap();
    stream
}

/// What the server sends until it hangs up, as far as it is text.
pub(super) async fn last_words(stream: &mut Stream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes)
        .chars()
        .filter(|c| !c.is_control() && *c != '\u{fffd}')
        .collect()
}

async fn ends_with_a_reason(bind: &str) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let rig = rig_with(bind, |server| {
        server.on_notice(move |notice| tell.send(notice.to_string()).unwrap())
    })
    .await;
    let link = rig.link().await;

    let mut garbage = transport::connect(&rig.running.addresses()[0])
        .await
        .unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(last_words(&mut garbage).await, "");
    let notice = told.recv().await.unwrap();
    assert!(
        notice.ends_with("the peer does not speak the Callsheet protocol"),
        "{notice}"
    );

    for (bytes, reason) in [
        (
            &[0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 1][..],
            "is over the limit of",
        ),
        (&[0, 0, 0, 2, 1, 0][..], "is less than a header"),
        (
            &[0, 0, 0, 6, 0x30, 0, 0, 0, 0, 0][..],
            "unknown frame kind 0x30",
        ),
        (
            &[0, 0, 0, 7, 2, 0, 0, 0, 0, 9, 0][..],
            "stream 9, which was never opened",
        ),
    ] {
        let mut stream = greeted(&rig).await;
        stream.write_all(bytes).await.unwrap();
        let said = last_words(&mut stream).await;
        assert!(said.contains(reason), "{said:?} for {bytes:?}");
        let notice = told.recv().await.unwrap();
        assert!(notice.contains(reason), "{notice}");
    }

    // A frame that is cut short is no fault of the protocol, just an end.
    let mut cut = greeted(&rig).await;
    cut.write_all(&[0, 0, 0, 100, 1, 3, 0, 0]).await.unwrap();
    drop(cut);
    assert_eq!(reply(link.call(request("echo", "on"))).await.unwrap(), "on");
    while rig.running.connections() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn a_peer_that_breaks_the_protocol_is_told_why_and_others_are_served() {
    ends_with_a_reason("memory:notices").await;
    ends_with_a_reason("127.0.0.1:0").await;
}

#[tokio::test(start_paused = true)]
async fn a_preface_that_never_ends_is_cut_off() {
    let rig = rig("notices-slow").await;
    let mut slow = transport::connect(&rig.running.addresses()[0])
        .await
        .unwrap();
    let mut client = Connection::client(conn::Config::default(), now());
    let mut out = Outbox::new();
    client.transmit(&mut out, usize::MAX);
    let mut preface = Vec::new();
    preface.extend_from_slice(bytes::Buf::chunk(&out));
    let start = tokio::time::Instant::now();
    for byte in preface {
        if slow.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    while rig.running.connections() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(start.elapsed().as_secs() < 20);
}
