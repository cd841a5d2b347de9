//! A balancer of a third party: the first that can be used, by the numbers that stand for the instances.

use std::collections::BTreeSet;
use std::sync::Arc;

use callsheet::balance::{Balancer, Candidates, PickContext};
use callsheet_tests::rpc::shop::orders::v1::OrdersClient;

use crate::shop::cluster;

/// Sends all calls to one instance, and to another one when that is gone.
struct First;

impl Balancer for First {
    fn pick(&self, candidates: &Candidates, context: &PickContext<'_>) -> Option<usize> {
        (0..candidates.len()).find(|&index| candidates.is_usable(index, context))
    }
}

#[tokio::test(start_paused = true)]
async fn a_balancer_of_ones_own_chooses_for_every_call() {
    let cluster = cluster(3).await;
    let client = cluster.client_with(|builder| builder.balancer(Arc::new(First)));
    let orders = OrdersClient::new(&client);
    let mut chosen = BTreeSet::new();
    for round in 1..=3 {
        let mut servers = BTreeSet::new();
        for _ in 0..20 {
            servers.extend(orders.report().await.unwrap().servers);
        }
        assert_eq!(servers.len(), 1, "{servers:?}");
        let server = servers.pop_first().unwrap();
        if round < 3 {
            cluster.stop(server.parse().unwrap()).await;
        }
        chosen.insert(server);
    }
    assert_eq!(
        chosen.len(),
        3,
        "each in its turn, when the one before was gone"
    );
}
