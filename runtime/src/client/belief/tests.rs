//! A client's belief, second by second: what the registry says, who is asked, who stays.

use super::*;
use crate::registry::{Error, ErrorKind, Feed, Listing, Tombstone};

/// A client's belief in what a registry says, at times that the test sets. Instances are words: `a` is the instance `a`
/// at an address of its own, `a@b` the instance `a` where `b` listens.
struct World {
    feed: Feed,
    belief: Belief,
    view: Arc<Snapshot>,
    now: Instant,
    /// How many losses were doubted at last.
    doubted: Option<usize>,
}

impl World {
    fn new() -> Self {
        Self::with(false)
    }

    fn with(reads_saved: bool) -> Self {
        let feed = Feed::new("S");
        let said = feed.watch().borrow();
        let mut world = Self {
            feed,
            belief: Belief::new(Arc::clone(&said), reads_saved, 7),
            view: said,
            now: Instant::now(),
            doubted: None,
        };
        world.look();
        world
    }

    fn look(&mut self) {
        if let Some(view) = self.belief.news() {
            self.view = view;
        }
    }

    /// The registry says so.
    fn says(&mut self, listed: &str, left: &str) -> &mut Self {
        let mut listing = Listing {
            instances: listed.split_whitespace().map(instance).collect(),
            ..Listing::default()
        };
        let tombstone = |id| Tombstone::new(id, "S", 0);
        listing.left = left.split_whitespace().map(tombstone).collect();
        self.feed.publish(listing);
        self.hear()
    }

    fn fails(&mut self) -> &mut Self {
        let error = Error::new(ErrorKind::Unavailable, "x:", "gone");
        self.feed.fail(error);
        self.hear()
    }

    fn hear(&mut self) -> &mut Self {
        self.doubted = self.belief.hear(self.feed.watch().borrow(), self.now);
        self.look();
        self
    }

    /// So many seconds pass.
    fn wait(&mut self, seconds: f64) -> &mut Self {
        self.now += Duration::from_secs_f64(seconds);
        self.belief.handle_timeout(self.now);
        self.look();
        self
    }

    /// Who is asked now.
    fn asked(&mut self) -> String {
        ids(&self.belief.due(self.now))
    }

    fn probed(&mut self, answers: bool, ids: &str) -> &mut Self {
        for id in ids.split_whitespace() {
            self.belief.probed(id, answers, self.now);
        }
        self.look();
        self
    }

    #[track_caller]
    fn believes(&mut self, instances: &str, unlisted: &str) -> &mut Self {
        assert_eq!(ids(self.view.instances()), instances);
        assert_eq!(ids(self.view.unlisted()), unlisted);
        self
    }
}

fn instance(word: &str) -> Arc<Instance> {
    let (id, place) = word.split_once('@').unwrap_or((word, word));
    let mut instance = Instance::new(id, "S");
    instance.addresses = vec![format!("memory:{place}")];
    Arc::new(instance)
}

fn ids(instances: &[Arc<Instance>]) -> String {
    let ids: Vec<_> = instances.iter().map(|one| one.id.as_str()).collect();
    ids.join(" ")
}

fn saved(ids: &str) -> Arc<Snapshot> {
    let instances = ids.split_whitespace().map(instance).collect();
    Arc::new(Snapshot::saved("S", instances))
}

#[test]
fn single_losses_and_planned_leaves_are_believed_at_once() {
    let mut world = World::new();
    world.says("a b c d", "").believes("a b c d", "");
    world.says("a b d", "").believes("a b d", "");
    assert_eq!(world.asked(), "");
    world.says("", "a b d").believes("", "");
    assert_eq!((world.asked(), world.doubted), (String::new(), None));
}

#[test]
fn an_emptied_registry_loses_only_those_that_do_not_answer() {
    let mut world = World::new();
    world
        .says("a b c", "")
        .says("", "")
        .believes("a b c", "a b c");
    assert_eq!(world.doubted, Some(3));
    assert_eq!(world.asked(), "a b c");
    world.probed(true, "a c").probed(false, "b");
    world.believes("a c", "a c");
    // Until the registry is itself again.
    world.says("a", "").believes("a c", "c");
    world.says("a c", "").believes("a c", "");
    assert_eq!(world.wait(10.0).asked(), "");
}

#[test]
fn more_than_half_is_a_mass_and_half_is_not() {
    for (before, after, doubted) in [
        ("a", "", Some(1)),
        ("a b", "a", None),
        ("a b c", "a b", None),
        ("a b c", "a", Some(2)),
        ("a b c d", "a b", None),
        ("a b c d", "a", Some(3)),
        ("a b c", "d e f", None),
        ("a b c", "d e", Some(3)),
    ] {
        let mut world = World::new();
        world.says(before, "").says(after, "");
        assert_eq!(world.doubted, doubted, "from {before} to {after}");
    }
}

#[test]
fn a_registry_that_is_emptied_entry_by_entry_is_found_out() {
    let mut world = World::new();
    world.says("a b c d", "").says("b c d", "").says("c d", "");
    world.believes("c d", "");
    assert_eq!(world.asked(), "");
    // The third loss makes a mass of them; those that were given up come back if they answer.
    world.says("d", "").believes("c d", "c");
    assert_eq!(world.doubted, Some(3));
    assert_eq!(world.asked(), "a b c");
    world.probed(true, "a c").believes("a c d", "a c");
    world.probed(false, "b").believes("a c d", "a c");
    world.says("", "").believes("a c d", "a c d");
    assert_eq!(world.asked(), "d");
}

#[test]
fn losses_that_lie_far_apart_are_single_losses() {
    let mut world = World::new();
    world.says("a b c d", "").says("b c d", "").wait(31.0);
    world.says("c d", "").wait(31.0).says("d", "");
    world.believes("d", "");
    assert_eq!(world.asked(), "");
}

#[test]
fn those_that_answer_are_asked_again_and_go_when_they_are_silent_or_leave() {
    let mut world = World::new();
    world.says("a b c", "").says("", "");
    assert_eq!(world.asked(), "a b c");
    world.probed(true, "a b c");
    assert_eq!(world.wait(3.9).asked(), "");
    let due = world.belief.next_timeout().unwrap() - world.now;
    assert!(due <= Duration::from_secs_f64(2.1), "{due:?}");
    world.wait(2.2);
    let mut again = world.belief.due(world.now);
    again.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(ids(&again), "a b c");
    world.probed(false, "a").probed(true, "b c");
    world.believes("b c", "b c");
    world.says("", "b").believes("c", "c");
}

#[test]
fn a_successor_at_the_same_address_takes_the_place_of_what_was_killed() {
    let mut world = World::new();
    world.says("a@1 b@2", "").says("c@1", "").believes("c", "");
    assert_eq!(world.asked(), "");
    let mut world = World::new();
    world.says("a@1 b@2 c@3", "").says("", "");
    assert_eq!(world.asked(), "a b c");
    world.probed(true, "a b c").says("d@2", "");
    world.believes("a c d", "a c");
}

#[test]
fn only_where_an_instance_is_asked_tells_its_successor() {
    let with_socket = |id: &str| {
        let mut one = Instance::clone(&instance(id));
        // Every machine has such a file.
        one.addresses.push("unix:/run/orders.sock".into());
        Arc::new(one)
    };
    let mut world = World::new();
    for ids in [&["a", "b", "c"][..], &["c"]] {
        world.feed.publish(Listing {
            instances: ids.iter().map(|id| with_socket(id)).collect(),
            ..Listing::default()
        });
        world.hear();
    }
    world.believes("a b c", "a b");
}

#[test]
fn two_groups_of_one_server_do_not_stand_for_each_other() {
    let listing = |ids: &[(&str, &str)]| {
        let one = |&(id, group): &(&str, &str)| {
            let mut instance = Instance::clone(&instance(&format!("{id}@1")));
            instance.group = group.into();
            Arc::new(instance)
        };
        Listing {
            instances: ids.iter().map(one).collect(),
            ..Listing::default()
        }
    };
    let mut world = World::new();
    let all = [("a", "x"), ("b", "y"), ("c", "z")];
    world.feed.publish(listing(&all));
    world.hear();
    world.feed.publish(listing(&all[..1]));
    world.hear().believes("a b c", "b c");
}

#[test]
fn a_silent_registry_loses_nobody() {
    let mut world = World::new();
    world.says("a b c", "").fails().believes("a b c", "");
    assert!(matches!(world.view.freshness(), Freshness::Stale(_)));
    assert_eq!(world.asked(), "");
    world.says("", "").believes("a b c", "a b c");
    world.fails().believes("a b c", "a b c");
}

#[test]
fn probes_are_so_many_at_a_time() {
    let fleet: Vec<_> = (0..100).map(|number| format!("i{number}")).collect();
    let mut world = World::new();
    world.says(&fleet.join(" "), "").says("", "");
    let first = world.belief.due(world.now);
    assert_eq!(first.len(), AT_ONCE);
    assert_eq!(world.belief.due(world.now).len(), 0);
    assert_eq!(world.belief.next_timeout(), None);
    for one in &first {
        world.belief.probed(&one.id, true, world.now);
    }
    assert_eq!(world.belief.due(world.now).len(), AT_ONCE);
}

#[test]
fn an_answer_that_comes_late_changes_nothing() {
    let mut world = World::new();
    world.says("a", "").says("", "");
    assert_eq!(world.asked(), "a");
    world.says("a", "").probed(false, "a").believes("a", "");
    assert_eq!(world.belief.asked, 0);
}

#[test]
fn what_was_saved_counts_where_the_registry_does_not_answer() {
    let mut world = World::with(true);
    world.fails().believes("", "");
    assert!(!world.view.is_answered(), "the file is being read");
    world.belief.recall(Some(saved("a b")), world.now);
    world.look();
    world.believes("a b", "");
    assert!(matches!(world.view.freshness(), Freshness::Stored(Some(_))));
    assert_eq!(world.asked(), "");
    world.says("b c", "").believes("b c", "");
    assert!(matches!(world.view.freshness(), Freshness::Current));
}

#[test]
fn a_registry_has_a_moment_to_answer_before_what_was_saved_counts() {
    let mut world = World::with(true);
    world.belief.recall(Some(saved("a b")), world.now);
    world.look();
    assert!(!world.view.is_answered());
    let due = world.belief.next_timeout().unwrap();
    assert_eq!(due - world.now, PATIENCE);
    world.wait(0.25).believes("a b", "");
    assert!(matches!(world.view.freshness(), Freshness::Stored(None)));
    assert_eq!(world.belief.next_timeout(), None);
    world.fails();
    assert!(matches!(world.view.freshness(), Freshness::Stored(Some(_))));
}

#[test]
fn a_registry_that_answers_in_time_is_believed_alone() {
    let mut world = World::with(true);
    world.says("c", "").believes("c", "");
    world.belief.recall(Some(saved("a b d")), world.now);
    world.look();
    world.believes("c", "");
    assert_eq!(world.asked(), "");
}

#[test]
fn an_empty_first_answer_does_not_outdo_what_was_saved() {
    for read_first in [true, false] {
        let mut world = World::with(true);
        if read_first {
            world.belief.recall(Some(saved("a b")), world.now);
            world.says("", "");
        } else {
            world.says("", "");
            assert!(!world.view.is_answered(), "the file is being read");
            world.belief.recall(Some(saved("a b")), world.now);
        }
        world.look();
        world.believes("a b", "a b");
        assert_eq!(world.asked(), "a b");
        world
            .probed(false, "a")
            .probed(true, "b")
            .believes("b", "b");
    }
}

#[test]
fn without_anything_saved_an_unanswered_registry_is_waited_for() {
    let mut world = World::with(true);
    world.belief.recall(None, world.now);
    world.look();
    assert!(!world.view.is_answered());
    world.fails();
    assert!(matches!(world.view.freshness(), Freshness::Stale(_)));
}
