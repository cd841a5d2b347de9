//! What a client knows of the instances of one service beyond what their records say: since when it knows them, and how
//! they do.
//!
//! Worked out once per change of the list, for all methods.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::balance::Candidate;
use crate::governance::BreakerPolicy;
use crate::random::Random;
use crate::registry::{Instance, Snapshot};
use crate::resilience::{BreakerEvent, Breakers, Detector, Listed, Vitals};
use crate::transport::{Address, Transports};

use super::notice::{ClientNotice, Listener};
use super::view::reachable;

/// How many instances that are listed no more are remembered beside as many as are listed: enough for every server of a
/// large fleet to be lost and found.
const REMEMBERED: usize = 1_024;

/// An instance as a client knows it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) instance: Arc<Instance>,
    /// Where it is asked; `None` if there is no way to any address of its record.
    pub(super) address: Option<Address>,
    /// What stands for its id.
    pub(super) key: u64,
    /// What consistent hashing ties calls to: its address and group, which outlive a restart of the server that listens
    /// there. Its id does not, and keys would move with every restart, there and back again.
    pub(super) seat: u64,
    /// When it came, if others were there before it.
    pub(super) joined: Option<Instant>,
    /// What its calls tell of it.
    pub(super) vitals: Arc<Vitals>,
    /// What compares it with those that stand in for it.
    pub(super) detector: Arc<Detector>,
}

/// The instances of one service.
#[derive(Debug)]
pub(super) struct Roster(Mutex<List>);

impl Roster {
    /// Nobody yet; `transports` are the ways to servers. `epoch` is the moment that balancers count from, `seed` decides the
    /// jitter of pauses.
    pub(super) fn new(
        service: &str,
        transports: Transports,
        policy: BreakerPolicy,
        epoch: Instant,
        seed: u64,
        listener: Listener,
    ) -> Self {
        Self(Mutex::new(List {
            service: service.into(),
            transports,
            policy,
            epoch,
            seeds: Random::new(seed),
            listener,
            snapshot: None,
            members: Arc::default(),
            known: HashMap::new(),
            detectors: BTreeMap::new(),
        }))
    }

    /// The instances of `snapshot`, one each and in its order.
    pub(super) fn members(&self, snapshot: &Arc<Snapshot>, now: Instant) -> Arc<[Arc<Member>]> {
        let mut list = self.lock();
        list.follow(snapshot, now);
        Arc::clone(&list.members)
    }

    /// How the circuit breakers stand, by group.
    pub(super) fn breakers(&self, now: Instant) -> Vec<Breakers> {
        let list = self.lock();
        let now = now.saturating_duration_since(list.epoch);
        list.detectors.values().map(|one| one.states(now)).collect()
    }

    /// Lets circuit breakers judge by these numbers from now on.
    pub(super) fn set_breaker_policy(&self, policy: &BreakerPolicy, now: Instant) {
        let mut list = self.lock();
        if list.policy == *policy {
            return;
        }
        list.policy = policy.clone();
        let now = now.saturating_duration_since(list.epoch);
        let detectors: Vec<_> = list.detectors.values().cloned().collect();
        // Whoever is told of what closes may ask for the breakers.
        drop(list);
        for detector in detectors {
            detector.set_policy(policy.clone(), now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct List {
    service: Arc<str>,
    transports: Transports,
    policy: BreakerPolicy,
    epoch: Instant,
    seeds: Random,
    listener: Listener,
    /// What was looked at last.
    snapshot: Option<Arc<Snapshot>>,
    /// As in the snapshot: by id.
    members: Arc<[Arc<Member>]>,
    /// By what stands for its id, when an instance came: an instance that is lost and found again is not new.
    known: HashMap<u64, Known>,
    /// By group: what compares those that stand in for each other.
    detectors: BTreeMap<Box<str>, Arc<Detector>>,
}

/// What outlives a change of the list.
#[derive(Clone, Debug)]
struct Known {
    joined: Option<Instant>,
    /// Where it is asked.
    address: Option<Address>,
    vitals: Arc<Vitals>,
}

impl List {
    fn follow(&mut self, snapshot: &Arc<Snapshot>, now: Instant) {
        let known = self.snapshot.as_ref().map(|known| known.instances());
        if !known.is_some_and(|known| std::ptr::eq(known, snapshot.instances())) {
            self.update(snapshot.instances(), now);
        }
        self.snapshot = Some(Arc::clone(snapshot));
    }

    fn update(&mut self, instances: &[Arc<Instance>], now: Instant) {
        // Where nobody was there before, nobody has to be spared.
        let joined = (!self.members.is_empty()).then_some(now);
        let before = std::mem::take(&mut self.members);
        let mut before = before.iter().peekable();
        let members = instances.iter().map(|instance| {
            while before
                .next_if(|old| old.instance.id < instance.id)
                .is_some()
            {}
            let old = before.next_if(|old| old.instance.id == instance.id);
            match old {
                Some(old) if old.instance == *instance => Arc::clone(old),
                _ => Arc::new(self.member(instance, joined)),
            }
        });
        self.members = members.collect();
        self.forget();
        self.compare(now);
    }

    /// Lets each group be compared that is listed.
    fn compare(&mut self, now: Instant) {
        let now = now.saturating_duration_since(self.epoch);
        let mut groups: BTreeMap<&str, Vec<Listed>> = BTreeMap::new();
        // Those of weight 0 take no calls that others could.
        for member in self.members.iter().filter(|one| one.instance.weight > 0) {
            let listed = groups.entry(&member.instance.group).or_default();
            listed.push(member.listed());
        }
        for (group, detector) in &self.detectors {
            detector.follow(groups.remove(&**group).unwrap_or_default(), now);
        }
        let members = &self.members;
        let is_listed = |group: &str| members.iter().any(|one| one.instance.group == group);
        self.detectors.retain(|group, _| is_listed(group));
    }

    fn detector(&mut self, group: &str) -> Arc<Detector> {
        if let Some(detector) = self.detectors.get(group) {
            return Arc::clone(detector);
        }
        let detector = Arc::new(Detector::new(
            &self.service,
            group,
            self.policy.clone(),
            self.seeds.bits(),
            told(&self.service, group, &self.listener),
        ));
        self.detectors.insert(group.into(), Arc::clone(&detector));
        detector
    }

    fn member(&mut self, instance: &Arc<Instance>, joined: Option<Instant>) -> Member {
        let key = Candidate::key_of(&instance.id);
        let address = reachable(&instance.addresses, &self.transports);
        let place = address.as_ref().map_or(String::new(), Address::to_string);
        let fresh = |joined| Known {
            joined,
            address: address.clone(),
            vitals: Arc::new(Vitals::new(Arc::default())),
        };
        let known = self.known.entry(key).or_insert_with(|| fresh(joined));
        if known.address != address {
            // Somewhere else, it is another server.
            *known = fresh(known.joined);
        }
        let Known { joined, vitals, .. } = known.clone();
        Member {
            detector: self.detector(&instance.group),
            instance: Arc::clone(instance),
            address,
            joined,
            vitals,
            key,
            // Neither has a line break in it.
            seat: Candidate::key_of(&format!("{place}\n{}", instance.group)),
        }
    }

    fn forget(&mut self) {
        if self.known.len() > 2 * self.members.len() + REMEMBERED {
            let listed = self.members.iter().map(|one| (one.key, one.known()));
            self.known = listed.collect();
        }
    }
}

impl Member {
    fn known(&self) -> Known {
        Known {
            joined: self.joined,
            address: self.address.clone(),
            vitals: Arc::clone(&self.vitals),
        }
    }

    fn listed(&self) -> Listed {
        let place = self.address.as_ref().map(Address::to_string);
        Listed {
            key: self.key,
            instance: self.instance.id.as_str().into(),
            endpoint: place.unwrap_or_default().into(),
            vitals: Arc::clone(&self.vitals),
        }
    }
}

/// Who hears of the circuit breakers of a group, where somebody listens to the client.
fn told(
    service: &Arc<str>,
    group: &str,
    listener: &Listener,
) -> crate::listener::Listener<BreakerEvent> {
    let (service, group): (Arc<str>, Arc<str>) = (Arc::clone(service), group.into());
    let listener = listener.clone();
    crate::listener::Listener::new(move |event: &BreakerEvent| {
        listener.tell(|| ClientNotice::of_breaker(&service, &group, event));
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::registry::{Feed, Listing};

    /// A service whose list is written by hand, `id` or `id address`, and the roster that follows it.
    struct Service {
        feed: Feed,
        roster: Roster,
        start: Instant,
    }

    fn roster() -> Roster {
        let policy = BreakerPolicy::default();
        let ways = Transports::default();
        Roster::new("S", ways, policy, Instant::now(), 7, Listener::nobody())
    }

    impl Service {
        fn new() -> Self {
            Self {
                feed: Feed::new("S"),
                roster: roster(),
                start: Instant::now(),
            }
        }

        /// The members after so many seconds, each with the second at which it came.
        fn after(&mut self, seconds: u64, ids: &[&str]) -> String {
            let watch = self.feed.watch();
            let mut listing = Listing::default();
            for id in ids {
                let mut instance = Instance::new(*id, "S");
                instance.addresses = vec![format!("memory:{id}")];
                listing.instances.push(Arc::new(instance));
            }
            self.feed.publish(listing);
            let now = self.start + Duration::from_secs(seconds);
            let members = self.roster.members(&watch.borrow(), now);
            let show = |member: &Arc<Member>| match member.joined {
                Some(joined) => {
                    format!("{}@{}", member.instance.id, (joined - self.start).as_secs())
                }
                None => member.instance.id.clone(),
            };
            members.iter().map(show).collect::<Vec<_>>().join(" ")
        }
    }

    #[test]
    fn who_comes_after_the_first_list_is_new() {
        let mut service = Service::new();
        assert_eq!(service.after(1, &["b", "d"]), "b d");
        assert_eq!(service.after(2, &["a", "b", "c", "d"]), "a@2 b c@2 d");
        assert_eq!(service.after(3, &["a", "d", "e"]), "a@2 d e@3");
    }

    #[test]
    fn who_is_lost_and_found_is_not_new() {
        let mut service = Service::new();
        service.after(1, &["a", "b"]);
        assert_eq!(service.after(2, &["a"]), "a");
        assert_eq!(service.after(3, &["a", "b"]), "a b");
        assert_eq!(service.after(4, &[]), "");
        assert_eq!(service.after(5, &["b", "c"]), "b c", "nobody was there");
    }

    #[test]
    fn the_lost_are_not_remembered_for_ever() {
        let mut service = Service::new();
        service.after(1, &["a", "lost"]);
        for round in 0..3_000 {
            service.after(2, &["a", &format!("n{round}")]);
        }
        assert!(service.roster.0.lock().unwrap().known.len() <= REMEMBERED + 4);
        assert_eq!(service.after(3, &["a", "lost"]), "a lost@3");
    }

    #[test]
    fn a_server_that_restarts_keeps_its_seat() {
        let mut instance = Instance::new("one", "S");
        instance.addresses = vec!["tcp://10.0.0.1:7000".into()];
        let roster = roster();
        let mut roster = roster.lock();
        let first = roster.member(&Arc::new(instance.clone()), None);
        instance.id = "two".into();
        let second = roster.member(&Arc::new(instance.clone()), None);
        assert_ne!(first.key, second.key);
        assert_eq!(first.seat, second.seat);
        instance.group = "spare".into();
        let other = roster.member(&Arc::new(instance), None);
        assert_ne!(first.seat, other.seat, "two instances of one server");
    }
}
