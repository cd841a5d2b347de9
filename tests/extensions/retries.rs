//! A retry policy of a third party: it decides what is tried again, within the budget of all retries.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use callsheet::Code;
use callsheet::governance::{RetrySettings, Settings};
use callsheet::resilience::{Failure, Retries, Step};
use callsheet::testing::{Cluster, Fault};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersMock, OrdersServer};
use callsheet_tests::rpc::shop::orders::{Item, Order, PlaceOrder};
use tokio::time::Instant;

/// Conflicts are tried again three times, each after ten milliseconds more, whatever the contract says of the method; what it
/// has nothing to say to is treated as ever.
#[derive(Clone, Default)]
struct Conflicts {
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// Of which method, behind how many retries, and what would have followed.
type Asked = (&'static str, u32, Step);

impl Retries for Conflicts {
    fn next(&self, failure: &Failure<'_>, usual: Step) -> Step {
        let mut asked = self.asked.lock().unwrap();
        asked.push((failure.method.name, failure.retries, usual));
        match failure.status.code() {
            Code::Aborted if failure.retries < 3 => {
                Step::After(Duration::from_millis(10) * (failure.retries + 1))
            }
            Code::Aborted => Step::GiveUp,
            _ => usual,
        }
    }
}

async fn conflicting(times: u64) -> (Cluster, OrdersClient, Conflicts) {
    let shop = |_: &str| OrdersServer::new(OrdersMock::new().on_place(|_| Ok(Order::default())));
    let cluster = Cluster::new(shop).start(1).await.unwrap();
    cluster
        .faults()
        .add(Fault::code(Code::Aborted).times(times));
    let conflicts = Conflicts::default();
    let client = cluster.client_with(|builder| {
        let floor = RetrySettings::new().budget_floor(10_u32);
        builder
            .retries(conflicts.clone())
            .settings(Settings::new().retry(floor))
    });
    (cluster, OrdersClient::new(&client), conflicts)
}

fn wish() -> PlaceOrder {
    PlaceOrder {
        customer: "ada".into(),
        items: vec![Item {
            sku: "tea".into(),
            amount: 1,
            ..Item::default()
        }],
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_ones_own_retries_what_would_not_be_retried() {
    let (_cluster, orders, conflicts) = conflicting(2).await;
    let start = Instant::now();
    orders.place(wish()).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(10 + 20));
    let asked = conflicts.asked.lock().unwrap();
    let usual = Step::GiveUp;
    assert_eq!(*asked, [("place", 0, usual), ("place", 1, usual)]);
}

#[tokio::test(start_paused = true)]
async fn what_it_gives_up_is_the_answer() {
    let (cluster, orders, conflicts) = conflicting(100).await;
    let error = orders.place(wish()).await.unwrap_err();
    assert_eq!(error.code(), Code::Aborted);
    assert_eq!(error.status().attempts(), 4);
    assert_eq!(conflicts.asked.lock().unwrap().len(), 4);
    cluster.faults().clear();
    cluster.faults().add(Fault::code(Code::DataLoss));
    let error = orders.place(wish()).await.unwrap_err();
    assert_eq!(
        error.status().attempts(),
        1,
        "it had nothing to say to that"
    );
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_retries_counts_for_it_too() {
    let (cluster, orders, _) = conflicting(u64::MAX).await;
    let mut tries = 0;
    for _ in 0..100 {
        tries += orders.place(wish()).await.unwrap_err().status().attempts();
    }
    assert!(tries < 200, "{tries} attempts of 100 calls");
    drop(cluster);
}
