//! Clients and servers under governance documents that change while they run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callsheet::registry::{Expected, Handle};
use callsheet::server::Running;
use callsheet::{Client, Code, Server};
use callsheet_tests::rpc::shop::orders::OrdersGroup;
use callsheet_tests::rpc::shop::orders::v1::{OrdersClient, OrdersServer};

use crate::shop::{Shop, client, fresh, offer, registry, wish};

const SERVICE: &str = "shop.orders.Orders";

/// Writes a document, and waits for as long as it may take to be in force.
pub(crate) async fn steer(registry: &Handle, name: &str, text: &str) {
    let documents = registry.documents().unwrap();
    documents.put(name, text, Expected::Any).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// A server of this name with a tag `version`.
async fn versioned(registry: &Handle, name: &str) -> Running {
    let server = Server::bind(format!("memory:{}", fresh()))
        .add(OrdersServer::new(Shop::new(name).0))
        .tag("version", name)
        .register(registry)
        .start()
        .await
        .unwrap();
    server.listed().await;
    server
}

/// Who answers how many of so many calls, for this tenant.
async fn shares(orders: &OrdersClient, tenant: &str, calls: usize) -> BTreeMap<String, usize> {
    let mut shares = BTreeMap::new();
    for _ in 0..calls {
        let report = orders.report().metadata("tenant", tenant.to_owned());
        let [server] = report.await.unwrap().servers.try_into().unwrap();
        *shares.entry(server).or_insert(0) += 1;
    }
    shares
}

#[tokio::test(start_paused = true)]
async fn a_timeout_in_a_document_is_in_force_within_a_second_and_only_shortens() {
    let registry = registry().await;
    let server = offer(&registry, OrdersServer::new(Shop::new("a").0)).await;
    let orders = client(&registry);
    let took = async |orders: &OrdersClient, own: Option<Duration>| {
        let start = tokio::time::Instant::now();
        let call = orders.get(0);
        let call = match own {
            Some(own) => call.timeout(own),
            None => call,
        };
        let error = call.await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        start.elapsed().as_millis()
    };
    orders.report().await.unwrap();
    steer(&registry, SERVICE, "[method.get]\ntimeout = '300ms'").await;
    assert_eq!(took(&orders, None).await / 10, 30);
    assert_eq!(took(&orders, Some(Duration::from_secs(3))).await / 10, 30);
    assert_eq!(
        took(&orders, Some(Duration::from_millis(100))).await / 10,
        10
    );
    steer(&registry, SERVICE, "[method.get]\ntimeout = 'soon'").await;
    assert_eq!(
        took(&orders, None).await / 10,
        30,
        "the last good one stays"
    );
    steer(&registry, SERVICE, "{}").await;
    assert_eq!(took(&orders, Some(Duration::from_secs(3))).await / 10, 300);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn rules_send_a_tenant_and_a_share_to_a_canary() {
    let registry = registry().await;
    let _stable = versioned(&registry, "stable").await;
    let _canary = versioned(&registry, "canary").await;
    let orders = client(&registry);
    let text = r#"
        [[rule]]
        name = "acme tries it first"
        when = "method = report and metadata.tenant = acme"
        to = "tag.version = canary"
        [[rule]]
        to = "tag.version = canary"
        share = "10%"
    "#;
    orders.report().await.unwrap();
    steer(&registry, SERVICE, text).await;
    let acme = shares(&orders, "acme", 50).await;
    assert_eq!(acme, BTreeMap::from([("canary".into(), 50)]));
    let others = shares(&orders, "initech", 1_000).await;
    assert!((50..150).contains(&others["canary"]), "{others:?}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_leads_elsewhere_or_fails_where_nobody_is_left() {
    let registry = registry().await;
    let _stable = versioned(&registry, "stable").await;
    let orders = client(&registry);
    let rule = "[[rule]]\nname = 'west'\nto = 'zone = west'\n";
    steer(&registry, SERVICE, rule).await;
    assert_eq!(shares(&orders, "acme", 5).await["stable"], 5);
    steer(&registry, SERVICE, &format!("{rule}otherwise = 'fail'")).await;
    let error = orders.report().await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let told = "shop.orders.Orders rule[0] (west) sends the call to instances with `zone = west`";
    assert!(error.message().contains(told), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_chooses_among_groups_and_a_weight_drains() {
    let registry = registry().await;
    let retail = OrdersServer::new(Shop::new("retail").0);
    let _retail = offer(&registry, retail).await;
    let bulk = OrdersServer::new(Shop::new("bulk").0).group(OrdersGroup::Wholesale);
    let _bulk = offer(&registry, bulk).await;
    let orders = client(&registry);
    assert_eq!(shares(&orders, "acme", 5).await["retail"], 5);
    steer(&registry, SERVICE, "[[rule]]\nto = 'group = wholesale'").await;
    assert_eq!(shares(&orders, "acme", 5).await["bulk"], 5);
    let to_both = "[[rule]]\nto = 'group = *'\n[[weight]]\nof = 'group = wholesale'\nweight = 0";
    steer(&registry, SERVICE, to_both).await;
    assert_eq!(shares(&orders, "acme", 20).await["retail"], 20);
}

#[tokio::test(start_paused = true)]
async fn calls_are_tied_by_a_field_that_a_document_names() {
    let registry = registry().await;
    let mut servers = Vec::new();
    for name in ["a", "b", "c"] {
        servers.push(versioned(&registry, name).await);
    }
    let client = Client::builder().registry(&registry).build();
    let orders = OrdersClient::new(&client);
    orders.report().await.unwrap();
    let text = "[method.place]\nbalance = 'consistent_hash(.customer)'";
    steer(&registry, SERVICE, text).await;
    let mut by_customer = BTreeMap::<String, Vec<String>>::new();
    for round in 0..60 {
        let customer = format!("c{}", round % 6);
        let request = wish(&customer, 1);
        let (_, trailers) = orders.place(request).with_trailers().await.unwrap();
        let server = trailers.text("served-by").unwrap().to_owned();
        by_customer.entry(customer).or_default().push(server);
    }
    for (customer, servers) in by_customer {
        let one = servers.iter().all(|server| *server == servers[0]);
        assert!(one, "{customer}: {servers:?}");
    }
    let unknown = "[method.place]\nbalance = 'consistent_hash(.client)'";
    steer(&registry, SERVICE, unknown).await;
    let [_, state] = &client.documents()[0].1;
    assert_eq!((state.applied, state.refused), (1, 1));
    assert!(
        state.faults[0]
            .to_string()
            .contains("has no field `client`")
    );
}

#[tokio::test(start_paused = true)]
async fn documents_may_be_elsewhere_than_instances_and_are_told_of() {
    let (instances, documents) = (registry().await, registry().await);
    let server = Server::bind(format!("memory:{}", fresh()))
        .add(OrdersServer::new(Shop::new("a").0))
        .register(&instances)
        .documents(&documents)
        .start()
        .await
        .unwrap();
    server.listed().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let client = Client::builder()
        .registry(&instances)
        .documents(&documents)
        .on_notice(move |notice| log.lock().unwrap().push(notice.to_string()))
        .build();
    let orders = OrdersClient::new(&client);
    orders.report().await.unwrap();
    steer(&documents, "@global", "[limit]\ncalls = 3\ncalls_ = 4").await;
    assert!(told.lock().unwrap()[0].contains("line 3: limit.calls_: unknown"));
    steer(&documents, "@global", "[limit]\ncalls = 3").await;
    assert_eq!(client.documents()[0].1[0].applied, 1);
    let [(service, [global, _])] = &server.documents()[..] else {
        panic!("there is one service");
    };
    assert_eq!((*service, global.applied, global.refused), (SERVICE, 1, 1));
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_in_a_document_binds_a_server_that_runs() {
    let registry = registry().await;
    let (shop, _audit) = Shop::new("a");
    let server = offer(&registry, OrdersServer::new(shop.clone())).await;
    let orders = client(&registry);
    orders.report().await.unwrap();
    steer(&registry, SERVICE, "[method.get.limit]\ncalls = 1").await;
    let _held = orders.get(0).start();
    shop.stuck_are(1).await;
    let error = orders.get(7).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    steer(&registry, SERVICE, "").await;
    assert_eq!(orders.get(7).await.unwrap().id, 7);
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn a_document_says_when_circuit_breakers_open() {
    let registry = registry().await;
    let server = offer(&registry, OrdersServer::new(Shop::new("a").0)).await;
    let client = Client::builder().registry(&registry).build();
    let orders = OrdersClient::new(&client);
    orders.report().await.unwrap();
    let opened = || client.breakers()[0].instances[0].opened;
    orders.get(1).await.unwrap_err();
    assert_eq!(opened(), 0);
    steer(&registry, SERVICE, "[breaker]\nfailures_in_row = 1").await;
    orders.get(1).await.unwrap_err();
    assert_eq!(opened(), 1);
    server.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_of_a_document_that_does_not_fit_the_contract_is_refused() {
    let registry = registry().await;
    let server = offer(&registry, OrdersServer::new(Shop::new("a").0)).await;
    let client = Client::builder().registry(&registry).build();
    let orders = OrdersClient::new(&client);
    orders.report().await.unwrap();
    let reply = |json| format!("[method.get.fallback]\nmode = 'force'\nreply = '{json}'");
    steer(&registry, SERVICE, &reply(r#"{"nobody": 1}"#)).await;
    let fault = &client.documents()[0].1[1].faults[0];
    assert_eq!((fault.line, &*fault.key), (1, "method.get.fallback.reply"));
    assert_eq!(orders.get(7).await.unwrap().id, 7);
    steer(&registry, SERVICE, &reply(r#"{"id": 8}"#)).await;
    assert_eq!(orders.get(7).await.unwrap().id, 8);
    server.shutdown().await;
}
