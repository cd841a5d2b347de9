//! Servers that mean harm or are broken: each gives a clear status in bounded time, and holds up nobody else.

use std::time::Duration;

use callsheet::{Client, Code, Status, registry};
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::raw::{Raw, frame, greet};

/// What a test waits for at most before it fails.
const LIMIT: Duration = Duration::from_secs(60);

async fn orders(raw: &Raw) -> OrdersClient {
    let registry = registry::connect(&raw.registry()).await.unwrap();
    OrdersClient::new(&Client::builder().registry(&registry).build())
}

/// A frame of this kind.
fn put(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len() + 6).unwrap();
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// END with order `id`.
fn order(stream: u32, id: u8) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, 3, 2, stream, &[0, 0, 8, id]);
    out
}

/// A server that greets, and says `answer` to every call.
async fn saying(answer: impl Fn(u32) -> Vec<u8> + Clone + Send + Sync + 'static) -> Raw {
    Raw::start(move |mut stream| {
        let answer = answer.clone();
        async move {
            greet(&mut stream).await;
            while let Ok((frame, number)) = frame(&mut stream).await {
                // An OPEN.
                if frame[4] == 1 && stream.write_all(&answer(number)).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// What a call to such a server ends with.
async fn status(raw: &Raw) -> Status {
    let call = orders(raw).await.get(7).no_timeout();
    let error = timeout(LIMIT, call).await.expect("it ends").unwrap_err();
    error.into_status()
}

#[tokio::test]
async fn whoever_does_not_speak_the_protocol_is_told_from_one_who_is_away() {
    for garbage in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[0; 64],
        b"\xf5CSX",
    ] {
        let raw = Raw::start(move |mut stream: TcpStream| async move {
            let _ = stream.write_all(garbage).await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let status = status(&raw).await;
        assert_eq!(status.code(), Code::Unavailable);
        assert!(
            status
                .message()
                .contains("does not speak the Callsheet protocol"),
            "{status}"
        );
        assert!(raw.accepted() < 10, "{} connections", raw.accepted());
    }
}

#[tokio::test]
async fn whoever_breaks_the_protocol_ends_its_calls_with_what_it_did() {
    let cases: [(&'static [u8], &str); 6] = [
        (&[0xff; 32], "over the limit of"),
        (&[0, 0, 0, 2, 3, 0], "less than a header"),
        (&[0, 0, 0, 6, 9, 0, 0, 0, 0, 1], "unknown frame kind 0x09"),
        (&[0, 0, 0, 7, 4, 0, 0, 0, 0, 1, 0], "may not send it"),
        // Credit beyond what a window may be, and none at all.
        (
            &[0, 0, 0, 11, 5, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f],
            "CREDIT of 4294967295 bytes",
        ),
        (&[0, 0, 0, 7, 5, 0, 0, 0, 0, 0, 0], "CREDIT of 0 bytes"),
    ];
    for (bytes, reason) in cases {
        let raw = saying(move |_| bytes.to_vec()).await;
        let status = status(&raw).await;
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains(reason), "{status} for {reason}");
    }
}

#[tokio::test]
async fn floods_that_cost_their_sender_little_are_cut_off() {
    let mut pings = Vec::new();
    let mut unknown = Vec::new();
    let mut strangers = Vec::new();
    for number in 0..20_000 {
        put(&mut pings, 6, 0, 0, &[0; 8]);
        put(&mut unknown, 0x90, 0, 0, &[1; 30]);
        // Answers to calls that nobody made.
        strangers.extend(order(1_000_000 + number, 1));
    }
    for (bytes, reason) in [
        (pings, "PINGs"),
        (unknown, "frames to be ignored"),
        (strangers, "frames to be ignored"),
    ] {
        let raw = saying(move |_| bytes.clone()).await;
        let status = status(&raw).await;
        assert!(status.message().contains(reason), "{status} for {reason}");
    }
}

#[tokio::test]
async fn answers_that_nobody_asked_for_reach_nobody() {
    let raw = saying(|stream| {
        let mut out = order(stream + 1_000, 1);
        out.extend(order(stream, 7));
        // Once more, and otherwise.
        out.extend(order(stream, 9));
        out
    })
    .await;
    let orders = orders(&raw).await;
    for _ in 0..100 {
        assert_eq!(orders.get(7).timeout(LIMIT).await.unwrap().id, 7);
    }
    assert_eq!(raw.accepted(), 1);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_reaches_nobody() {
    // Answers a call when the next one comes.
    let raw = saying(|stream| {
        if stream % 2 == 1 {
            return Vec::new();
        }
        let mut out = order(stream - 1, 66);
        out.extend(order(stream, 7));
        out
    })
    .await;
    let orders = orders(&raw).await;
    for _ in 0..5 {
        let error = orders.get(7).timeout(Duration::from_millis(20)).await;
        assert_eq!(error.unwrap_err().code(), Code::DeadlineExceeded);
        assert_eq!(orders.get(7).timeout(LIMIT).await.unwrap().id, 7);
    }
    assert_eq!(raw.accepted(), 1);
}

#[tokio::test]
async fn two_replies_where_one_belongs_are_an_error_of_that_call() {
    let raw = saying(|stream| {
        let mut out = Vec::new();
        put(&mut out, 2, 0, stream, &[8, 7]);
        put(&mut out, 2, 0, stream, &[8, 9]);
        out.extend(order(stream, 7));
        out
    })
    .await;
    let status = status(&raw).await;
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().contains("several replies"), "{status}");
}

#[tokio::test]
async fn a_message_that_never_ends_is_over_a_limit_at_some_point() {
    let raw = saying(|stream| {
        let mut out = Vec::new();
        for _ in 0..200 {
            // Fragments, with more to follow.
            put(&mut out, 2, 2, stream, &vec![1; 32 << 10]);
        }
        out
    })
    .await;
    let status = status(&raw).await;
    assert!(
        status.message().contains("limit") || status.message().contains("window"),
        "{status}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_behind_its_greeting_is_given_up() {
    let raw = saying(|_| Vec::new()).await;
    let status = status(&raw).await;
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("silent"), "{status}");
}
