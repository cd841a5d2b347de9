//! Streams through filters: every message passes them, and the end is told once, however it comes.

use std::sync::{Arc, Mutex};

use callsheet::filter::{self, Body, Call, Filter, Next};
use callsheet::testing::Cluster;
use callsheet::{Code, Status, Streaming};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use callsheet_tests::rpc::shop::orders::{Note, OrderEvent, WatchOrders};

use crate::shop::shop;

/// What a filter saw pass, in order; and a filter that notes it.
fn watching(name: &'static str, seen: &Arc<Mutex<Vec<String>>>) -> impl Filter + use<> {
    let seen = Arc::clone(seen);
    filter::from_fn(move |mut call: Call, next: Next| {
        let seen = Arc::clone(&seen);
        let note = move |line: String| seen.lock().unwrap().push(format!("{name} {line}"));
        async move {
            let (there, ended, back, done) = (note.clone(), note.clone(), note.clone(), note);
            call.request_mut().each(move |message: &mut Body| {
                there(format!("sent {}", message.json()?));
                Ok(())
            })?;
            if call.request().is_stream() {
                call.request_mut()
                    .on_end(move |end| ended(format!("all sent: {}", end.is_ok())));
            }
            let mut reply = next.run(call).await?;
            reply.body_mut().each(move |message: &mut Body| {
                back(format!("got {}", message.json()?));
                Ok(())
            })?;
            Ok(reply.on_end(move |end| {
                done(match end {
                    Ok(trailers) => format!("ended with {} trailers", trailers.len()),
                    Err(status) => format!("ended {}", status.code()),
                });
            }))
        }
    })
}

async fn serving(filter: impl Filter) -> Cluster {
    let filter = Arc::new(filter);
    Cluster::new(move |name| OrdersServer::new(shop(name)).filter(Arc::clone(&filter)))
        .start(1)
        .await
        .unwrap()
}

/// A watched server and a client of it that is watched as well.
async fn watched() -> (Cluster, OrdersClient, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::default();
    let cluster = serving(watching("server", &seen)).await;
    let client = cluster.client_with(|builder| builder.filter(watching("client", &seen)));
    let orders = OrdersClient::new(&client);
    (cluster, orders, seen)
}

fn of(seen: &Mutex<Vec<String>>, side: &str) -> Vec<String> {
    let seen = seen.lock().unwrap();
    let prefix = format!("{side} ");
    let lines = seen.iter().filter_map(|line| line.strip_prefix(&prefix));
    lines.map(str::to_owned).collect()
}

fn request(customer: &str, limit: u32) -> WatchOrders {
    let customer = customer.into();
    WatchOrders { customer, limit }
}

#[tokio::test(start_paused = true)]
async fn both_sides_see_every_reply_and_the_end() {
    let (_cluster, orders, seen) = watched().await;
    let events = orders.watch(request("ada", 2)).await.unwrap();
    assert_eq!(events.collect().await.unwrap().len(), 2);
    for side in ["client", "server"] {
        assert_eq!(
            of(&seen, side),
            [
                r#"sent {"customer":"ada","limit":2}"#,
                "got {}",
                r#"got {"order":"1"}"#,
                "ended with 0 trailers",
            ],
            "{side}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_tells_its_status() {
    let (_cluster, orders, seen) = watched().await;
    let events = orders.watch(request("fails", 1)).await.unwrap();
    assert_eq!(events.collect().await.unwrap_err().code(), Code::DataLoss);
    for side in ["client", "server"] {
        assert_eq!(of(&seen, side).last().unwrap(), "ended data_loss", "{side}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_its_reader_leaves_is_cancelled_on_both_sides() {
    let (_cluster, orders, seen) = watched().await;
    let mut events = orders.watch(request("ada", 100_000)).await.unwrap();
    events.next().await.unwrap().unwrap();
    drop(events);
    while of(&seen, "server").last().unwrap() != "ended cancelled" {
        tokio::task::yield_now().await;
    }
    assert_eq!(of(&seen, "client").last().unwrap(), "ended cancelled");
}

#[tokio::test(start_paused = true)]
async fn messages_of_both_directions_pass() {
    let (_cluster, orders, seen) = watched().await;
    let (notes, requests) = Streaming::channel(1);
    let mut replies = orders.chat(requests).await.unwrap();
    for text in ["a", "b"] {
        notes.send(Note { text: text.into() }).await.unwrap();
        let reply = replies.next().await.unwrap().unwrap();
        assert_eq!(reply.text, text.to_uppercase());
    }
    drop(notes);
    assert!(replies.next().await.is_none());
    for side in ["client", "server"] {
        let seen = of(&seen, side);
        assert_eq!(
            seen.iter()
                .filter(|line| line.contains("sent {"))
                .collect::<Vec<_>>(),
            [r#"sent {"text":"a"}"#, r#"sent {"text":"b"}"#]
        );
        assert_eq!(
            seen.iter()
                .filter(|line| line.contains("got {"))
                .collect::<Vec<_>>(),
            [r#"got {"text":"A"}"#, r#"got {"text":"B"}"#]
        );
        assert!(
            seen.contains(&"all sent: true".to_owned()),
            "{side}: {seen:?}"
        );
        assert!(
            seen.contains(&"ended with 0 trailers".to_owned()),
            "{side}: {seen:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn messages_can_be_changed_as_they_pass_and_refused() {
    let cluster = serving(filter::from_fn(|mut call: Call, next: Next| async move {
        call.request_mut().each(|message| {
            let note: Note = message.message()?;
            if note.text == "curse" {
                return Err(Status::invalid_argument("not here"));
            }
            message.set_message(&Note {
                text: format!("<{}>", note.text),
            })
        })?;
        next.run(call).await
    }))
    .await;
    let orders = OrdersClient::new(&cluster.client());
    let (notes, requests) = Streaming::channel(4);
    let mut replies = orders.chat(requests).await.unwrap();
    notes.send(Note { text: "a".into() }).await.unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap().text, "<A>");
    notes
        .send(Note {
            text: "curse".into(),
        })
        .await
        .unwrap();
    assert!(
        replies.next().await.is_none(),
        "the handler's requests ended"
    );
}

#[tokio::test(start_paused = true)]
async fn a_filter_answers_with_a_stream_of_its_own() {
    let cluster = serving(filter::from_fn(|call: Call, _: Next| async move {
        let replies = [5, 6].map(|order| OrderEvent { order, status: 0 });
        call.reply_messages(Streaming::<_>::from(replies))
    }))
    .await;
    let orders = OrdersClient::new(&cluster.client());
    let events = orders
        .watch(request("ada", 9))
        .await
        .unwrap()
        .collect()
        .await;
    let events: Vec<_> = events.unwrap().iter().map(|event| event.order).collect();
    assert_eq!(events, [5, 6]);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_requests_are_a_stream_is_not_run_twice() {
    let cluster = serving(filter::from_fn(|call: Call, next: Next| async move {
        assert!(call.request().is_stream());
        assert!(call.try_clone().is_none());
        assert!(call.request().message::<Note>().is_err());
        next.run(call).await
    }))
    .await;
    let orders = OrdersClient::new(&cluster.client());
    let summary = orders.upload(Streaming::from([])).await.unwrap();
    assert_eq!(summary.orders, 0);
}
