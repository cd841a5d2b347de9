//! The task that keeps a client's view of one service: hears the registry, asks instances that are in doubt, and shows what
//! is believed.

use std::future::pending;
use std::sync::{Arc, Weak};

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::random;
use crate::registry::{Feed, Instance, Snapshot, Watch};

use super::belief::Belief;
use super::notice::ClientNotice;
use super::view::address_of;
use super::{Client, Inner};

/// How a probe ended: of whom, and whether there was a sign of life.
type Probed = (Arc<Instance>, bool);

/// What follows the registry.
pub(super) struct Follower {
    said: Watch,
    /// The registry will not say anything else.
    ended: bool,
    belief: Belief,
    feed: Feed,
    shown: Arc<Snapshot>,
    probes: JoinSet<Probed>,
    client: Weak<Inner>,
}

impl Follower {
    /// Shows what is believed at first.
    pub(super) fn new(mut said: Watch, client: &Client) -> (Self, Watch) {
        let first = said.borrow_and_update();
        let feed = Feed::new(first.service());
        let believed = feed.watch();
        let shown = believed.borrow();
        let mut follower = Self {
            said,
            ended: false,
            belief: Belief::new(first, false, random::seed()),
            feed,
            shown,
            probes: JoinSet::new(),
            client: Arc::downgrade(&client.0),
        };
        follower.show(&client.0);
        (follower, believed)
    }

    /// Follows until the registry and every doubt have ended, or the client has.
    pub(super) async fn run(mut self) {
        loop {
            let due = self.belief.next_timeout();
            if self.ended && due.is_none() && self.probes.is_empty() {
                return;
            }
            let (mut doubted, mut probed) = (None, None);
            tokio::select! {
                said = self.said.changed(), if !self.ended => match said {
                    Some(said) => doubted = self.belief.hear(said, Instant::now()),
                    None => self.ended = true,
                },
                Some(done) = self.probes.join_next() => probed = Some(done),
                () = until(due) => self.belief.handle_timeout(Instant::now()),
            }
            let Some(client) = self.client.upgrade() else {
                return;
            };
            self.settle(&client, doubted, probed);
        }
    }

    fn settle(
        &mut self,
        client: &Inner,
        doubted: Option<usize>,
        mut probed: Option<Result<Probed, JoinError>>,
    ) {
        let now = Instant::now();
        // What has ended together is shown together.
        while let Some(done) = probed {
            if let Ok((instance, answers)) = done {
                self.belief.probed(&instance.id, answers, now);
            }
            probed = self.probes.try_join_next();
        }
        for instance in self.belief.due(now) {
            let endpoint = address_of(&instance.addresses).map(|at| client.pool.endpoint(&at));
            self.probes.spawn(async move {
                let answers = match endpoint {
                    Some(endpoint) => endpoint.probe().await,
                    None => false,
                };
                (instance, answers)
            });
        }
        self.show(client);
        if let Some(lost) = doubted {
            client.listener.tell(|| ClientNotice::LossDoubted {
                service: self.shown.service().into(),
                lost,
                listed: self.shown.instances().len() - self.shown.unlisted().len(),
            });
        }
    }

    fn show(&mut self, client: &Inner) {
        let Some(news) = self.belief.news() else {
            return;
        };
        let before = std::mem::replace(&mut self.shown, Arc::clone(&news));
        self.feed.show(Arc::clone(&news));
        if news.has_moved_since(&before) {
            client.forget_the_gone();
        }
        let skipped = news.skipped();
        if skipped.count != before.skipped().count
            && let Some(example) = &skipped.example
        {
            client.listener.tell(|| ClientNotice::EntriesSkipped {
                service: news.service().into(),
                count: skipped.count,
                example: example.clone(),
            });
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
