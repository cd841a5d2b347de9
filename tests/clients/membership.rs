//! Servers that come, go, and come back while calls go on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use callsheet::registry::{BoxFuture, Handle, Instance, MAX_INSTANCES, Memory};
use callsheet::transport::{Accept, BoxIo, Transport};
use callsheet::{Client, Code, Error, Server, registry};
use callsheet_tests::rpc::shop::orders::WatchOrders;
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};

use crate::shop::{Shop, client, registry, serve};

const SERVICE: &str = "shop.orders.Orders";

/// Calls without a pause from several tasks until the guard is asked for what was lost.
struct Load {
    done: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn on(orders: &OrdersClient) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let callers = (0..8).map(|_| tokio::spawn(call(orders.clone(), Arc::clone(&done))));
        Self {
            callers: callers.collect(),
            done,
        }
    }

    async fn lost(self) -> Vec<String> {
        self.done.store(true, Ordering::Relaxed);
        let mut lost = Vec::new();
        for caller in self.callers {
            lost.extend(caller.await.unwrap());
        }
        lost
    }
}

async fn call(orders: OrdersClient, done: Arc<AtomicBool>) -> Vec<String> {
    let mut lost = Vec::new();
    while !done.load(Ordering::Relaxed) {
        if let Err(error) = orders.report().await {
            lost.push(error.to_string());
        }
        if let Err(error) = watch(&orders).await {
            lost.push(format!("a stream: {error}"));
        }
        tokio::task::yield_now().await;
    }
    lost
}

/// A stream of one event, to its end.
async fn watch(orders: &OrdersClient) -> Result<(), Error> {
    let watch = WatchOrders {
        limit: 1,
        ..WatchOrders::default()
    };
    let events = orders.watch(watch).await?.collect().await?;
    assert_eq!(events.len(), 1);
    Ok(())
}

/// Calls until each of `names` has answered.
async fn all_answer(orders: &OrdersClient, names: &[&str]) {
    let mut missing: Vec<_> = names.to_vec();
    while !missing.is_empty() {
        let report = orders.report().await.unwrap();
        missing.retain(|name| *name != report.servers[0]);
    }
}

async fn start(registry: &Handle, name: &str) -> callsheet::server::Running {
    Server::bind("127.0.0.1:0")
        .add(OrdersServer::new(Shop::new(name).0))
        .register(registry)
        .start()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_join_and_leave_without_a_lost_call() {
    let folder = tempfile::tempdir().unwrap();
    for address in [
        "memory:membership".into(),
        format!("file:{}", folder.path().display()),
    ] {
        let registry = registry::connect(&address).await.unwrap();
        let mut server = start(&registry, "0").await;
        let orders = client(&registry);
        let load = Load::on(&orders);
        for round in ["1", "2", "3", "4"] {
            let next = start(&registry, round).await;
            all_answer(&orders, &[round]).await;
            server.shutdown().await;
            server = next;
        }
        assert_eq!(load.lost().await, [""; 0], "on {address}");
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_emptied_costs_no_call() {
    let memory = Memory::new();
    let registry = Handle::new(memory.clone());
    let mut servers = Vec::new();
    for name in ["0", "1", "2"] {
        servers.push(start(&registry, name).await);
    }
    let mut dead = Instance::new("dead", SERVICE);
    // A port that was free a moment ago refuses connections.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    dead.addresses = vec![free.local_addr().unwrap().to_string()];
    drop(free);
    let lease = registry.register(vec![dead]).unwrap();
    lease.listed().await.unwrap();

    let (notices, mut told) = tokio::sync::mpsc::unbounded_channel();
    let client = Client::builder()
        .registry(&registry)
        .on_notice(move |notice| drop(notices.send(notice.to_string())))
        .build();
    let orders = OrdersClient::new(&client);
    let load = Load::on(&orders);
    all_answer(&orders, &["0", "1", "2"]).await;
    memory.wipe();
    let mut view = client.watch(SERVICE);
    let kept = view.seen(|now| now.unlisted().len() == 3).await;
    assert!(kept.instance("dead").is_none(), "connections are refused");
    all_answer(&orders, &["0", "1", "2"]).await;
    let notice = told.recv().await.unwrap();
    assert_eq!(
        notice,
        "the registry lost 4 instances of shop.orders.Orders and lists 0: those that answer are kept"
    );

    // A planned leave is believed as ever, and so is a server that is listed again.
    servers.pop().unwrap().shutdown().await;
    view.seen(|now| now.unlisted().len() == 2).await;
    servers.push(start(&registry, "3").await);
    all_answer(&orders, &["0", "1", "3"]).await;
    assert_eq!(load.lost().await, [""; 0]);
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_moves_from_one_registry_to_another_without_a_lost_call() {
    let (old, new) = (Handle::new(Memory::new()), Handle::new(Memory::new()));
    let both = registry::all([new.clone(), old.clone()]).unwrap();
    let mut servers = vec![start(&old, "0").await, start(&old, "1").await];
    let (early, late) = (client(&old), client(&both));
    let load = [Load::on(&early), Load::on(&late)];
    // One after another, each server comes back with both; then clients need the old registry no more.
    for name in ["2", "3"] {
        let next = start(&both, name).await;
        all_answer(&early, &[name]).await;
        all_answer(&late, &[name]).await;
        servers.remove(0).shutdown().await;
        servers.push(next);
    }
    let [early, late_load] = load;
    assert_eq!(early.lost().await, [""; 0]);
    for name in ["4", "5"] {
        let next = start(&new, name).await;
        all_answer(&late, &[name]).await;
        servers.remove(0).shutdown().await;
        servers.push(next);
    }
    assert_eq!(late_load.lost().await, [""; 0]);
    all_answer(&client(&new), &["4", "5"]).await;
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn servers_are_listed_again_where_the_registry_forgot_them() {
    let memory = Memory::new();
    let registry = Handle::new(memory.clone());
    let server = serve(&registry, &Shop::new("a").0).await;
    let client = Client::builder().registry(&registry).build();
    OrdersClient::new(&client).report().await.unwrap();
    memory.wipe();
    let mut view = client.watch(SERVICE);
    view.seen(|now| now.unlisted().len() == 1).await;
    let again = view.seen(|now| now.unlisted().is_empty()).await;
    assert_eq!(again.instances().len(), 1);
    server.shutdown().await;
}

#[tokio::test]
async fn a_server_that_comes_back_on_its_port_is_found_again() {
    let (shop, _) = Shop::new("first");
    let first = Server::bind("127.0.0.1:0")
        .add(OrdersServer::new(shop))
        .start()
        .await
        .unwrap();
    let address = first.addresses()[0].to_string();
    let registry = registry::connect(&format!("static:{address}"))
        .await
        .unwrap();
    let orders = client(&registry);
    assert_eq!(orders.report().await.unwrap().servers, ["first"]);
    first.shutdown().await;

    let error = orders.report().await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(
        error.status().attempts() == 0,
        "no connection took the request"
    );
    assert_eq!(error.status().endpoint(), Some(&*address));

    let (shop, _) = Shop::new("second");
    let second = Server::bind(address)
        .add(OrdersServer::new(shop))
        .start()
        .await
        .unwrap();
    assert_eq!(orders.report().await.unwrap().servers, ["second"]);
    second.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_cannot_be_reached_costs_no_call() {
    let registry = registry().await;
    let (shop, _) = Shop::new("alive");
    let server = serve(&registry, &shop).await;
    let mut dead = callsheet::registry::Instance::new("dead", "shop.orders.Orders");
    dead.addresses = vec!["memory:nobody-listens-here".into()];
    let lease = registry.register(vec![dead]).unwrap();
    let orders = client(&registry);
    for _ in 0..50 {
        assert_eq!(orders.report().await.unwrap().servers, ["alive"]);
    }
    drop(lease);
    server.shutdown().await;
}

/// A way to servers that leads nowhere, and counts who tried it.
#[derive(Clone, Default)]
struct Nowhere(Arc<AtomicUsize>);

impl Transport for Nowhere {
    fn scheme(&self) -> &'static str {
        "nowhere"
    }

    fn connect<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<BoxIo>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    fn listen<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Accept>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
}

#[tokio::test(start_paused = true)]
async fn thousands_of_instances_that_nobody_reaches_cost_a_call_three_attempts() {
    let registry = registry().await;
    let (shop, _) = Shop::new("alive");
    let server = serve(&registry, &shop).await;
    let nowhere = Nowhere::default();
    let client = Client::builder().registry(&registry);
    let client = client.transport(nowhere.clone()).build();
    let orders = OrdersClient::new(&client);
    assert_eq!(orders.report().await.unwrap().servers, ["alive"]);
    let dead = (1..MAX_INSTANCES).map(|number| {
        let mut dead = Instance::new(format!("dead{number}"), SERVICE);
        dead.addresses = vec![format!("nowhere://{number}")];
        dead
    });
    let lease = registry.register(dead.collect()).unwrap();
    let mut view = client.watch(SERVICE);
    view.seen(|now| now.instances().len() == MAX_INSTANCES)
        .await;
    for call in 1..=100 {
        assert_eq!(orders.report().await.unwrap().servers, ["alive"]);
        let attempts = nowhere.0.load(Ordering::Relaxed);
        assert!(attempts <= 3 * call, "{attempts} behind {call} calls");
    }
    drop(lease);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_connected_to_and_says_nothing_costs_no_call() {
    let registry = registry().await;
    let (shop, _) = Shop::new("alive");
    let server = serve(&registry, &shop).await;
    // The system connects to a process that has stopped.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut stopped = callsheet::registry::Instance::new("stopped", "shop.orders.Orders");
    stopped.addresses = vec![mute.local_addr().unwrap().to_string()];
    let lease = registry.register(vec![stopped]).unwrap();
    let orders = client(&registry);
    for _ in 0..50 {
        assert_eq!(orders.report().await.unwrap().servers, ["alive"]);
    }
    drop(lease);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_moves_is_followed_at_once() {
    let registry = registry().await;
    let start = async |name: &str| {
        let offer = OrdersServer::new(Shop::new(name).0);
        let server = Server::bind(format!("memory:moves-{name}"));
        server.add(offer).start().await.unwrap()
    };
    let (here, there) = (start("here").await, start("there").await);
    let mut record = callsheet::registry::Instance::new("moving", "shop.orders.Orders");
    record.addresses = vec![here.addresses()[0].to_string()];
    let lease = registry.register(vec![record.clone()]).unwrap();
    lease.listed().await.unwrap();
    let orders = client(&registry);
    assert_eq!(orders.report().await.unwrap().servers, ["here"]);
    record.addresses = vec![there.addresses()[0].to_string()];
    lease.update(vec![record]).unwrap();
    lease.listed().await.unwrap();
    assert_eq!(orders.report().await.unwrap().servers, ["there"]);
    here.shutdown().await;
    there.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_one_connection_likes_share_several() {
    let registry = registry().await;
    let (shop, _) = Shop::new("a");
    let server = serve(&registry, &shop).await;
    let client = Client::builder()
        .registry(&registry)
        .connections_per_server(3)
        .build();
    let orders = OrdersClient::new(&client);
    let mut calls = Vec::new();
    for number in 1..=200 {
        calls.push(orders.get(0).no_timeout().start());
        shop.stuck_are(number).await;
    }
    assert_eq!(server.connections(), 3);
    drop(calls);
    shop.stuck_are(0).await;
    server.shutdown().await;
}
