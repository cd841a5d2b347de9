//! What every registry must do, as facts that a test can check against a real one.
//!
//! Each fact is a function that panics where the fact is none. They use names of their own, so they may run side by
//! side and beside other users of the registry; they wait for what must happen, at most [`LIMIT`].

pub mod documents;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::registry::{
    Changes, ErrorKind, Freshness, Handle, Instance, Lease, LeaseState, Override, Snapshot,
    Subscription, View,
};
use crate::release::Release;

/// How long a fact waits: far beyond any registry's own times, since a slow machine is no fault.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Checks every fact, one after another.
///
/// `open` connects to one and the same registry each time, as processes of their own would. It is also called on
/// another runtime, which then dies with what it registered.
///
/// ```
/// # async fn example() {
/// use callsheet::registry::{Handle, Memory};
///
/// let registry = Memory::new();
/// let open = move || {
///     let handle = Handle::new(registry.clone());
///     async { handle }
/// };
/// callsheet::testing::registry::conformance(open).await;
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example());
/// ```
pub async fn conformance<F, O>(open: F)
where
    F: Fn() -> O + Send + 'static,
    O: Future<Output = Handle>,
{
    let (server, client) = (open().await, open().await);
    an_unknown_service_has_an_empty_view_that_is_answered(&client).await;
    an_instance_is_listed_with_all_that_it_says(&server, &client).await;
    a_watcher_sees_instances_join_and_leave_as_planned(&server, &client).await;
    a_late_watcher_sees_what_is_there(&server, &client).await;
    a_change_of_weight_never_takes_an_instance_off_the_list(&server, &client).await;
    one_lease_may_list_several_services_and_groups(&server, &client).await;
    a_dropped_lease_leaves_the_list(&server, &client).await;
    an_operator_changes_the_weight_and_drains_beside_the_record(&server, &client).await;
    services_are_named_while_they_have_instances(&server, &client).await;
    bad_records_are_refused_at_once(&server);
    if server.documents().is_some() {
        documents::every_fact(&server, &client).await;
    }
    an_instance_whose_process_dies_is_lost_and_not_left(&client, open).await;
}

/// Nobody offers it, and that is an answer.
pub async fn an_unknown_service_has_an_empty_view_that_is_answered(client: &Handle) {
    let snapshot = within("an answer", client.watch(&fresh_service()).answered()).await;
    assert!(matches!(snapshot.freshness(), Freshness::Current));
    assert_eq!(snapshot.instances(), []);
}

/// Every field of a record arrives.
pub async fn an_instance_is_listed_with_all_that_it_says(server: &Handle, client: &Handle) {
    let mut record = instance(&fresh_service());
    record.addresses.push("unix:/run/x y.sock".into());
    record.group = "wholesale, größer".into();
    record.releases = vec![Release::new(1, 0), Release::new(1, 10)];
    record.weight = 7;
    record.zone = Some("eu-1".into());
    record.tags = BTreeMap::from([
        ("lane".into(), "\"blue\"/\\".into()),
        ("e".into(), String::new()),
    ]);
    record.started_unix_ms = 1_700_000_000_123;
    record.contract = 3;
    let lease = listed(server, vec![record.clone()]).await;
    let mut watch = client.watch(&record.service);
    let snapshot = until("the instance", &mut watch, |now| {
        !now.instances().is_empty()
    })
    .await;
    assert_eq!(*snapshot.instances()[0], record);
    leave(lease).await;
}

/// A tombstone tells a planned leave from a loss.
pub async fn a_watcher_sees_instances_join_and_leave_as_planned(server: &Handle, client: &Handle) {
    let service = fresh_service();
    let mut watch = client.watch(&service);
    let empty = within("an answer", watch.answered()).await;
    let (one, two) = (instance(&service), instance(&service));
    let first = listed(server, vec![one.clone()]).await;
    let second = listed(server, vec![two.clone()]).await;
    let both = until("both", &mut watch, |now| now.instances().len() == 2).await;
    assert_eq!(both.changes_since(&empty).joined.len(), 2);
    leave(first).await;
    let left = until("one to leave", &mut watch, |now| now.instances().len() == 1).await;
    let changes = left.changes_since(&both);
    assert_eq!(ids(&changes.left), [one.id.as_str()], "{changes:?}");
    assert_eq!(left.instances()[0].id, two.id);
    assert!(left.revision() > both.revision());
    leave(second).await;
    until("the other to leave", &mut watch, |now| {
        now.has_left(&two.id)
    })
    .await;
}

/// A view starts with the truth, not with the next change.
pub async fn a_late_watcher_sees_what_is_there(server: &Handle, client: &Handle) {
    let record = instance(&fresh_service());
    let lease = listed(server, vec![record.clone()]).await;
    let mut early = client.watch(&record.service);
    until("the instance", &mut early, |now| {
        !now.instances().is_empty()
    })
    .await;
    let mut late = client.watch(&record.service);
    let snapshot = within("an answer", late.answered()).await;
    assert!(snapshot.instance(&record.id).is_some());
    leave(lease).await;
}

/// Weights may be changed under load.
pub async fn a_change_of_weight_never_takes_an_instance_off_the_list(
    server: &Handle,
    client: &Handle,
) {
    let mut record = instance(&fresh_service());
    let lease = listed(server, vec![record.clone()]).await;
    let mut watch = client.watch(&record.service);
    until("the instance", &mut watch, |now| {
        !now.instances().is_empty()
    })
    .await;
    for weight in 1..=10 {
        record.weight = weight;
        record.tags.insert("step".into(), weight.to_string());
        lease
            .update(vec![record.clone()])
            .expect("an update is taken");
        let weighs = |now: &Snapshot| {
            let seen = now.instance(&record.id).expect("it stays on the list");
            assert!(!now.has_left(&record.id), "it has not left");
            seen.weight == weight && seen.tags["step"] == weight.to_string()
        };
        until("the weight", &mut watch, weighs).await;
    }
    leave(lease).await;
}

/// One process offers much.
pub async fn one_lease_may_list_several_services_and_groups(server: &Handle, client: &Handle) {
    let (here, there) = (fresh_service(), fresh_service());
    let mut wholesale = instance(&here);
    wholesale.group = "wholesale".into();
    let records = vec![instance(&here), wholesale.clone(), instance(&there)];
    let lease = listed(server, records.clone()).await;
    let mut watch = client.watch(&here);
    let both = until("both", &mut watch, |now| now.instances().len() == 2).await;
    let mut other = client.watch(&there);
    let one = until("the other", &mut other, |now| !now.instances().is_empty()).await;
    assert_eq!(ids(one.instances()), [records[2].id.as_str()]);
    let kept = vec![records[0].clone(), records[2].clone()];
    lease.update(kept).expect("an update is taken");
    let rest = until("one to leave", &mut watch, |now| now.instances().len() == 1).await;
    let Changes { left, lost, .. } = rest.changes_since(&both);
    assert_eq!((ids(&left), lost.len()), (vec![wholesale.id.as_str()], 0));
    leave(lease).await;
    until("the first", &mut watch, |now| now.instances().is_empty()).await;
    until("the last", &mut other, |now| now.has_left(&records[2].id)).await;
}

/// The end of a scope is a planned leave, too.
pub async fn a_dropped_lease_leaves_the_list(server: &Handle, client: &Handle) {
    let record = instance(&fresh_service());
    let lease = listed(server, vec![record.clone()]).await;
    let mut watch = client.watch(&record.service);
    until("the instance", &mut watch, |now| {
        !now.instances().is_empty()
    })
    .await;
    drop(lease);
    until("it to leave", &mut watch, |now| now.has_left(&record.id)).await;
}

/// An override counts while its instance is there, whatever the server writes meanwhile.
pub async fn an_operator_changes_the_weight_and_drains_beside_the_record(
    server: &Handle,
    client: &Handle,
) {
    let mut record = instance(&fresh_service());
    let stays = instance(&record.service);
    let lease = listed(server, vec![record.clone(), stays.clone()]).await;
    let mut watch = client.watch(&record.service);
    until("both", &mut watch, |now| now.instances().len() == 2).await;
    let mut order = Override::new(&record.id, &record.service);
    order.weight = Some(3);
    steer(client, &order).await;
    let weighs = |weight| {
        let id = record.id.clone();
        move |now: &Snapshot| now.instance(&id).is_some_and(|one| one.weight == weight)
    };
    let seen = until("the override", &mut watch, weighs(3)).await;
    assert_eq!(seen.overrides(), std::slice::from_ref(&order));
    record.zone = Some("eu-2".into());
    lease
        .update(vec![record.clone(), stays.clone()])
        .expect("an update is taken");
    let moved = until("the update", &mut watch, |now| {
        let seen = now.instance(&record.id);
        seen.is_some_and(|one| one.zone == record.zone)
    })
    .await;
    assert!(weighs(3)(&moved), "the override outlives an update");
    order.drain = true;
    steer(client, &order).await;
    let drained = until("it to drain", &mut watch, |now| now.instances().len() == 1).await;
    assert_eq!(ids(drained.drained()), [record.id.as_str()]);
    assert_eq!(drained.changes_since(&moved).left.len(), 1);
    steer(client, &Override::new(&record.id, &record.service)).await;
    let back = until("it to be back", &mut watch, weighs(record.weight)).await;
    assert_eq!(back.overrides(), []);
    // What was said of an instance goes with it.
    steer(client, &order).await;
    until("it to drain", &mut watch, |now| now.instances().len() == 1).await;
    lease.update(vec![stays]).expect("an update is taken");
    until("it to leave", &mut watch, |now| {
        now.drained().is_empty() && now.has_left(&record.id)
    })
    .await;
    let mut bad = Override::new("../x", &record.service);
    bad.drain = true;
    let refused = within("an answer", client.steer(bad)).await;
    assert_eq!(
        refused.map_err(|error| error.kind()),
        Err(ErrorKind::Record)
    );
    leave(lease).await;
}

/// Tools and errors can say what there is.
pub async fn services_are_named_while_they_have_instances(server: &Handle, client: &Handle) {
    let record = instance(&fresh_service());
    let named = async || {
        let services = client.services().await.expect("the registry answers");
        services.contains(&record.service)
    };
    assert!(!named().await);
    let lease = listed(server, vec![record.clone()]).await;
    let mut watch = client.watch(&record.service);
    until("the instance", &mut watch, |now| {
        !now.instances().is_empty()
    })
    .await;
    assert!(named().await);
    leave(lease).await;
    until("it to leave", &mut watch, |now| now.has_left(&record.id)).await;
    assert!(!named().await);
}

/// A mistake is the caller's to see, not something to try for ever.
pub fn bad_records_are_refused_at_once(server: &Handle) {
    let service = fresh_service();
    let mut outside = instance(&service);
    outside.id = "../x".into();
    let mut nowhere = instance(&service);
    nowhere.addresses.clear();
    let mut endless = instance(&service);
    endless.zone = Some("x".repeat(100_000));
    let twin = instance(&service);
    for records in [
        vec![outside],
        vec![nowhere],
        vec![endless],
        vec![twin.clone(), twin],
    ] {
        assert!(server.register(records).is_err());
    }
}

/// A server that is killed says no goodbye; it goes all the same, and watchers can tell.
pub async fn an_instance_whose_process_dies_is_lost_and_not_left<F, O>(client: &Handle, open: F)
where
    F: Fn() -> O + Send + 'static,
    O: Future<Output = Handle>,
{
    let (dies, stays) = (instance(&fresh_service()), instance(&fresh_service()));
    let survivor = listed(client, vec![stays.clone()]).await;
    let mut watch = client.watch(&dies.service);
    let (record, (die, dying)) = (dies.clone(), tokio::sync::oneshot::channel::<()>());
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let lease = runtime.block_on(async {
            let lease = listed(&open().await, vec![record]).await;
            // The sender is dropped only by a fact that failed.
            drop(dying.await);
            lease
        });
        drop(runtime);
        drop(lease);
    });
    let there = until("the instance", &mut watch, |now| {
        !now.instances().is_empty()
    })
    .await;
    die.send(()).expect("the process waits");
    let gone = until("it to be lost", &mut watch, |now| {
        now.instances().is_empty()
    })
    .await;
    process.join().expect("the process ends");
    let changes = gone.changes_since(&there);
    assert_eq!(ids(&changes.lost), [dies.id.as_str()], "{changes:?}");
    assert!(matches!(survivor.state(), LeaseState::Listed));
    let mut other = client.watch(&stays.service);
    until("the survivor", &mut other, |now| {
        !now.instances().is_empty()
    })
    .await;
    leave(survivor).await;
}

/// A service that nobody else offers.
fn fresh_service() -> String {
    format!("callsheet.conformance.S{}", Instance::fresh_id())
}

fn instance(service: &str) -> Instance {
    let mut instance = Instance::new(Instance::fresh_id(), service);
    instance.addresses = vec!["tcp://127.0.0.1:7000".into()];
    instance
}

fn ids(instances: &[Arc<Instance>]) -> Vec<&str> {
    instances.iter().map(|one| one.id.as_str()).collect()
}

async fn listed(registry: &Handle, records: Vec<Instance>) -> Lease {
    let lease = registry.register(records).expect("the records are good");
    let done = within("the registration", lease.listed()).await;
    done.expect("the runtime lives");
    lease
}

async fn steer(registry: &Handle, order: &Override) {
    let done = within("the override", registry.steer(order.clone())).await;
    done.expect("the registry takes it");
}

async fn leave(lease: Lease) {
    let done = within("the end of the registration", lease.deregister()).await;
    done.expect("the registry lets it go");
}

async fn until<V: View>(
    what: &str,
    watch: &mut Subscription<V>,
    wanted: impl FnMut(&V) -> bool,
) -> Arc<V> {
    within(what, watch.seen(wanted)).await
}

async fn within<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let value = tokio::time::timeout(LIMIT, wait).await;
    value.unwrap_or_else(|_| panic!("{what} did not come within {LIMIT:?}"))
}
