//! What the command says of instances, and clients that run do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use callsheet::balance::Weighted;
use callsheet::registry::Snapshot;
use callsheet::server::Running;
use callsheet::{Client, Code, Server};
use callsheet_tests::rpc::shop::orders::Report;
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersMock, OrdersServer};

use super::{SERVICE, Shop};

/// Calls whose servers are counted.
const COUNTED: u32 = 400;

/// A server whose answers name it, once it is listed.
async fn serve(shop: &Shop, name: &'static str) -> Running {
    let report = move || {
        Ok(Report {
            servers: vec![name.to_owned()],
            ..Report::default()
        })
    };
    let server = Server::bind("127.0.0.1:0")
        .add(OrdersServer::new(OrdersMock::new().on_report(report)))
        .register(&shop.registry);
    let running = server.start().await.expect("it starts");
    running.listed().await;
    running
}

/// A client that calls by weight alone.
struct Caller<'a> {
    shop: &'a Shop,
    client: Client,
    orders: OrdersClient,
}

impl Caller<'_> {
    /// Waits until the client's own view is so.
    fn sees(&self, what: &str, wanted: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        let seen = async {
            let mut view = self.client.watch(SERVICE);
            let seen = tokio::time::timeout(Duration::from_secs(60), view.seen(wanted));
            seen.await
                .unwrap_or_else(|_| panic!("it never sees {what}"))
        };
        self.shop.runtime.block_on(seen)
    }

    /// How many calls each server answered.
    fn shares(&self) -> BTreeMap<String, u32> {
        self.shop.runtime.block_on(async {
            let mut shares = BTreeMap::new();
            for _ in 0..COUNTED {
                let answer = self.orders.report().await.expect("an answer");
                *shares.entry(answer.servers[0].clone()).or_default() += 1;
            }
            shares
        })
    }
}

/// Weights and draining steer the calls of a client while it runs.
pub(super) fn check(shop: &Shop) {
    let serving = async { (serve(shop, "a").await, serve(shop, "b").await) };
    let (a, b) = shop.runtime.block_on(serving);
    let client = {
        let _runtime = shop.runtime.enter();
        let client = Client::builder().registry(&shop.registry);
        let client = client.balancer(Arc::new(Weighted::default()));
        client.warm_up(Duration::ZERO).build()
    };
    let caller = Caller {
        shop,
        orders: OrdersClient::new(&client),
        client,
    };
    let both = caller.sees("both", |now| now.instances().len() == 2);
    let at = |server: &Running| {
        let address = server.addresses()[0].to_string();
        let mut instances = both.instances().iter();
        let found = instances.find(|one| one.addresses.contains(&address));
        found.expect("it is listed").id.clone()
    };
    let (id_a, id_b) = (at(&a), at(&b));
    let say = |words: &[&str]| {
        let run = shop.run(words);
        assert_eq!(run.status(), 0, "{words:?}: {}", run.err());
    };
    let share = |count: u32, of: &str| [(of.to_owned(), count)].into();

    say(&["weight", SERVICE, &id_a, "300"]);
    caller.sees("the weight", |now| {
        now.instance(&id_a).is_some_and(|one| one.weight == 300)
    });
    let shares = caller.shares();
    assert_eq!(shares.values().sum::<u32>(), COUNTED);
    assert!(shares["a"].abs_diff(300) <= 4, "{shares:?}");

    say(&["drain", SERVICE, &id_a]);
    caller.sees("the drain", |now| now.instance(&id_a).is_none());
    assert_eq!(caller.shares(), share(COUNTED, "b"));

    say(&["drain", SERVICE, &id_b]);
    caller.sees("nobody", |now| now.instances().is_empty());
    let refused = shop
        .runtime
        .block_on(async { caller.orders.report().await });
    assert_eq!(refused.expect_err("all drain").code(), Code::Unavailable);

    say(&["drain", SERVICE, &id_a, "--undo"]);
    say(&["drain", SERVICE, &id_b, "--undo"]);
    say(&["weight", SERVICE, &id_b, "0"]);
    caller.sees("the other weight", |now| {
        now.instance(&id_a).is_some() && now.instance(&id_b).is_some_and(|one| one.weight == 0)
    });
    assert_eq!(caller.shares(), share(COUNTED, "a"));
    shop.runtime.block_on(async {
        a.shutdown().await;
        b.shutdown().await;
    });
}

#[test]
fn a_client_obeys_what_the_command_says_while_it_runs() {
    check(&Shop::open());
}
