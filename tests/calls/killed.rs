//! Servers that are killed, leave and come back while calls go on, found through a folder that all processes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use callsheet::{Code, registry};
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;
use tokio::time::timeout;

use crate::keeper::{Keeper, LIMIT, orders};

const SERVICE: &str = "shop.orders.Orders";

/// Callers of one client, each of which asks again when it is answered.
const CALLERS: usize = 8;

/// Calls without a pause.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    callers: Vec<tokio::task::JoinHandle<Vec<callsheet::Status>>>,
}

impl Load {
    fn of(orders: &OrdersClient) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let answered = Arc::<AtomicUsize>::default();
        let callers = (0..CALLERS)
            .map(|_| {
                let (orders, stop) = (orders.clone(), Arc::clone(&stop));
                let answered = Arc::clone(&answered);
                tokio::spawn(async move {
                    let mut failures = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        match orders.get(7).timeout(LIMIT).await {
                            Ok(_) => _ = answered.fetch_add(1, Ordering::Relaxed),
                            Err(error) => failures.push(error.into_status()),
                        }
                    }
                    failures
                })
            })
            .collect();
        Self {
            stop,
            answered,
            callers,
        }
    }

    /// Waits until this many more calls are answered.
    async fn answers(&self, more: usize) {
        let enough = self.answered.load(Ordering::Relaxed) + more;
        let answered = timeout(LIMIT, async {
            while self.answered.load(Ordering::Relaxed) < enough {
                tokio::task::yield_now().await;
            }
        });
        answered.await.expect("calls are answered");
    }

    async fn failures(self) -> Vec<callsheet::Status> {
        self.stop.store(true, Ordering::Relaxed);
        let mut failures = Vec::new();
        for caller in self.callers {
            failures.extend(caller.await.unwrap());
        }
        failures
    }
}

async fn listed(registry: &str, number: usize) {
    let mut watch = registry::connect(registry).await.unwrap().watch(SERVICE);
    let seen = watch.seen(|now| now.instances().len() == number);
    timeout(LIMIT, seen).await.expect("the list changes");
}

#[tokio::test]
async fn a_killed_server_costs_the_calls_in_flight_at_most_and_one_that_leaves_none() {
    let folder = tempfile::tempdir().unwrap();
    let registry = format!("file:{}", folder.path().display());
    let mut servers = Vec::new();
    for name in ["killed", "leaving", "lasting"] {
        let mut server = Keeper::start(&["serve", name, &registry, "127.0.0.1:0"]);
        server.address().await;
        servers.push(server);
    }
    listed(&registry, 3).await;
    let clients = [orders(&registry).await, orders(&registry).await];
    let loads = clients.each_ref().map(Load::of);
    for load in &loads {
        load.answers(200).await;
    }
    servers.remove(0).kill().await;
    listed(&registry, 2).await;
    for load in &loads {
        load.answers(200).await;
    }
    for load in loads {
        let failures = load.failures().await;
        assert!(failures.len() <= CALLERS, "{failures:?}");
        for status in failures {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
    }

    let loads = clients.each_ref().map(Load::of);
    let mut newcomer = Keeper::start(&["serve", "joining", &registry, "127.0.0.1:0"]);
    newcomer.address().await;
    listed(&registry, 3).await;
    servers[0].ask_to_leave();
    servers[0].line_with("0 cancelled").await;
    servers[0].ends().await;
    for load in &loads {
        load.answers(200).await;
    }
    for load in loads {
        let failures = load.failures().await;
        assert!(failures.is_empty(), "{failures:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_back_on_its_port_is_called_again() {
    let (server, registry) = Keeper::serve("first").await;
    let orders = orders(&registry).await;
    assert_eq!(orders.get(7).await.unwrap().customer, "first");
    server.kill().await;
    let error = orders.get(7).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    let bind = registry.replacen("static:tcp://", "", 1);
    let mut server = Keeper::start(&["serve", "second", "none", &bind]);
    server.address().await;
    assert_eq!(
        orders.get(7).timeout(LIMIT).await.unwrap().customer,
        "second"
    );
}
