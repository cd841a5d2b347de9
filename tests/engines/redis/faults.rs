//! What befalls a server of Redis, its connections and its data.

use callsheet::registry::{ErrorKind, Expected, Freshness, LeaseState, Override, Snapshot};
use callsheet_tests::engine::redis::Redis;
use callsheet_tests::engine::{Data, Engine};
use tokio::time::timeout;

use super::*;

fn is_stale(now: &Snapshot) -> bool {
    matches!(now.freshness(), Freshness::Stale(_))
}

fn is_current(now: &Snapshot) -> bool {
    matches!(now.freshness(), Freshness::Current)
}

/// Watches until `end`, and fails if an instance was ever missing on the way.
async fn never_missing(
    watch: &mut Subscription<Snapshot>,
    count: usize,
    mut end: impl FnMut(&Snapshot) -> bool,
) {
    until(watch, |now| {
        assert_eq!(now.instances().len(), count, "{now:?}");
        assert_eq!(now.left(), [], "nobody has left");
        end(now)
    })
    .await;
}

async fn is_lost(lease: &Lease) -> callsheet::registry::Error {
    let is_lost = || matches!(lease.state(), LeaseState::Lost(_));
    eventually("the lease is lost", is_lost).await;
    match lease.state() {
        LeaseState::Lost(error) => error,
        state => panic!("{state:?}"),
    }
}

#[tokio::test]
async fn a_server_that_is_away_leaves_the_last_view_and_all_goes_on_by_itself() {
    let mut redis = Engine::start(Redis::durable()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let lease = listed(&server, vec![instance("a"), instance("b")]).await;
    let mut watch = client.watch(SERVICE);
    until(&mut watch, |now| now.instances().len() == 2).await;
    redis.kill();
    never_missing(&mut watch, 2, is_stale).await;
    let error = is_lost(&lease).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.message().contains("no connection"), "{error}");
    assert!(client.services().await.is_err());
    redis.restart(Data::Same).await;
    never_missing(&mut watch, 2, is_current).await;
    timeout(LIMIT, lease.listed()).await.unwrap().unwrap();
    lease.deregister().await.unwrap();
    until(&mut watch, |now| now.has_left("a") && now.has_left("b")).await;
}

#[tokio::test]
async fn a_server_that_lost_its_data_loses_nobody() {
    let mut redis = Engine::start(Redis::default()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let one = listed(&server, vec![instance("a")]).await;
    let two = listed(&server, vec![instance("b")]).await;
    let mut watch = client.watch(SERVICE);
    until(&mut watch, |now| now.instances().len() == 2).await;
    redis.restart(Data::Empty).await;
    // A late comer knows nothing of before, and sees both as they are listed again.
    let mut late = open(&redis).await.watch(SERVICE);
    until(&mut late, |now| now.instances().len() == 2).await;
    never_missing(&mut watch, 2, is_current).await;
    // Emptied under open connections, without a word.
    redis.cli(&["FLUSHALL"]);
    let exists = |id: &str| redis.cli(&["EXISTS", &key(id)]) == "1";
    eventually("both are listed again", || exists("a") && exists("b")).await;
    one.deregister().await.unwrap();
    until(&mut watch, |now| {
        assert!(now.instance("b").is_some(), "{now:?}");
        now.has_left("a")
    })
    .await;
    two.deregister().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_stopped_is_noticed_and_found_again() {
    let redis = Engine::start(Redis::default()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let lease = listed(&server, vec![instance("a")]).await;
    let mut watch = client.watch(SERVICE);
    until(&mut watch, |now| now.instances().len() == 1).await;
    redis.stop();
    never_missing(&mut watch, 1, is_stale).await;
    let error = is_lost(&lease).await;
    assert!(
        error.message().contains("does not answer in time"),
        "{error}"
    );
    redis.cont();
    never_missing(&mut watch, 1, is_current).await;
    timeout(LIMIT, lease.listed()).await.unwrap().unwrap();
    lease.deregister().await.unwrap();
}

#[tokio::test]
async fn killed_connections_lose_no_change() {
    let redis = Engine::start(Redis::default()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let stays = listed(&server, vec![instance("stays")]).await;
    let mut watch = client.watch(SERVICE);
    until(&mut watch, |now| now.instances().len() == 1).await;
    for round in 0..5 {
        redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        let id = format!("r{round}");
        let lease = listed(&server, vec![instance(&id)]).await;
        let mut seen = |now: &Snapshot| {
            assert!(now.instance("stays").is_some(), "{now:?}");
            now.instance(&id).is_some()
        };
        until(&mut watch, &mut seen).await;
        redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        lease.deregister().await.unwrap();
        until(&mut watch, |now| now.has_left(&id)).await;
    }
    assert!(matches!(
        stays.state(),
        LeaseState::Listed | LeaseState::Lost(_)
    ));
    stays.deregister().await.unwrap();
}

#[tokio::test]
async fn an_entry_deleted_by_hand_is_listed_again() {
    let redis = Engine::start(Redis::default()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let lease = listed(&server, vec![instance("a")]).await;
    let mut watch = client.watch(SERVICE);
    until(&mut watch, |now| now.instances().len() == 1).await;
    let whole = redis.cli(&["GET", &key("a")]);
    let index = format!("shop/index/{SERVICE}");
    let damages: [&[&str]; 6] = [
        &["DEL", &key("a")],
        &["SET", &key("a"), "{\"id\":"],
        &["DEL", &index],
        &["SET", &index, "no list"],
        &["SET", &format!("shop/version/{SERVICE}"), "no version"],
        &["SET", "shop/index", "no list"],
    ];
    for damage in damages {
        redis.cli(damage);
        let right = || {
            redis.cli(&["GET", &key("a")]) == whole
                && redis.cli(&["TYPE", &index]) == "zset"
                && redis.cli(&["TYPE", "shop/index"]) == "zset"
                && !redis.cli(&["ZSCORE", &index, "a"]).is_empty()
        };
        eventually(&format!("it is right after {damage:?}"), right).await;
        until(&mut watch, |now| {
            is_current(now) && now.instances().len() == 1
        })
        .await;
    }
    assert_eq!(server.services().await.unwrap(), [SERVICE]);
    lease.deregister().await.unwrap();
    until(&mut watch, |now| now.has_left("a")).await;
}

#[tokio::test]
async fn a_replica_is_passed_over_for_the_master() {
    let master = Engine::start(Redis::default()).await;
    let port = master.place().port().to_string();
    let of = format!("{} {port}", master.place().host());
    let replica = Engine::start(Redis::with(&["--replicaof", &of])).await;
    let error = connect(&replica.address()).await.unwrap().services().await;
    let error = error.unwrap_err();
    assert!(
        error.message().contains("replica: name the master"),
        "{error}"
    );
    let both = format!(
        "redis://{},{}/shop",
        replica.place().endpoint(),
        master.place().endpoint()
    );
    let registry = connect(&both).await.unwrap();
    let lease = listed(&registry, vec![instance("a")]).await;
    assert_eq!(registry.services().await.unwrap(), [SERVICE]);
    lease.deregister().await.unwrap();
}

#[tokio::test]
async fn overrides_last_as_long_as_their_instance() {
    let redis = Engine::start(Redis::default()).await;
    let registry = open(&redis).await;
    let lease = listed(&registry, vec![instance("a")]).await;
    let mut watch = registry.watch(SERVICE);
    let mut order = Override::new("a", SERVICE);
    order.weight = Some(7);
    registry.steer(order).await.unwrap();
    until(&mut watch, |now| {
        now.instance("a").is_some_and(|one| one.weight == 7)
    })
    .await;
    assert!(redis.cli(&["GET", &key("a~")]).contains("\"weight\":7"));
    lease.deregister().await.unwrap();
    until(&mut watch, |now| now.has_left("a")).await;
    assert_eq!(redis.cli(&["EXISTS", &key("a~")]), "0");
}

#[tokio::test]
async fn a_document_written_by_hand_is_read_and_guarded_like_any_other() {
    let redis = Engine::start(Redis::default()).await;
    let registry = open(&redis).await;
    let documents = registry.documents().unwrap();
    redis.cli(&["SET", "shop/config/calls", "by hand"]);
    let found = documents.get("calls").await.unwrap().unwrap();
    assert_eq!(found.text, "by hand");
    redis.cli(&["SET", "shop/config/calls", "by another hand"]);
    let expected = Expected::Revision(found.revision);
    let refused = documents
        .put("calls", "by command", expected)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    documents
        .put("calls", "by command", Expected::Any)
        .await
        .unwrap();
    assert_eq!(redis.cli(&["GET", "shop/config/calls"]), "by command");
    assert_eq!(documents.names().await.unwrap(), ["calls"]);
    redis.cli(&["DEL", "shop/config/calls"]);
    assert!(documents.names().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_fail_over_loses_nobody() {
    let first = Engine::start(Redis::default()).await;
    let second = Engine::start(Redis::default()).await;
    let place = |of: &Engine<Redis>| (of.place().host().to_string(), of.place().port().to_string());
    let ((first_host, first_port), (second_host, second_port)) = (place(&first), place(&second));
    second.cli(&["REPLICAOF", &first_host, &first_port]);
    let up = || {
        second
            .cli(&["INFO", "replication"])
            .contains("master_link_status:up")
    };
    eventually("the replica follows", up).await;
    let address = format!(
        "redis://{},{}/shop",
        first.place().endpoint(),
        second.place().endpoint()
    );
    let (server, client) = (
        connect(&address).await.unwrap(),
        connect(&address).await.unwrap(),
    );
    let lease = listed(&server, vec![instance("a")]).await;
    let mut watch = client.watch(SERVICE);
    until(&mut watch, |now| now.instances().len() == 1).await;
    second.cli(&["REPLICAOF", "NO", "ONE"]);
    first.cli(&["REPLICAOF", &second_host, &second_port]);
    let later = listed(&server, vec![instance("b")]).await;
    until(&mut watch, |now| {
        assert!(now.instance("a").is_some(), "{now:?}");
        now.instance("b").is_some()
    })
    .await;
    assert_eq!(
        second.cli(&["EXISTS", &key("b")]),
        "1",
        "the new master has it"
    );
    // Whoever leaves before he has noticed leaves a tombstone where it counts.
    lease.deregister().await.unwrap();
    let mut order = Override::new("b", SERVICE);
    order.weight = Some(7);
    server.steer(order).await.unwrap();
    until(&mut watch, |now| {
        now.instance("b").is_some_and(|one| one.weight == 7)
    })
    .await;
    later.deregister().await.unwrap();
    until(&mut watch, |now| now.has_left("a") && now.has_left("b")).await;
}

#[tokio::test]
async fn a_burst_of_changes_to_many_services_is_seen_to_the_last() {
    let redis = Engine::start(Redis::default()).await;
    let (server, client) = (open(&redis).await, open(&redis).await);
    let services: Vec<String> = (0..20).map(|n| format!("shop.burst.S{n}")).collect();
    let mut watches: Vec<_> = services
        .iter()
        .map(|service| client.watch(service))
        .collect();
    for watch in &mut watches {
        until(watch, is_current).await;
    }
    let records = |weight: u32| {
        let record = |service: &String| {
            let mut record = instance("a");
            record.service.clone_from(service);
            record.weight = weight;
            record
        };
        services.iter().map(record).collect::<Vec<_>>()
    };
    let lease = listed(&server, records(1)).await;
    for weight in 2..=30 {
        lease.update(records(weight)).unwrap();
        timeout(LIMIT, lease.listed()).await.unwrap().unwrap();
    }
    for watch in &mut watches {
        until(watch, |now| {
            now.instance("a").is_some_and(|one| one.weight == 30)
        })
        .await;
    }
    lease.deregister().await.unwrap();
}
