//! Which instance a call goes to: by group, by release, by both.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callsheet::filter::{self, Filter, Next};
use callsheet::{Client, Code, Progress, Release, Status};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use callsheet_tests::rpc::shop::orders::{OrdersGroup, WatchOrders, v2};

use crate::shop::{Shop, client, offer, registry};

async fn answers(orders: &OrdersClient) -> Vec<String> {
    orders.report().await.unwrap().servers
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_to_the_group_that_the_client_or_the_call_chose() {
    let registry = registry().await;
    let shop = |name: &str| OrdersServer::new(Shop::new(name).0);
    let retail = offer(&registry, shop("retail")).await;
    let orders = client(&registry);
    let wholesale_only = orders.clone().with_group(OrdersGroup::Wholesale);
    let preferring = orders
        .clone()
        .with_groups([OrdersGroup::Wholesale, OrdersGroup::Default]);
    assert_eq!(answers(&orders).await, ["retail"]);
    assert_eq!(answers(&preferring).await, ["retail"]);
    let error = wholesale_only.report().await.unwrap_err();
    assert_eq!(error.status().progress(), Progress::NotStarted);
    assert!(error.message().contains("group `wholesale`"), "{error}");
    assert!(error.message().contains("in default (1)"), "{error}");

    let bulk = offer(&registry, shop("bulk").group(OrdersGroup::Wholesale)).await;
    assert_eq!(answers(&orders).await, ["retail"]);
    assert_eq!(answers(&wholesale_only).await, ["bulk"]);
    assert_eq!(answers(&preferring).await, ["bulk"]);
    let once = orders
        .report()
        .group(&OrdersGroup::Wholesale)
        .await
        .unwrap();
    assert_eq!(once.servers, ["bulk"]);
    bulk.shutdown().await;
    assert_eq!(answers(&preferring).await, ["retail"]);
    retail.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn answers_of_all_groups_become_one() {
    let registry = registry().await;
    let shop = |name: &str| OrdersServer::new(Shop::new(name).0);
    let retail = offer(&registry, shop("retail")).await;
    let bulk = offer(&registry, shop("bulk").group(OrdersGroup::Wholesale)).await;
    let orders = client(&registry);
    let merged = orders.report().all_groups().await.unwrap();
    assert_eq!(
        (merged.servers, merged.orders),
        (vec!["retail".into(), "bulk".into()], 2)
    );
    let most = orders.report().all_groups_with(|answers| {
        let names = answers
            .iter()
            .map(|(group, report)| format!("{group}: {}", report.orders));
        Some(names.collect::<Vec<_>>())
    });
    assert_eq!(most.await.unwrap(), ["default: 1", "wholesale: 1"]);
    let one_fails = orders.get(404).all_groups().await.unwrap_err();
    assert_eq!(one_fails.code(), Code::NotFound);
    retail.shutdown().await;
    bulk.shutdown().await;
}

/// Counts the calls that go through it.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Filter for Count {
    async fn call(&self, call: filter::Call, next: Next) -> Result<filter::Reply, Status> {
        self.0.fetch_add(1, Ordering::SeqCst);
        next.run(call).await
    }
}

#[tokio::test(start_paused = true)]
async fn answers_of_all_instances_become_one() {
    let registry = registry().await;
    let shop = |name: &str| OrdersServer::new(Shop::new(name).0);
    let mut servers = Vec::new();
    for name in ["a", "b", "c"] {
        servers.push(offer(&registry, shop(name)).await);
    }
    let bulk = shop("bulk").group(OrdersGroup::Wholesale);
    servers.push(offer(&registry, bulk).await);
    let count = Count::default();
    let orders = client(&registry).with_filter(count.clone());

    let merged = orders.report().all_instances().await.unwrap();
    let names: BTreeSet<_> = merged.servers.iter().map(String::as_str).collect();
    assert_eq!((names, merged.orders), (BTreeSet::from(["a", "b", "c"]), 3));
    assert_eq!(
        count.0.load(Ordering::SeqCst),
        3,
        "each is a call of its own"
    );

    let each = orders.report().all_instances_with(Some).await.unwrap();
    let listed = registry.watch("shop.orders.Orders").answered().await;
    let listed = listed
        .instances()
        .iter()
        .filter(|one| one.group == "default");
    let listed: Vec<_> = listed.map(|one| one.addresses[0].clone()).collect();
    let asked: Vec<_> = each
        .iter()
        .map(|(address, _)| address.to_string())
        .collect();
    assert_eq!(asked, listed, "in the order of the list");

    let wholesale = orders.report().group(&OrdersGroup::Wholesale);
    let merged = wholesale.all_instances().await.unwrap();
    assert_eq!(merged.servers, ["bulk"]);
    let nothing = orders.report().all_instances_with(|_| None::<()>);
    assert_eq!(nothing.await.unwrap_err().code(), Code::Unavailable);
    let stream = orders.watch(WatchOrders::default());
    let stream = stream.all_instances_with(|_| Some(())).await.unwrap_err();
    assert_eq!(stream.code(), Code::FailedPrecondition);
    for server in servers {
        server.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_method_of_a_later_release_goes_only_where_it_is_served() {
    let registry = registry().await;
    let old = OrdersServer::new(Shop::new("old").0).release(Release::new(1, 0));
    let old = offer(&registry, old).await;
    let orders = client(&registry);
    let Err(error) = orders.watch(WatchOrders::default()).await else {
        panic!("nobody serves 1.1 yet");
    };
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(error.message().contains(">=1.1, <2.0"), "{error}");
    assert!(error.message().contains("1.0 in default (1)"), "{error}");

    let new = offer(&registry, OrdersServer::new(Shop::new("new").0)).await;
    for _ in 0..20 {
        orders
            .watch(WatchOrders::default())
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        seen.extend(answers(&orders).await);
    }
    let narrowed = orders.with_releases(">=1.1, <2".parse().unwrap());
    for _ in 0..20 {
        assert_eq!(answers(&narrowed).await, ["new"]);
    }
    old.shutdown().await;
    new.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn majors_live_side_by_side_on_one_port() {
    let registry = registry().await;
    let report = |name: &'static str| {
        v2::OrdersMock::new().on_report(move || {
            Ok(callsheet_tests::rpc::shop::orders::Report {
                servers: vec![name.into()],
                ..Default::default()
            })
        })
    };
    let server = callsheet::Server::bind("127.0.0.1:0")
        .add(OrdersServer::new(Shop::new("first").0))
        .add(v2::OrdersServer::new(report("second")))
        .add(v2::OrdersServer::new(report("third")).group(OrdersGroup::Wholesale))
        .register(&registry)
        .start()
        .await
        .unwrap();
    let client = Client::builder().registry(&registry).build();
    let two = v2::OrdersClient::new(&client);
    assert_eq!(answers(&OrdersClient::new(&client)).await, ["first"]);
    assert_eq!(two.report().await.unwrap().servers, ["second"]);
    let wholesale = two.with_group(OrdersGroup::Wholesale);
    assert_eq!(wholesale.report().await.unwrap().servers, ["third"]);
    server.shutdown().await;
}
