//! Two registries as one: who is seen, and where a server is listed, whatever each of them says.

use std::time::Duration;

use super::super::snapshot::{Freshness, Listing, Snapshot};
use super::super::{Entry, LeaseState, Memory, Tombstone};
use super::*;

/// Two registries that say what the test wants; the first is the better one. Instances are words: `a`, or `a=5` of
/// weight 5; `-a` is its tombstone, `~a` an order to drain it.
struct World {
    feeds: [Feed; 2],
    union: Union,
    view: Arc<Snapshot>,
}

impl World {
    fn new() -> Self {
        let mut union = Union::new("S", 2);
        let feeds = [(); 2].map(|()| Feed::new("S"));
        let view = feeds[0].watch().borrow();
        assert!(union.hear(0, Arc::clone(&view)).is_none());
        Self { feeds, union, view }
    }

    fn says(&mut self, index: usize, words: &str) -> &mut Self {
        let mut listing = Listing::default();
        for word in words.split_whitespace() {
            listing.add(entry(word));
        }
        self.feeds[index].publish(listing);
        self.hear(index)
    }

    fn fails(&mut self, index: usize) -> &mut Self {
        self.feeds[index].fail(Error::new(ErrorKind::Unavailable, "x:", "gone"));
        self.hear(index)
    }

    fn hear(&mut self, index: usize) -> &mut Self {
        let said = self.feeds[index].watch().borrow();
        if let Some(view) = self.union.hear(index, said) {
            self.view = view;
        }
        self
    }

    /// `state: instances` with weights other than 100, `-` before those that left, `~` before those that are drained.
    #[track_caller]
    fn shows(&mut self, expect: &str) -> &mut Self {
        let state = match self.view.freshness() {
            Freshness::Pending => "pending",
            Freshness::Current => "current",
            Freshness::Stale(_) | Freshness::Stored(_) => "stale",
        };
        let listed = self.view.instances().iter().map(|one| match one.weight {
            100 => format!(" {}", one.id),
            weight => format!(" {}={weight}", one.id),
        });
        let left = self.view.left().iter().map(|one| format!(" -{}", one.id));
        let drained = self.view.drained().iter();
        let drained = drained.map(|one| format!(" ~{}", one.id));
        let words: String = listed.chain(left).chain(drained).collect();
        assert_eq!(format!("{state}:{words}"), expect);
        self
    }
}

fn entry(word: &str) -> Entry {
    if let Some(id) = word.strip_prefix('-') {
        return Entry::Left(Tombstone::new(id, "S", 0));
    }
    if let Some(id) = word.strip_prefix('~') {
        let mut order = Override::new(id, "S");
        order.drain = true;
        return Entry::Override(order);
    }
    let (id, weight) = word.split_once('=').unwrap_or((word, "100"));
    let mut instance = Instance::new(id, "S");
    instance.weight = weight.parse().unwrap();
    Entry::Listed(instance)
}

#[test]
fn a_client_sees_the_union_and_the_first_has_the_last_word() {
    let mut world = World::new();
    world.says(1, "b=5 c").shows("current: b=5 c");
    world.says(0, "a b=7").shows("current: a b=7 c");
    world.says(0, "a").shows("current: a b=5 c");
}

#[test]
fn a_view_waits_for_an_instance_or_for_all() {
    let mut world = World::new();
    world.says(0, "").shows("pending:");
    world.says(1, "").shows("current:");
    let mut world = World::new();
    world.fails(0).shows("pending:");
    world.says(1, "a").shows("current: a");
    let mut world = World::new();
    world.fails(0).fails(1).shows("stale:");
    assert_eq!(world.view.revision(), 0, "nobody has answered");
    let mut world = World::new();
    world.fails(0).says(1, "").shows("stale:");
}

#[test]
fn who_has_left_one_has_left_all_for_as_long_as_one_lists_it() {
    let mut world = World::new();
    world.says(0, "a b").says(1, "a b").says(0, "-a b");
    world.shows("current: b -a");
    // The tombstone is swept, and the other registry is down and remembers.
    world.fails(1).says(0, "b").shows("current: b -a");
    world.says(1, "b").shows("current: b");
    // Listed anew where it had left: it is there.
    world.says(0, "a b").shows("current: a b");
}

#[test]
fn a_leave_that_only_the_silent_one_missed_is_not_undone_by_it() {
    let mut world = World::new();
    world.says(1, "a").fails(1).says(0, "-a");
    world.shows("stale: -a").says(0, "").shows("stale: -a");
}

#[test]
fn who_is_lost_by_one_that_answers_is_gone_unless_another_answers_for_it() {
    let mut world = World::new();
    world.says(0, "a b").says(1, "a b").says(0, "b");
    world.shows("current: a b");
    world.fails(1).shows("current: b");
    world.says(1, "a b").shows("current: a b");
    world.says(1, "b").shows("current: b");
    // What it never listed it cannot have lost.
    let mut world = World::new();
    world
        .says(1, "c")
        .fails(1)
        .says(0, "a")
        .shows("current: a c");
}

#[test]
fn an_outage_of_all_keeps_what_was_seen() {
    let mut world = World::new();
    world.says(0, "a").says(1, "b").fails(0);
    world.shows("current: a b").fails(1).shows("stale: a b");
    world.says(1, "b").shows("current: a b");
}

#[test]
fn an_order_reaches_calls_from_whichever_registry_has_it() {
    let mut world = World::new();
    world
        .says(0, "a b")
        .says(1, "a b ~a")
        .shows("current: b ~a");
    world.says(1, "a b").shows("current: a b");
}

#[test]
fn entries_that_nobody_believes_are_counted_together() {
    let mut world = World::new();
    for index in 0..2 {
        let mut listing = Listing::default();
        listing.read("S", "x", b"no record");
        world.feeds[index].publish(listing);
        world.hear(index);
    }
    assert_eq!(world.view.skipped().count, 2);
    assert!(world.view.skipped().example.is_some());
}

/// A registry of its own, and a handle of it.
fn memory() -> (Memory, Handle) {
    let memory = Memory::new();
    (memory.clone(), Handle::new(memory))
}

/// A registry that is down.
struct Down;

impl Registry for Down {
    fn address(&self) -> &'static str {
        "down:"
    }

    fn register(&self, records: Vec<Instance>) -> Result<Lease, Error> {
        struct Never;
        fn refused() -> Error {
            Error::new(ErrorKind::Unavailable, "down:", "connection refused")
        }
        impl super::super::Registrar for Never {
            async fn publish(&mut self, _: &[Instance]) -> Result<(), Error> {
                Err(refused())
            }
            async fn renew(&mut self, _: &[Instance]) -> Result<(), Error> {
                Err(refused())
            }
            async fn withdraw(&mut self, _: &[Instance]) -> Result<(), Error> {
                Err(refused())
            }
        }
        let terms = super::super::Terms {
            period: Duration::from_secs(1),
            seed: 0,
        };
        Lease::keep(self.address(), Never, records, terms)
    }

    fn watch(&self, service: &str) -> Watch {
        let feed = Feed::new(service);
        feed.fail(Error::new(
            ErrorKind::Unavailable,
            "down:",
            "connection refused",
        ));
        feed.watch()
    }

    fn services(&self) -> BoxFuture<'_, Result<Vec<String>, Error>> {
        Box::pin(async {
            Err(Error::new(
                ErrorKind::Unavailable,
                "down:",
                "connection refused",
            ))
        })
    }
}

fn record(id: &str) -> Instance {
    let mut record = Instance::new(id, "S");
    record.addresses = vec!["memory:a".into()];
    record
}

#[tokio::test(start_paused = true)]
async fn a_server_is_listed_everywhere_and_leaves_everywhere() {
    let ((_, one), (_, two)) = (memory(), memory());
    let both = all([one.clone(), two.clone()]).unwrap();
    let lease = both.register(vec![record("a"), record("b")]).unwrap();
    lease.listed().await.unwrap();
    for registry in [&one, &two, &both] {
        assert_eq!(registry.watch("S").answered().await.instances().len(), 2);
    }
    lease.update(vec![record("b"), record("c")]).unwrap();
    lease.listed().await.unwrap();
    for registry in [&one, &two] {
        let now = registry.watch("S").answered().await;
        assert!(now.has_left("a") && now.instance("c").is_some());
    }
    lease.update(Vec::new()).unwrap();
    lease.listed().await.unwrap();
    assert!(two.watch("S").answered().await.has_left("b"));
    lease.update(vec![record("d")]).unwrap();
    lease.listed().await.unwrap();
    assert!(two.watch("S").answered().await.instance("d").is_some());
    lease.deregister().await.unwrap();
    for registry in [&one, &two] {
        assert!(registry.watch("S").answered().await.has_left("d"));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_down_is_named_and_the_others_list_all_the_same() {
    let (_, up) = memory();
    let both = all([Handle::new(Down), up.clone()]).unwrap();
    let lease = both.register(vec![record("a")]).unwrap();
    let LeaseState::Lost(error) = lease.tried().await else {
        panic!("{:?}", lease.state())
    };
    assert_eq!(
        error.to_string(),
        "registry `down: | memory:`: registry `down:`: connection refused"
    );
    assert!(up.watch("S").answered().await.instance("a").is_some());
    assert_eq!(both.services().await.unwrap(), ["S"]);
    let mut view = both.watch("S");
    assert!(view.answered().await.instance("a").is_some());
    lease.update(vec![record("a"), record("b")]).unwrap();
    view.seen(|now| now.instances().len() == 2).await;
    assert!(lease.deregister().await.is_err());
    view.seen(|now| now.has_left("a") && now.has_left("b"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_takes_no_registrations_is_passed_over() {
    let (_, up) = memory();
    let fixed = Handle::new(super::super::Fixed::parse("tcp://127.0.0.1:7000").unwrap());
    let both = all([fixed.clone(), up]).unwrap();
    let lease = both.register(vec![record("a")]).unwrap();
    lease.listed().await.unwrap();
    let view = both.watch("S");
    assert_eq!(view.borrow().instances().len(), 2);
    let refused = all([fixed]).unwrap().register(vec![record("a")]);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_a_service_that_was_watched_before_is_fed() {
    let (_, one) = memory();
    let both = all([one.clone()]).unwrap();
    drop(both.watch("S"));
    let mut again = both.watch("S");
    let _lease = one.register(vec![record("a")]).unwrap();
    again.seen(|now| now.instance("a").is_some()).await;
}

#[tokio::test(start_paused = true)]
async fn orders_go_to_all_and_documents_to_the_first_that_keeps_any() {
    let ((_, one), (_, two)) = (memory(), memory());
    let fixed = Handle::new(super::super::Fixed::parse("tcp://127.0.0.1:7000").unwrap());
    let all = all([fixed, one.clone(), two.clone()]).unwrap();
    let lease = all.register(vec![record("a")]).unwrap();
    lease.listed().await.unwrap();
    let mut order = Override::new("a", "S");
    order.weight = Some(3);
    all.steer(order).await.unwrap();
    for registry in [&one, &two] {
        let now = registry.watch("S").answered().await;
        assert_eq!(now.instance("a").unwrap().weight, 3);
    }
    let documents = all.documents().unwrap();
    documents
        .put("limits", "x", super::super::Expected::Any)
        .await
        .unwrap();
    assert_eq!(one.documents().unwrap().names().await.unwrap(), ["limits"]);
    assert!(two.documents().unwrap().names().await.unwrap().is_empty());
}
