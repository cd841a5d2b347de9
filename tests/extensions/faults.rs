//! Faults strike the calls that they are meant for, as often as they are meant to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use callsheet::governance::{HedgeSettings, Settings, Share};
use callsheet::observe::Observer;
use callsheet::testing::{Cluster, Fault, Faults};
use callsheet::{Client, Code, Progress, Status};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersMock, OrdersServer};
use callsheet_tests::rpc::shop::orders::{Order, PlaceOrder, Report};
use tokio::time::Instant;

use crate::shop::{cluster, orders};

fn wish() -> PlaceOrder {
    PlaceOrder {
        customer: "ada".into(),
        items: vec![callsheet_tests::rpc::shop::orders::Item {
            sku: "tea".into(),
            amount: 1,
            ..Default::default()
        }],
    }
}

/// A shop of one member that counts the orders that were placed.
async fn counting() -> (Cluster, OrdersClient, Arc<AtomicU32>) {
    let placed = Arc::<AtomicU32>::default();
    let counter = Arc::clone(&placed);
    let cluster = Cluster::new(move |_| {
        let counter = Arc::clone(&counter);
        OrdersServer::new(
            OrdersMock::new()
                .on_place(move |_| {
                    counter.fetch_add(1, Ordering::SeqCst);
                    Ok(Order::default())
                })
                .on_report(|| Ok(Report::default())),
        )
    });
    let cluster = cluster.start(1).await.unwrap();
    let orders = orders(&cluster);
    (cluster, orders, placed)
}

#[tokio::test(start_paused = true)]
async fn a_fault_strikes_only_what_it_names() {
    let cluster = cluster(2).await;
    let orders = orders(&cluster);
    let faults = cluster.faults();
    let aborted = || Fault::status(Status::data_loss("struck"));
    let elsewhere = [
        faults.add(aborted().service("shop.orders.Other")),
        faults.add(aborted().method("place")),
        faults.add(aborted().instance("7")),
        faults.add(aborted().share(0.0)),
    ];
    for _ in 0..20 {
        orders.report().await.unwrap();
    }
    assert!(elsewhere.iter().all(|&id| faults.struck(id) == 0));
    let here = faults.add(
        aborted()
            .service("shop.orders.Orders")
            .method("report")
            .instance("1"),
    );
    let (mut good, mut bad) = (0, 0);
    for _ in 0..40 {
        match orders.report().await {
            Ok(report) => {
                assert_eq!(report.servers, ["0"]);
                good += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), Code::DataLoss);
                bad += 1;
            }
        }
    }
    assert!(good > 0 && bad > 0, "{good} good, {bad} bad");
    assert!(faults.struck(here) >= bad);
    faults.remove(here);
    orders.report().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_fault_takes_its_share_and_comes_as_often_as_it_is_told() {
    let (cluster, orders, _) = counting().await;
    let faults = cluster.faults();
    let fault = faults.add(Fault::code(Code::DataLoss).share(0.25));
    for _ in 0..400 {
        // Some fail: that is counted below.
        drop(orders.report().await);
    }
    let struck = faults.struck(fault);
    assert!((70..=130).contains(&struck), "{struck} of 400");
    faults.clear();
    let twice = faults.add(Fault::code(Code::DataLoss).times(2));
    let mut failed = 0;
    for _ in 0..10 {
        failed += u32::from(orders.report().await.is_err());
    }
    assert_eq!((failed, faults.struck(twice)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn latency_passes_in_the_tests_own_time() {
    let (cluster, orders, _) = counting().await;
    orders.report().await.unwrap();
    let (from, to) = (Duration::from_millis(200), Duration::from_millis(300));
    cluster.faults().add(Fault::latency_between(from, to));
    for _ in 0..10 {
        let start = Instant::now();
        orders.report().await.unwrap();
        assert!((from..to + Duration::from_millis(2)).contains(&start.elapsed()));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_struck_before_the_handler_did_not_run_and_what_is_struck_behind_it_did() {
    let (cluster, orders, placed) = counting().await;
    let before = cluster.faults().add(Fault::status(Status::internal("no")));
    orders.place(wish()).await.unwrap_err();
    assert_eq!(placed.load(Ordering::SeqCst), 0);
    cluster.faults().remove(before);
    cluster.faults().add(Fault::reset().after_handler());
    let error = orders.place(wish()).await.unwrap_err();
    assert_eq!(placed.load(Ordering::SeqCst), 1);
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    assert_eq!(error.status().progress(), Progress::MaybeRun, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_fails_every_call_on_it_and_the_next_one_finds_another() {
    let (cluster, orders, _) = counting().await;
    let faults = cluster.faults();
    let silent = faults.add(Fault::silence().method("report"));
    let waiting: Vec<_> = (0..3).map(|_| orders.report().start()).collect();
    while faults.struck(silent) < 3 {
        tokio::task::yield_now().await;
    }
    faults.add(Fault::reset().method("place").times(1));
    assert_eq!(
        orders.place(wish()).await.unwrap_err().code(),
        Code::Unavailable
    );
    faults.clear();
    orders.place(wish()).await.unwrap();
    drop(waiting);
}

#[tokio::test(start_paused = true)]
async fn a_client_alone_meets_faults_as_well() {
    let registry = callsheet::registry::connect("static:memory:nobody")
        .await
        .unwrap();
    let faults = Faults::new(1);
    let client = Client::builder()
        .registry(&registry)
        .filter(faults.clone())
        .build();
    let orders = OrdersClient::new(&client);
    let id = faults.add(Fault::code(Code::PermissionDenied).method("get"));
    assert_eq!(
        orders.get(1).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    assert_eq!(faults.struck(id), 1);
    faults.clear();
    faults.add(Fault::silence());
    let error = orders
        .get(1)
        .timeout(Duration::from_millis(50))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert_eq!(error.status().setting(), Some("Call::timeout"));
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_sees_the_tries_that_a_deadline_cuts_off() {
    let cluster = cluster(2).await;
    cluster.faults().add(Fault::silence());
    let observer = Observer::new().recent_calls(16);
    let always = HedgeSettings::new().budget(Share::percent(100));
    let client = cluster.client_with(|builder| {
        let settings = Settings::new().hedge(always);
        builder.observer(&observer).settings(settings)
    });
    let orders = OrdersClient::new(&client);
    let sees = |tries| {
        let seen = &observer.recent()[0];
        assert_eq!(seen.tries.len(), tries, "{seen}");
        for cut_off in &seen.tries {
            assert_eq!(cut_off.code, Code::DeadlineExceeded, "{seen}");
            assert!(cut_off.instance.starts_with("cluster://"), "{seen}");
        }
    };
    let report = orders.report().timeout(Duration::from_secs(1)).await;
    assert_eq!(report.unwrap_err().code(), Code::DeadlineExceeded);
    sees(1);
    // Another one is asked after 30 ms.
    let order = orders.get(7).await;
    assert_eq!(order.unwrap_err().code(), Code::DeadlineExceeded);
    sees(2);
}
