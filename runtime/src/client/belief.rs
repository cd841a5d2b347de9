//! What a client believes of a service's instances where its registry says that most of them are gone at once, or says
//! nothing yet.
//!
//! A registry that lost its data says the same as one whose servers have all died; only the servers can tell. Pure: what the
//! registry says, what an earlier process saved, what probes found, and the time go in; a snapshot and the probes that
//! are due come out. Knows no connection and no file.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::random::Random;
use crate::registry::{Freshness, Instance, Snapshot};
use crate::transport::Address;

/// Losses within this count together: a registry that is emptied entry by entry shows them one by one.
const TOGETHER: Duration = Duration::from_secs(30);

/// How often an instance that only its own answers keep is asked again, less or more a fifth. Calls find out at once when
/// it dies, since connections to it fail; this only bounds how long it is tried now and then.
const AGAIN: Duration = Duration::from_secs(5);

/// Probes under way at a time: most are one frame on a connection that is there, but some have to connect.
const AT_ONCE: usize = 32;

/// How long a registry may take for its first answer before what was saved counts: several times what one in good health
/// takes, and a wait that hardly anybody notices at a start.
const PATIENCE: Duration = Duration::from_millis(250);

/// What a client believes of one service.
#[derive(Debug)]
pub(super) struct Belief {
    /// What the registry said last.
    said: Arc<Snapshot>,
    saved: Saved,
    /// What the belief rests on: what the registry said, or what was saved.
    ground: Arc<Snapshot>,
    /// Instances that the ground lacks and that are still believed in, or may be again, by id.
    doubts: BTreeMap<String, Doubt>,
    /// Those that were lost a short while ago and believed to be.
    lost: VecDeque<(Instant, Arc<Instance>)>,
    /// When which doubt is due; what has been settled since is still in it.
    queue: BinaryHeap<Reverse<(Instant, String)>>,
    /// Probes under way.
    asked: usize,
    changed: bool,
    random: Random,
}

/// What an earlier process saved.
#[derive(Debug)]
enum Saved {
    /// There is none, or it is not needed any more.
    Nothing,
    /// It is being read.
    Awaited,
    /// The registry has until then to answer first.
    Read(Arc<Snapshot>, Instant),
}

/// An instance that is gone from the list and may be alive.
///
/// ```text
///                     lost together with most others
///          listed ────────────────────────────────────▶ Due ◀──5 s──┐
///            ▲ │                                         │ probe    │ answers
///            │ │ lost alone                              ▼          │
///            │ └──────────▶ gone ◀──────no answer────── Asked ──────┘
///            └──────────── listed again, from any of them
/// ```
#[derive(Debug)]
struct Doubt {
    instance: Arc<Instance>,
    /// Whether calls may go to it meanwhile. One that was believed to be lost has to answer first.
    shown: bool,
    stage: Stage,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Due(Instant),
    Asked,
}

impl Belief {
    /// The belief in what the registry says at first. Where what was saved is being read, [`Belief::recall`] has to follow.
    pub(super) fn new(said: Arc<Snapshot>, reads_saved: bool, seed: u64) -> Self {
        let mut belief = Self {
            ground: Arc::new(Snapshot::unknown(said.service())),
            said,
            saved: if reads_saved {
                Saved::Awaited
            } else {
                Saved::Nothing
            },
            doubts: BTreeMap::new(),
            lost: VecDeque::new(),
            queue: BinaryHeap::new(),
            asked: 0,
            changed: true,
            random: Random::new(seed),
        };
        if belief.saved_is_needless() {
            belief.saved = Saved::Nothing;
        }
        if matches!(belief.saved, Saved::Nothing) {
            belief.ground = Arc::clone(&belief.said);
        }
        belief
    }

    /// The registry says this now. Gives how many instances it has lost that are not believed to be, where that is news.
    pub(super) fn hear(&mut self, said: Arc<Snapshot>, now: Instant) -> Option<usize> {
        self.said = said;
        self.settle(now)
    }

    /// This is what an earlier process saved, if anything of use.
    pub(super) fn recall(&mut self, saved: Option<Arc<Snapshot>>, now: Instant) -> Option<usize> {
        if matches!(self.saved, Saved::Awaited) {
            self.saved = saved.map_or(Saved::Nothing, |saved| Saved::Read(saved, now + PATIENCE));
        }
        self.settle(now)
    }

    /// Whether the registry's own answer is there and shows something. An empty one may be all that is left of its data.
    fn saved_is_needless(&self) -> bool {
        self.said.revision() > 0 && !self.said.instances().is_empty()
    }

    /// Finds out what the belief rests on now.
    fn settle(&mut self, now: Instant) -> Option<usize> {
        let answered = self.said.revision() > 0;
        if self.saved_is_needless() {
            self.saved = Saved::Nothing;
        }
        let ground = match (&self.saved, self.said.freshness()) {
            (Saved::Nothing, _) => Arc::clone(&self.said),
            (Saved::Awaited, _) => return None,
            (Saved::Read(saved, _), _) if answered => {
                // As if it had been believed all along: what it has and the registry lacks has been lost.
                self.ground = Arc::clone(saved);
                self.saved = Saved::Nothing;
                Arc::clone(&self.said)
            }
            (Saved::Read(saved, _), Freshness::Stale(error)) => {
                Arc::new(saved.stored(Some(error.clone())))
            }
            (Saved::Read(_, patience), _) if now < *patience => return None,
            (Saved::Read(saved, _), _) => Arc::new(saved.stored(None)),
        };
        let before = std::mem::replace(&mut self.ground, ground);
        self.changed = true;
        self.compare(&before, now)
    }

    /// Settles what becomes of the instances that the ground has no more.
    fn compare(&mut self, before: &Snapshot, now: Instant) -> Option<usize> {
        let mut lost = self.ground.gone_since(before);
        while self
            .lost
            .front()
            .is_some_and(|(at, _)| now - *at > TOGETHER)
        {
            self.lost.pop_front();
        }
        if lost.is_empty() && self.doubts.is_empty() && self.lost.is_empty() {
            return None;
        }
        let ground = Arc::clone(&self.ground);
        let taken = places(&ground);
        // A process that was killed and started again has another id and may have the same address.
        let is_open = |instance: &Arc<Instance>| {
            ground.instance(&instance.id).is_none()
                && !ground.has_left(&instance.id)
                && place(instance).is_none_or(|place| !taken.contains(&place))
        };
        lost.retain(is_open);
        self.lost.retain(|(_, instance)| is_open(instance));
        self.doubts.retain(|_, doubt| is_open(&doubt.instance));
        if lost.is_empty() {
            return None;
        }
        let missing = lost.len() + self.lost.len() + self.doubts.len();
        if missing <= ground.instances().len() {
            self.lost.extend(lost.into_iter().map(|one| (now, one)));
            return None;
        }
        let news = lost.len() + self.lost.len();
        let earlier = std::mem::take(&mut self.lost);
        for instance in lost {
            self.doubt(instance, true, now);
        }
        for (_, instance) in earlier {
            self.doubt(instance, false, now);
        }
        Some(news)
    }

    fn doubt(&mut self, instance: Arc<Instance>, shown: bool, now: Instant) {
        let id = instance.id.clone();
        self.queue.push(Reverse((now, id.clone())));
        let doubt = Doubt {
            instance,
            shown,
            stage: Stage::Due(now),
        };
        self.doubts.insert(id, doubt);
    }

    /// The instances that are to be probed now; each is answered with [`Belief::probed`].
    pub(super) fn due(&mut self, now: Instant) -> Vec<Arc<Instance>> {
        let mut due = Vec::new();
        while self.asked < AT_ONCE
            && let Some(Reverse((at, _))) = self.queue.peek()
            && *at <= now
            && let Some(Reverse((at, id))) = self.queue.pop()
        {
            if let Some(doubt) = self.doubts.get_mut(&id)
                && doubt.stage == Stage::Due(at)
            {
                doubt.stage = Stage::Asked;
                self.asked += 1;
                due.push(Arc::clone(&doubt.instance));
            }
        }
        due
    }

    /// Whether the instance with this id gave a sign of life.
    pub(super) fn probed(&mut self, id: &str, answers: bool, now: Instant) {
        self.asked = self.asked.saturating_sub(1);
        let Some(doubt) = self.doubts.get_mut(id) else {
            return;
        };
        if doubt.stage != Stage::Asked {
            return;
        }
        self.changed |= doubt.shown != answers;
        if answers {
            let at = now + AGAIN.mul_f64(0.8 + 0.4 * self.random.unit());
            doubt.shown = true;
            doubt.stage = Stage::Due(at);
            self.queue.push(Reverse((at, id.into())));
        } else {
            self.doubts.remove(id);
        }
    }

    /// When there is something to do though nothing is heard: probes are due, or the registry has had its time.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let patience = match self.saved {
            Saved::Read(_, patience) if matches!(self.ground.freshness(), Freshness::Pending) => {
                Some(patience)
            }
            _ => None,
        };
        let probe = self.queue.peek().map(|Reverse((at, _))| *at);
        let probe = probe.filter(|_| self.asked < AT_ONCE);
        patience.into_iter().chain(probe).min()
    }

    /// Does what is due because time passes.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.ground.freshness(), Freshness::Pending) {
            self.settle(now);
        }
    }

    /// What is believed, if that has changed since it was last asked.
    pub(super) fn news(&mut self) -> Option<Arc<Snapshot>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let kept = self.doubts.values().filter(|doubt| doubt.shown);
        let kept: Vec<_> = kept.map(|doubt| Arc::clone(&doubt.instance)).collect();
        if kept.is_empty() {
            return Some(Arc::clone(&self.ground));
        }
        Some(Arc::new(self.ground.keeping(kept)))
    }
}

/// Where instances are asked, by group: a server that offers a service in two groups has two instances in one place.
fn places(snapshot: &Snapshot) -> HashSet<(&str, Address)> {
    let instances = snapshot.instances().iter();
    instances.filter_map(|instance| place(instance)).collect()
}

fn place(instance: &Instance) -> Option<(&str, Address)> {
    Some((
        &*instance.group,
        instance
            .addresses
            .iter()
            .find_map(|address| address.parse().ok())?,
    ))
}

#[cfg(test)]
mod tests;
