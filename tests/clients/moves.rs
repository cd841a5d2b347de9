//! Calls that a leaving server turns away, and that another answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callsheet::registry::{Handle, Instance, Lease};
use callsheet::server::Running;
use callsheet::{Code, Progress, Server, Streaming};
use callsheet_tests::rpc::shop::orders::v1::OrdersServer;
use callsheet_tests::rpc::shop::orders::{AuditEvent, Note, Order, WatchOrders};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::raw::{Raw, frame, greet, say};
use crate::shop::{Shop, client, order, registry};

/// Says that it leaves when the first call is on its way already.
async fn leave(mut stream: TcpStream, refused: Arc<AtomicUsize>) {
    let mut machine = greet(&mut stream).await;
    if frame(&mut stream).await.is_err() {
        return;
    }
    refused.fetch_add(1, Ordering::Relaxed);
    machine.go_away("a new release");
    say(&mut machine, &mut stream).await;
    // Until the client hangs up.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// A server that refuses every call, which nearly all calls go to, and one that answers.
struct Fleet {
    _leaving: Raw,
    _lease: Lease,
    refused: Arc<AtomicUsize>,
    registry: Handle,
    staying: callsheet::server::Running,
    audited: tokio::sync::mpsc::UnboundedReceiver<AuditEvent>,
}

impl Fleet {
    async fn start() -> Self {
        let refused = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&refused);
        let leaving = Raw::start(move |stream| leave(stream, Arc::clone(&counted))).await;
        let registry = registry().await;
        let mut record = Instance::new("leaving", "shop.orders.Orders");
        record.addresses = vec![leaving.address.to_string()];
        record.weight = 1_000_000;
        let lease = registry.register(vec![record]).unwrap();
        let (shop, audited) = Shop::new("staying");
        let staying = Server::bind("127.0.0.1:0")
            .add(OrdersServer::new(shop).weight(1))
            .register(&registry)
            .start()
            .await
            .unwrap();
        lease.listed().await.unwrap();
        staying.listed().await;
        Self {
            _leaving: leaving,
            _lease: lease,
            refused,
            registry,
            staying,
            audited,
        }
    }

    async fn end(self) {
        assert!(
            self.refused.load(Ordering::Relaxed) > 0,
            "nothing was refused"
        );
        self.staying.shutdown().await;
    }
}

#[tokio::test]
async fn a_call_that_is_refused_is_answered_elsewhere() {
    let fleet = Fleet::start().await;
    let orders = client(&fleet.registry);
    assert_eq!(orders.report().await.unwrap().servers, ["staying"]);
    fleet.end().await;
}

#[tokio::test]
async fn a_one_way_call_that_is_refused_once_it_was_sent_arrives_elsewhere() {
    let mut fleet = Fleet::start().await;
    let event = AuditEvent {
        actor: "ada".into(),
        action: "left".into(),
    };
    client(&fleet.registry).audit(event.clone()).await.unwrap();
    assert_eq!(fleet.audited.recv().await.unwrap(), event);
    fleet.end().await;
}

#[tokio::test]
async fn a_stream_of_replies_that_is_refused_begins_elsewhere() {
    let fleet = Fleet::start().await;
    let watch = WatchOrders {
        limit: 3,
        ..WatchOrders::default()
    };
    let events = client(&fleet.registry).watch(watch).await.unwrap();
    assert_eq!(events.collect().await.unwrap().len(), 3);
    fleet.end().await;
}

#[tokio::test]
async fn a_stream_of_requests_that_is_refused_is_sent_elsewhere_from_its_beginning() {
    let fleet = Fleet::start().await;
    let orders = client(&fleet.registry);
    let summary = orders.upload(vec![order(1); 50]);
    assert_eq!(summary.await.unwrap().orders, 50);
    fleet.end().await;
}

#[tokio::test]
async fn a_conversation_that_is_refused_begins_elsewhere_with_what_was_said() {
    let fleet = Fleet::start().await;
    let (sender, notes) = Streaming::channel(1);
    let said = tokio::spawn(async move {
        for text in ["a", "b", "c"] {
            let text = text.into();
            sender.send(Note { text }).await.unwrap();
        }
    });
    let mut replies = client(&fleet.registry).chat(notes).await.unwrap();
    for text in ["A", "B", "C"] {
        assert_eq!(replies.next().await.unwrap().unwrap().text, text);
    }
    said.await.unwrap();
    fleet.end().await;
}

#[tokio::test]
async fn a_stream_of_requests_that_is_longer_than_what_is_kept_says_that_it_was_refused() {
    let fleet = Fleet::start().await;
    let long = Order {
        note: Some("x".repeat(20_000)),
        ..order(1)
    };
    let upload = client(&fleet.registry).upload(vec![long; 20]);
    // All of it may have been sent before the word came, or little.
    match upload.await {
        Ok(summary) => assert_eq!(summary.orders, 20),
        Err(error) => {
            assert_eq!(error.code(), callsheet::Code::Unavailable);
            assert_eq!(error.status().progress(), callsheet::Progress::NotStarted);
        }
    }
    fleet.end().await;
}

/// A server that knows nothing of orders, where a record says that they are taken.
async fn stranger(registry: &Handle, id: &str, weight: u32) -> (Running, Lease) {
    let server = Server::bind("127.0.0.1:0").start().await.unwrap();
    let mut record = Instance::new(id, "shop.orders.Orders");
    record.addresses = vec![server.addresses()[0].to_string()];
    record.weight = weight;
    let lease = registry.register(vec![record]).unwrap();
    lease.listed().await.unwrap();
    (server, lease)
}

#[tokio::test]
async fn a_server_of_something_else_at_an_address_that_is_listed_costs_no_call() {
    let registry = registry().await;
    let (else_a, _lease_a) = stranger(&registry, "a", 1_000_000).await;
    let (else_b, _lease_b) = stranger(&registry, "b", 1_000_000).await;
    let (shop, mut audited) = Shop::new("orders");
    let server = Server::bind("127.0.0.1:0")
        .add(OrdersServer::new(shop).weight(1))
        .register(&registry)
        .start()
        .await
        .unwrap();
    server.listed().await;
    let orders = client(&registry);
    for _ in 0..20 {
        assert_eq!(orders.report().await.unwrap().servers, ["orders"]);
    }
    let event = AuditEvent {
        actor: "ada".into(),
        action: "moved".into(),
    };
    orders.audit(event.clone()).await.unwrap();
    assert_eq!(audited.recv().await, Some(event));
    for server in [else_a, else_b, server] {
        server.shutdown().await;
    }
}

#[tokio::test]
async fn a_method_that_nobody_has_is_told_after_four_instances_at_most() {
    let registry = registry().await;
    let mut strangers = Vec::new();
    for id in ["a", "b", "c", "d", "e", "f"] {
        strangers.push(stranger(&registry, id, 100).await);
    }
    let error = client(&registry).report().await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    assert_eq!(error.status().attempts(), 4);
    assert_eq!(error.status().progress(), Progress::NotStarted);
    for (server, _lease) in strangers {
        server.shutdown().await;
    }
}
