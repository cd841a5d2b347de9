//! Streams each way: order, ends, back-pressure, cancellation.

use super::*;
use crate::status::Code;

#[tokio::test(start_paused = true)]
async fn a_server_stream_comes_in_order_and_to_its_end() {
    let rig = rig("streams-server").await;
    let link = rig.link().await;
    let mut replies = link
        .call(request("count", "20000"))
        .take_receiver()
        .unwrap();
    for count in 1..=20_000 {
        assert_eq!(
            next(&mut replies).await.unwrap().unwrap(),
            count.to_string()
        );
    }
    assert!(next(&mut replies).await.is_none());
    assert!(replies.trailers().is_some());
    assert!(next(&mut replies).await.is_none());
    assert_eq!(link.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_before_the_first_reply_ends_the_stream() {
    let rig = rig("streams-error").await;
    let link = rig.link().await;
    let mut replies = link.call(request("count", "x")).take_receiver().unwrap();
    let status = next(&mut replies).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(next(&mut replies).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_client_stream_is_answered_once() {
    let rig = rig("streams-client").await;
    let link = rig.link().await;
    let mut exchange = link.call(request("join", ""));
    let mut sender = exchange.take_sender().unwrap();
    let mut expect = String::new();
    for part in ["a", "", "b", &long(70_000), "c"] {
        sender.send(message(part)).await.unwrap();
        expect += part;
    }
    sender.finish();
    assert_eq!(reply(exchange).await.unwrap(), expect);

    let mut empty = link.call(request("join", ""));
    empty.take_sender().unwrap().finish();
    assert_eq!(reply(empty).await.unwrap(), "");
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_dropped_unfinished_cancels_the_call() {
    let rig = rig("streams-abandon").await;
    let link = rig.link().await;
    let mut exchange = link.call(request("join", ""));
    let mut sender = exchange.take_sender().unwrap();
    sender.send(message("half")).await.unwrap();
    drop(sender);
    assert_eq!(exchange.await.unwrap_err().code(), Code::Cancelled);
    assert_eq!(reply(link.call(request("echo", "on"))).await.unwrap(), "on");
}

#[tokio::test(start_paused = true)]
async fn both_sides_of_a_bidi_stream_take_turns() {
    let mut rig = rig("streams-bidi").await;
    let link = rig.link().await;
    let mut exchange = link.call(request("chat", ""));
    let mut sender = exchange.take_sender().unwrap();
    let mut replies = exchange.take_receiver().unwrap();
    for question in ["who", "why"] {
        sender.send(message(question)).await.unwrap();
        assert_eq!(
            next(&mut replies).await.unwrap().unwrap(),
            format!("{question}?")
        );
    }
    sender.finish();
    assert!(next(&mut replies).await.is_none());
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_receiver_of_a_stream_stops_its_handler() {
    let mut rig = rig("streams-drop").await;
    let link = rig.link().await;
    let mut exchange = link.call(request("chat", ""));
    let mut sender = exchange.take_sender().unwrap();
    let replies = exchange.take_receiver().unwrap();
    sender.send(message("anyone")).await.unwrap();
    drop(replies);
    assert_eq!(rig.heard.recv().await, Some(Heard::Dropped));
    let ended = loop {
        if let Err(status) = sender.send(message("still")).await {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(ended.code(), Code::Cancelled);
    assert_eq!(link.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_nothing_holds_up_its_sender_and_nobody_else() {
    let rig = rig("streams-pressure").await;
    let link = rig.link().await;
    let mut exchange = link.call(request("chat", ""));
    let mut sender = exchange.take_sender().unwrap();
    let mut replies = exchange.take_receiver().unwrap();
    let question = long(10_000);
    let mut sent = 0;
    // Paused time passes only when nothing else can happen: then the sender is stuck.
    while let Ok(result) = tokio::time::timeout(
        std::time::Duration::from_secs(1),
        sender.send(message(&question)),
    )
    .await
    {
        result.unwrap();
        sent += 1;
        assert!(sent < 1_000, "nothing holds the sender up");
    }
    // Two windows that grew, two queues, and what the handler has in its hands.
    assert!(sent < 120, "{sent} messages of 10 kB are held");
    assert_eq!(reply(link.call(request("echo", "on"))).await.unwrap(), "on");
    for _ in 0..sent {
        assert_eq!(
            next(&mut replies).await.unwrap().unwrap().len(),
            question.len() + 1
        );
    }
    sender.send(message("more")).await.unwrap();
    assert_eq!(next(&mut replies).await.unwrap().unwrap(), "more?");
}
