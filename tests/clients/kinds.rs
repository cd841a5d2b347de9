//! Unary calls, streams, one-way calls; futures, handles, callbacks, threads; what comes back.

use callsheet::conn::Limits;
use callsheet::{Client, Code, Error, Phase, Progress, Status, Streaming};
use callsheet_tests::rpc::shop::orders::v1::{
    Orders, OrdersClient, OrdersGetError, OrdersMock, OrdersPlaceError,
};
use callsheet_tests::rpc::shop::orders::{AuditEvent, Note, Order, WatchOrders};

use crate::shop::{Shop, client, order, registry, serve, wish};

#[tokio::test(start_paused = true)]
async fn metadata_travels_there_and_trailers_come_back() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let call = client(&registry)
        .place(wish("ada", 1))
        .metadata("tenant", "blue");
    let (order, trailers) = call.with_trailers().await.unwrap();
    assert_eq!(order.customer, "ada");
    assert_eq!(order.note.as_deref(), Some("blue"));
    assert_eq!(trailers.text("served-by"), Some("a"));
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_metadata_cannot_hold_fails_the_call_before_it_is_sent() {
    let registry = registry().await;
    let error = client(&registry)
        .place(wish("ada", 1))
        .metadata("Tenant", "x")
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(error.status().progress(), Progress::NotStarted);
    assert_eq!(error.status().phase(), Phase::Local);
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_contract_are_matched_by_type() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let orders = client(&registry);
    let error = orders.get(404).await.unwrap_err();
    assert!(
        matches!(error.typed(), Some(OrdersGetError::OrderNotFound(missing)) if missing.id == 404)
    );
    assert_eq!(error.code(), Code::NotFound);

    let mut request = wish("ada", 1);
    request.items[0].sku = "kettle".into();
    match orders.place(request).await.unwrap_err().into_typed() {
        Some(OrdersPlaceError::OutOfStock(stock)) => {
            assert_eq!((&*stock.sku, stock.left), ("kettle", 3));
        }
        None => panic!("the error should be typed"),
    }

    let error = orders.get(2).await.unwrap_err();
    assert!(error.typed().is_none());
    assert_eq!(
        (error.code(), error.message()),
        (Code::ResourceExhausted, "sold out")
    );
    assert!(error.status().endpoint().unwrap().starts_with("memory:"));
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_one_handler_fails_one_call() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let orders = client(&registry);
    let other = orders.get(9).start();
    let error = orders.get(1).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert!(!error.message().contains("order 1"), "{}", error.message());
    assert_eq!(other.await.unwrap().id, 9);
    assert_eq!(orders.get(10).await.unwrap().id, 10);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn streams_flow_each_way() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let orders = client(&registry);

    let watch = WatchOrders {
        limit: 3,
        ..WatchOrders::default()
    };
    let events = orders.watch(watch).await.unwrap().collect().await.unwrap();
    assert_eq!(
        events.iter().map(|event| event.order).collect::<Vec<_>>(),
        [0, 1, 2]
    );

    let summary = orders.upload(vec![order(5); 4]).await.unwrap();
    assert_eq!((summary.orders, summary.items), (4, 20));

    let (sender, notes) = Streaming::channel(1);
    let mut replies = orders.chat(notes).await.unwrap();
    for text in ["one", "two"] {
        sender.send(Note { text: text.into() }).await.unwrap();
        let reply = replies.next().await.unwrap().unwrap();
        assert_eq!(reply.text, text.to_uppercase());
    }
    drop(sender);
    assert!(replies.next().await.is_none());
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_fails_says_so_behind_its_last_message() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let watch = WatchOrders {
        customer: "fails".into(),
        limit: 1,
    };
    let mut events = client(&registry).watch(watch).await.unwrap();
    assert!(events.next().await.unwrap().is_ok());
    let error = events.next().await.unwrap().unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::DataLoss, "the tape is torn")
    );
    assert!(events.next().await.is_none());
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_requests_that_fails_never_looks_complete() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let (sender, requests) = Streaming::channel(1);
    let upload = client(&registry).upload(requests).start();
    sender.send(order(1)).await.unwrap();
    sender
        .fail(Status::aborted("the file ended too soon"))
        .await;
    let error = upload.await.unwrap_err();
    assert_eq!(
        (error.code(), error.message()),
        (Code::Aborted, "the file ended too soon")
    );
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_open_before_its_first_message() {
    let registry = registry().await;
    let (shop, _) = Shop::new("a");
    let server = serve(&registry, &shop).await;
    let watch = WatchOrders {
        customer: "idle".into(),
        limit: 0,
    };
    let events = client(&registry).watch(watch).await.unwrap();
    shop.stuck_are(1).await;
    drop(events);
    shop.stuck_are(0).await;
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_over_the_client_s_limit_fails_one_call_and_names_the_limit() {
    let registry = registry().await;
    let server = serve(&registry, &Shop::new("a").0).await;
    let mut limits = Limits::default();
    limits.message = 64 * 1024;
    let client = Client::builder().registry(&registry).limits(limits).build();
    let orders = OrdersClient::new(&client);
    let error = orders.get(u64::MAX).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert!(error.to_string().contains("Limits::message"), "{error}");
    assert_eq!(orders.get(9).await.unwrap().id, 9);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_one_way_call_is_done_when_it_has_left() {
    let registry = registry().await;
    let (shop, mut audited) = Shop::new("a");
    let server = serve(&registry, &shop).await;
    let event = AuditEvent {
        actor: "ada".into(),
        action: "looked".into(),
    };
    client(&registry).audit(event.clone()).await.unwrap();
    assert_eq!(audited.recv().await, Some(event));
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_callback_gets_the_answer_and_a_dropped_handle_cancels() {
    let registry = registry().await;
    let (shop, _) = Shop::new("a");
    let server = serve(&registry, &shop).await;
    let orders = client(&registry);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    orders.get(7).on_reply(move |reply| {
        sender.send(reply.unwrap().id).unwrap();
    });
    assert_eq!(receiver.await, Ok(7));

    let started = orders.get(0).no_timeout().start();
    shop.stuck_are(1).await;
    drop(started);
    shop.stuck_are(0).await;
    server.shutdown().await;
}

#[test]
fn a_thread_waits_for_an_answer_and_for_a_stream() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let registry = runtime.block_on(registry());
    let server = runtime.block_on(serve(&registry, &Shop::new("a").0));
    // A client that is made outside of any runtime brings its own.
    let orders = client(&registry).blocking();
    assert_eq!(orders.get(7).unwrap().id, 7);
    let watch = WatchOrders {
        limit: 2,
        ..WatchOrders::default()
    };
    let events: Result<Vec<_>, _> = orders.watch(watch).unwrap().blocking().collect();
    assert_eq!(events.unwrap().len(), 2);
    runtime.block_on(server.shutdown());
}

#[tokio::test]
async fn a_mock_answers_as_told_wherever_the_trait_is_asked_for() {
    async fn customer(orders: &impl Orders, id: u64) -> Result<String, Error<OrdersGetError>> {
        Ok(orders.get(id).await?.customer)
    }
    let mock = OrdersMock::new().on_get(|id| {
        Ok(Order {
            customer: format!("customer {id}"),
            ..Order::default()
        })
    });
    assert_eq!(customer(&mock, 7).await.unwrap(), "customer 7");
    let error = mock.report().await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().contains("on_report"), "{error}");
}
