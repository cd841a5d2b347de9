//! Filters on both sides: what they see, what they may change, and in which order.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callsheet::filter::{self, Call, Filter, Next, Reply, Side};
use callsheet::testing::{Cluster, Fault};
use callsheet::{Code, Context, MethodKind, Progress, Status};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use callsheet_tests::rpc::shop::orders::{
    AuditEvent, Order, OrdersGetRequest, PlaceOrder, WatchOrders,
};
use tokio::time::Instant;

use crate::shop::{cluster, shop};

/// What filters write down.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// A filter that notes when it is passed, there and back.
    fn named(&self, name: &'static str) -> impl Filter + use<> {
        let log = self.clone();
        filter::from_fn(move |call, next| {
            let log = log.clone();
            async move {
                log.add(format!("{name} in"));
                let answer = next.run(call).await;
                log.add(format!("{name} out"));
                answer
            }
        })
    }
}

/// A cluster of one shop whose calls go through this filter.
async fn serving(filter: impl Filter) -> Cluster {
    let filter = Arc::new(filter);
    Cluster::new(move |name| OrdersServer::new(shop(name)).filter(Arc::clone(&filter)))
        .start(1)
        .await
        .unwrap()
}

/// A client of it whose calls go through this filter.
fn calling(cluster: &Cluster, filter: impl Filter) -> OrdersClient {
    OrdersClient::new(&cluster.client_with(|builder| builder.filter(filter)))
}

#[tokio::test(start_paused = true)]
async fn the_first_filter_is_the_outermost_and_general_ones_are_outside_of_special_ones() {
    let log = Log::default();
    let (one, two) = (log.clone(), log.clone());
    let cluster = Cluster::new(move |name| {
        let offer = callsheet::Offer::from(OrdersServer::new(shop(name)));
        offer
            .filter(one.named("offer 1"))
            .filter(one.named("offer 2"))
    })
    .configure(move |_, server| {
        server
            .filter(two.named("server 1"))
            .filter(two.named("server 2"))
    })
    .start(1)
    .await
    .unwrap();
    let client = cluster.client_with(|builder| {
        builder
            .filter(log.named("client 1"))
            .filter(log.named("client 2"))
    });
    let orders = OrdersClient::new(&client).with_filter(log.named("channel"));
    orders.get(1).await.unwrap();
    let seen = log.take();
    let there = [
        "client 1", "client 2", "channel", "server 1", "server 2", "offer 1", "offer 2",
    ];
    let expected: Vec<_> = there
        .iter()
        .map(|name| format!("{name} in"))
        .chain(there.iter().rev().map(|name| format!("{name} out")))
        .collect();
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a_filter_sees_what_is_known_of_the_call() {
    let log = Log::default();
    let note = |log: &Log| {
        let log = log.clone();
        filter::from_fn(move |call: Call, next: Next| {
            let left = call.deadline().map(|deadline| deadline - Instant::now());
            let request: Option<OrdersGetRequest> = call.request().message().ok();
            log.add(format!(
                "{}: {} of {} in {:?}, peer {}, tenant {:?}, {} ms, {:?} bytes, id {:?}, {}",
                call.side(),
                call.method().name,
                call.service().name,
                call.group(),
                call.peer().is_some(),
                call.metadata().text("tenant"),
                left.unwrap_or_default().as_millis(),
                call.request().size(),
                request.map(|request| request.id),
                call.request().json().unwrap_or_default(),
            ));
            let log = log.clone();
            async move {
                let reply = next.run(call).await?;
                let order: Order = reply.body().message()?;
                log.add(format!(
                    "order {}, {}, attempt {:?}",
                    order.id,
                    reply.body().json()?,
                    reply.trailers().text("attempt")
                ));
                Ok(reply)
            }
        })
    };
    let cluster = serving(note(&log)).await;
    let orders = calling(&cluster, note(&log));
    orders.get(7).metadata("tenant", "blue").await.unwrap();
    let group = "Some(\"default\")";
    let known = "tenant Some(\"blue\"), 300 ms, Some(2) bytes, id Some(7), {\"id\":\"7\"}";
    let answer = "order 7, {\"id\":\"7\",\"note\":\"blue\"}, attempt Some(\"0\")";
    assert_eq!(
        log.take(),
        [
            format!("client: get of shop.orders.Orders in {group}, peer false, {known}"),
            format!("server: get of shop.orders.Orders in {group}, peer true, {known}"),
            answer.to_owned(),
            answer.to_owned(),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_filter_changes_the_other_side_gets() {
    let cluster = serving(filter::from_fn(|mut call: Call, next: Next| async move {
        // The handler sees another tenant, and the caller another order.
        let tenant = call
            .metadata()
            .text("tenant")
            .unwrap_or("none")
            .to_uppercase();
        call.metadata_mut().insert("tenant", tenant)?;
        let mut reply = next.run(call).await?;
        let mut order: Order = reply.body().message()?;
        order.customer = "somebody".into();
        reply.body_mut().set_message(&order)?;
        reply.trailers_mut().append("seen", "yes")?;
        Ok(reply)
    }))
    .await;
    let orders = calling(
        &cluster,
        filter::from_fn(|mut call: Call, next: Next| async move {
            call.request_mut().set_json(r#"{"id": "9"}"#)?;
            call.metadata_mut().insert("tenant", "green")?;
            next.run(call).await
        }),
    );
    let (order, trailers) = orders.get(7).with_trailers().await.unwrap();
    assert_eq!((order.id, &*order.customer), (9, "somebody"));
    assert_eq!(order.note.as_deref(), Some("GREEN"));
    assert_eq!(trailers.text("seen"), Some("yes"));
    assert_eq!(
        trailers.text("attempt"),
        Some("0"),
        "the handler's own are kept"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_turns_calls_away_before_they_are_decoded() {
    let cluster = serving(filter::from_fn(|call: Call, next: Next| async move {
        match call.metadata().text("authorization") {
            Some("Bearer 7") => next.run(call).await,
            _ => Err(Status::unauthenticated("who are you?").not_started()),
        }
    }))
    .await;
    let garbage = filter::from_fn(|mut call: Call, next: Next| async move {
        call.request_mut().set_bytes(&b"\xff\xff\xff"[..]);
        next.run(call).await
    });
    let orders = calling(&cluster, garbage);
    let error = orders.get(1).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthenticated, "it was not decoded");
    assert_eq!(error.status().progress(), Progress::NotStarted);
    let call = orders.get(1).metadata("authorization", "Bearer 7");
    assert_eq!(call.await.unwrap_err().code(), Code::InvalidArgument);
    let orders = OrdersClient::new(&cluster.client());
    let call = orders.get(1).metadata("authorization", "Bearer 7");
    assert_eq!(call.await.unwrap().id, 1);
}

/// As in the documentation: a token that is fetched when it is needed, once for all calls that wait for it.
#[derive(Default)]
struct Token {
    current: tokio::sync::Mutex<u32>,
    fetched: AtomicU32,
}

impl Token {
    async fn get(&self, refused: Option<u32>) -> u32 {
        let mut current = self.current.lock().await;
        if *current == 0 || refused == Some(*current) {
            tokio::time::sleep(Duration::from_millis(20)).await;
            *current += 1;
            self.fetched.fetch_add(1, Ordering::SeqCst);
        }
        *current
    }
}

impl Filter for Token {
    async fn call(&self, mut call: Call, next: Next) -> Result<Reply, Status> {
        let again = call.try_clone();
        let token = self.get(None).await;
        call.metadata_mut()
            .insert("authorization", token.to_string())?;
        match (next.run(call).await, again) {
            (Err(status), Some(mut again)) if status.code() == Code::Unauthenticated => {
                let token = self.get(Some(token)).await;
                again
                    .metadata_mut()
                    .insert("authorization", token.to_string())?;
                next.run(again).await
            }
            (answer, _) => answer,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_fetches_a_token_once_and_again_when_it_is_refused() {
    let valid = Arc::new(AtomicU32::new(1));
    let server = Arc::clone(&valid);
    let cluster = serving(filter::from_fn(move |call: Call, next: Next| {
        let valid = server.load(Ordering::SeqCst).to_string();
        async move {
            if call.metadata().text("authorization") != Some(&valid) {
                return Err(Status::unauthenticated("not that one"));
            }
            next.run(call).await
        }
    }))
    .await;
    let token = Arc::new(Token::default());
    let orders = calling(&cluster, Arc::clone(&token));
    let calls: Vec<_> = (1..=5).map(|id| orders.get(id).start()).collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(token.fetched.load(Ordering::SeqCst), 1);
    valid.store(2, Ordering::SeqCst);
    for id in 1..=3 {
        orders.get(id).await.unwrap();
    }
    assert_eq!(token.fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_client_filter_runs_once_however_often_the_call_is_tried() {
    let runs = Arc::<AtomicU32>::default();
    let counter = Arc::clone(&runs);
    let cluster = cluster(3).await;
    let orders = calling(
        &cluster,
        filter::from_fn(move |call, next: Next| {
            counter.fetch_add(1, Ordering::SeqCst);
            async move { next.run(call).await }
        }),
    );
    let fault = cluster
        .faults()
        .add(Fault::code(Code::Unavailable).times(1));
    // The handlers tell which attempt it was.
    let (_, trailers) = orders.get(1).with_trailers().await.unwrap();
    assert_eq!(cluster.faults().struck(fault), 1);
    assert_eq!(trailers.text("attempt"), Some("1"));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    cluster.faults().add(Fault::code(Code::Unavailable));
    let error = orders.get(1).await.unwrap_err();
    assert!(error.status().attempts() > 1, "{error}");
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_filter_at_work_ends_with_the_deadline_and_may_bring_it_forward() {
    let cluster = cluster(1).await;
    let stuck = filter::from_fn(|_, _| std::future::pending());
    let error = calling(&cluster, stuck).get(1).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(error.message().contains("filter"), "{error}");
    cluster.faults().add(Fault::silence());
    let hasty = filter::from_fn(|mut call: Call, next: Next| async move {
        call.end_by(Instant::now() + Duration::from_millis(30));
        call.end_by(Instant::now() + Duration::from_secs(30));
        next.run(call).await
    });
    let start = Instant::now();
    let error = calling(&cluster, hasty).get(1).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(start.elapsed(), Duration::from_millis(30));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_a_filter_brings_forward_is_inherited_by_calls_of_the_handler() {
    let left = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&left);
    let hasty = Arc::new(filter::from_fn(|mut call: Call, next: Next| async move {
        call.end_by(Instant::now() + Duration::from_millis(30));
        next.run(call).await
    }));
    let cluster = Cluster::new(move |_| {
        let seen = Arc::clone(&seen);
        let mock = shop("0").on_get(move |_| {
            let context = Context::current().unwrap();
            *seen.lock().unwrap() = context.deadline();
            Ok(Order::default())
        });
        OrdersServer::new(mock).filter(Arc::clone(&hasty))
    });
    let cluster = cluster.start(1).await.unwrap();
    let start = Instant::now();
    OrdersClient::new(&cluster.client()).get(1).await.unwrap();
    let left = left.lock().unwrap().unwrap();
    assert!(
        Instant::from_std(left) <= start + Duration::from_millis(31),
        "calls inherit it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_filter_answers_in_the_place_of_those_behind_it() {
    let cluster = cluster(0).await;
    let cache = filter::from_fn(|call: Call, next: Next| async move {
        match call.method().name {
            "get" => call.reply(&Order {
                id: 77,
                ..Order::default()
            }),
            "report" => call.reply_json(r#"{"servers": ["the cache"]}"#),
            "place" => call.reply_bytes(Vec::new()),
            "watch" => call.reply(&Order::default()),
            _ => next.run(call).await,
        }
    });
    let orders = calling(&cluster, cache);
    assert_eq!(orders.get(1).await.unwrap().id, 77);
    assert_eq!(orders.report().await.unwrap().servers, ["the cache"]);
    assert_eq!(
        orders.place(PlaceOrder::default()).await.unwrap(),
        Order::default()
    );
    let error = orders.watch(WatchOrders::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert!(error.message().contains("one reply"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn calls_that_nobody_answers_pass_filters_too() {
    let (sender, mut audited) = tokio::sync::mpsc::unbounded_channel();
    let cluster = serving(filter::from_fn(move |call: Call, next: Next| {
        let sender = sender.clone();
        async move {
            assert_eq!(call.side(), Side::Server);
            assert_eq!(call.method().kind, MethodKind::OneWay);
            let event: AuditEvent = call.request().message()?;
            // The test may not look.
            let _ = sender.send(event.actor);
            next.run(call).await
        }
    }))
    .await;
    let orders = OrdersClient::new(&cluster.client());
    let actor = "ada".to_owned();
    let event = AuditEvent {
        actor,
        ..AuditEvent::default()
    };
    orders.audit(event).await.unwrap();
    assert_eq!(audited.recv().await.unwrap(), "ada");
}
