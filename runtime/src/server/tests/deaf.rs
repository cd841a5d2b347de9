//! Clients that ask, and read the answers slowly or never.

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::notices::greeted;
use super::*;
use crate::transport::Stream;
use crate::wire::frame::Header;
use crate::wire::{FrameKind, OpenHead, RouteRef};

/// Calls that are asked for at once.
const ROUND: u32 = 100;

/// `ROUND` calls of a method that is not there, from number `first` on.
fn calls(first: u32) -> BytesMut {
    let metadata = Metadata::new();
    let mut out = BytesMut::new();
    for stream in first..first + ROUND {
        let head = OpenHead {
            route: RouteRef::Once(route("unknown", "")),
            attempt: 0,
            deadline: None,
            one_way: false,
            metadata: &metadata,
        };
        // So long that what a transport holds is fewer calls than may be open.
        head.put(&mut out, stream, Some(500), true);
        out.resize(out.len() + 500, 0);
    }
    out
}

/// Asks for ever more until nobody listens; how many calls were asked for, and what is left of the last round.
async fn ask_until_nobody_listens(stream: &mut Stream) -> (u32, BytesMut) {
    for round in 0..1_000 {
        let mut bytes = calls(1 + round * ROUND);
        let writing = stream.write_all_buf(&mut bytes);
        match timeout(Duration::from_millis(100), writing).await {
            Ok(written) => written.unwrap(),
            Err(_) => return ((round + 1) * ROUND, bytes),
        }
        // No more of them are open at once than may be.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the server takes calls for ever");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_not_read_from_and_let_go() {
    let rig = rig("deaf-for-ever").await;
    let mut deaf = greeted(&rig).await;
    let start = Instant::now();
    let (asked, mut rest) = ask_until_nobody_listens(&mut deaf).await;
    // Their answers fill `Limits::send_buffer` and what the transport holds, and little more.
    assert!(asked < 20_000, "{asked} calls");
    let others = rig.link().await;
    assert_eq!(
        reply(others.call(request("echo", "on"))).await.unwrap(),
        "on"
    );
    assert!(deaf.write_all_buf(&mut rest).await.is_err(), "hung up on");
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_every_answer() {
    let rig = rig("deaf-slow").await;
    let mut slow = greeted(&rig).await;
    let (asked, mut rest) = ask_until_nobody_listens(&mut slow).await;
    let (mut reader, mut writer) = tokio::io::split(slow);
    let writing = tokio::spawn(async move {
        writer.write_all_buf(&mut rest).await.unwrap();
        writer
    });
    let mut said = BytesMut::new();
    let mut ended = 0;
    // Longer than a peer may be silent, at a trickle; then as fast as it goes.
    let mut seconds = 0;
    while ended < asked {
        if seconds < 120 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            seconds += 1;
        }
        assert!(
            reader.read_buf(&mut said).await.unwrap() > 0,
            "{ended} calls ended"
        );
        while let Ok(Some(span)) = Header::span(&said, 1 << 20)
            && span <= said.len()
        {
            let frame = said.split_to(span);
            ended += u32::from(frame[4] == FrameKind::End as u8);
        }
    }
    drop(writing.await.unwrap());
}
