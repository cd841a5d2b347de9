//! Chance that a seed decides: two clients with one seed that meet with the same do the same.

use std::fmt::Write;
use std::time::Duration;

use callsheet::governance::{HedgeSettings, RetrySettings, Settings, Share};
use callsheet::registry::Expected;
use callsheet::testing::{Cluster, Fault, seeded};
use callsheet::{Code, Status};
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};
use tokio::time::{Instant, sleep};

use crate::shop::shop;

/// What a client with this seed lives to see among servers that fail, are slow and turn calls away: how each call ended, when and
/// where, and how its breakers stand in the end.
async fn life(seed: u64) -> String {
    let cluster = {
        // Servers have ids by chance, and stand in their order.
        let _same_servers = seeded(1);
        let cluster = Cluster::new(|name| OrdersServer::new(shop(name)))
            .seed(1)
            .configure(|name, server| server.tag("lane", format!("lane-{name}")))
            .start(5)
            .await
            .unwrap();
        let documents = cluster.registry().documents().unwrap();
        let rule = "[[rule]]\nwhen = 'method = report'\nto = 'tag.lane = lane-0'\nshare = '30%'";
        let put = documents.put("shop.orders.Orders", rule, Expected::Absent);
        put.await.unwrap();
        cluster
    };
    let hedge = HedgeSettings::new()
        .after(Duration::from_millis(30))
        .budget(Share::percent(50));
    let settings = Settings::new()
        .retry(
            RetrySettings::new()
                .attempts(3_u32)
                .budget(Share::percent(100)),
        )
        .hedge(hedge);
    let client = cluster.client_with(|builder| builder.seed(seed).settings(settings));
    let orders = OrdersClient::new(&client);
    orders.report().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let (short, long) = (Duration::from_millis(1), Duration::from_millis(60));
    let faults = cluster.faults();
    faults.add(Fault::latency_between(short, long));
    faults.add(Fault::code(Code::Unavailable).share(0.2));
    faults.add(Fault::code(Code::Internal).instance("3").share(0.6));

    let start = Instant::now();
    let mut log = String::new();
    calls(&orders, &mut log, start, 60).await;
    // A crash and a new start: pauses before connections.
    cluster.kill(4);
    calls(&orders, &mut log, start, 20).await;
    {
        let _same_server = seeded(2);
        cluster.restart(4).await.unwrap();
    }
    // Too much to do for all: calls are kept back.
    let busy = Status::resource_exhausted("busy")
        .not_started()
        .overloaded();
    let busy = faults.add(Fault::status(busy).share(0.9));
    calls(&orders, &mut log, start, 40).await;
    faults.remove(busy);
    calls(&orders, &mut log, start, 40).await;
    for breakers in client.breakers() {
        writeln!(log, "{breakers:?}").unwrap();
    }
    log
}

/// Makes so many rounds of calls, four at once, and writes down what becomes of them.
async fn calls(orders: &OrdersClient, log: &mut String, start: Instant, rounds: u64) {
    for round in 0..rounds {
        let reports = (0..3).map(|_| orders.report().start());
        let reports: Vec<_> = reports.collect();
        let got = orders.get(round).with_trailers().await;
        let at = start.elapsed();
        match got {
            Ok((_, trailers)) => writeln!(log, "{at:?} {:?}", trailers.text("attempt")),
            Err(error) => writeln!(log, "{at:?} {error}"),
        }
        .unwrap();
        for report in reports {
            let report = report.await.map(|report| report.servers);
            let at = start.elapsed();
            match report {
                Ok(servers) => writeln!(log, "{at:?} {servers:?}"),
                Err(error) => writeln!(log, "{at:?} {error}"),
            }
            .unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn clients_with_one_seed_that_meet_with_the_same_do_the_same() {
    let (one, same, other) = (life(7).await, life(7).await, life(8).await);
    for (line, (one, same)) in one.lines().zip(same.lines()).enumerate() {
        assert_eq!(one, same, "line {line}");
    }
    assert_eq!(one, same);
    assert_ne!(one, other);
    // All that chance decides had its turn.
    for met in [
        "attempts in",
        "Settings::throttle",
        "Some(\"1\")",
        "[\"0\"]",
        "Open",
    ] {
        assert!(one.contains(met), "{met} in\n{one}");
    }
}
