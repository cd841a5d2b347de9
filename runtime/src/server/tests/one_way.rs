//! Calls that nobody waits for: when they are over for the caller, and what becomes of their handlers.

use tokio::time::Instant;

use super::*;

fn work(seconds: u64) -> Request {
    request("work", &seconds.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_until_the_request_has_left_and_no_longer() {
    let mut rig = rig("one-way-left").await;
    let link = rig.link().await;
    let start = Instant::now();
    link.call(work(3)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(link.in_flight(), 0);
    // Larger than any window: it leaves as the server takes it.
    let answer = link.call(request("note", &long(3 << 20))).await.unwrap();
    assert_eq!(answer.body, None);
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    let Some(Heard::Note(text)) = rig.heard.recv().await else {
        panic!("the note is the next to be heard");
    };
    assert_eq!(text.len(), 3 << 20);
    assert_eq!(rig.heard.recv().await, Some(Heard::Note("done".into())));
}

#[tokio::test(start_paused = true)]
async fn a_handler_goes_on_when_its_caller_s_connection_ends() {
    let mut rig = rig("one-way-outlives").await;
    let link = rig.link().await;
    link.call(work(3)).await.unwrap();
    link.close();
    link.closed().await;
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    assert_eq!(rig.heard.recv().await, Some(Heard::Note("done".into())));
}

#[tokio::test(start_paused = true)]
async fn a_handler_without_a_caller_ends_at_its_deadline_or_a_default() {
    let mut rig = rig("one-way-deadline").await;
    for limit in [Some(Duration::from_secs(2)), None] {
        let link = rig.link().await;
        let mut call = work(3600);
        call.deadline = limit.map(|limit| now() + limit);
        link.call(call).await.unwrap();
        link.close();
        let start = Instant::now();
        assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
        assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_handlers_without_a_caller() {
    let mut rig = rig("one-way-drain").await;
    let link = rig.link().await;
    link.call(work(3)).await.unwrap();
    link.close();
    link.closed().await;
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    rig.running.shutdown().await;
    assert_eq!(rig.heard.try_recv(), Ok(Heard::Note("done".into())));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_has_waited_long_enough_stops_them() {
    let mut rig = rig_with("memory:one-way-limit", |server| {
        server.drain_limit(Duration::from_secs(2))
    })
    .await;
    let link = rig.link().await;
    let mut call = work(3600);
    call.deadline = Some(now() + Duration::from_secs(3600));
    link.call(call).await.unwrap();
    link.close();
    link.closed().await;
    assert_eq!(rig.heard.recv().await, Some(Heard::Hanging));
    let start = Instant::now();
    rig.running.shutdown().await;
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
    assert!(start.elapsed() < Duration::from_secs(60));
}
