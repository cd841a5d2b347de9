//! The task that keeps a client's view of one service: hears the registry, asks instances that are in doubt, and shows what
//! is believed.

use std::future::pending;
use std::sync::{Arc, Weak};

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::registry::{Feed, Freshness, Instance, Snapshot, Watch, is_service};

use super::belief::Belief;
use super::notice::ClientNotice;
use super::roster::Roster;
use super::saving::{Done, Saver};
use super::view::reachable;
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
    roster: Arc<Roster>,
    /// How many skipped entries have been told of.
    skipped: usize,
    probes: JoinSet<Probed>,
    saver: Option<Saver>,
    client: Weak<Inner>,
}

impl Follower {
    /// Shows what is believed at first.
    pub(super) fn new(mut said: Watch, client: &Client, roster: Arc<Roster>) -> (Self, Watch) {
        let first = said.borrow_and_update();
        let feed = Feed::new(first.service());
        let believed = feed.watch();
        let shown = believed.borrow();
        let service = first.service();
        // What is no name of a service may be no name of a file.
        let store = client.0.store.as_ref().filter(|_| is_service(service));
        let saver = store.map(|store| {
            Saver::read(
                store.clone(),
                service,
                client.runtime(),
                client.chance().bits(),
            )
        });
        let mut follower = Self {
            said,
            ended: false,
            belief: Belief::new(first, saver.is_some(), client.chance().bits()),
            feed,
            shown,
            roster,
            skipped: 0,
            probes: JoinSet::new(),
            saver,
            client: Arc::downgrade(&client.0),
        };
        // Whoever makes a view holds the list of them, so the rest of what a change brings along waits for the task.
        if let Some(news) = follower.belief.news() {
            follower.feed.show(Arc::clone(&news));
            follower.shown = news;
        }
        (follower, believed)
    }

    /// Follows until the registry and every doubt have ended, or the client has.
    pub(super) async fn run(mut self) {
        let service: Arc<str> = self.shown.service().into();
        if let Some(client) = self.client.upgrade() {
            self.after_change(&client);
        }
        loop {
            let due = self.belief.next_timeout();
            if self.ended && self.saver.is_none() && due.is_none() && self.probes.is_empty() {
                return;
            }
            let (mut doubted, mut probed, mut notice) = (None, None, None);
            tokio::select! {
                said = self.said.changed(), if !self.ended => match said {
                    Some(said) => doubted = self.belief.hear(said, Instant::now()),
                    None => self.ended = true,
                },
                Some(done) = self.probes.join_next() => probed = Some(done),
                () = until(due) => self.belief.handle_timeout(Instant::now()),
                done = done(&mut self.saver, &service) => match done {
                    Done::Read(saved, told) => {
                        notice = told;
                        doubted = self.belief.recall(saved, Instant::now());
                    }
                    Done::Written(told) => notice = told,
                },
            }
            let Some(client) = self.client.upgrade() else {
                return;
            };
            self.settle(&client, probed);
            if let Some(notice) = notice {
                client.listener.tell(|| notice);
            }
            if let Some(lost) = doubted {
                client.listener.tell(|| ClientNotice::LossDoubted {
                    service: service.to_string(),
                    lost,
                    listed: self.shown.instances().len() - self.shown.unlisted().len(),
                });
            }
        }
    }

    fn settle(&mut self, client: &Inner, mut probed: Option<Result<Probed, JoinError>>) {
        let now = Instant::now();
        let mut failed = false;
        // What has ended together is shown together.
        while let Some(done) = probed {
            if let Ok((instance, answers)) = done {
                failed |= !answers;
                self.belief.probed(&instance.id, answers, now);
            }
            probed = self.probes.try_join_next();
        }
        for instance in self.belief.due(now) {
            let endpoint = reachable(&instance.addresses, &client.pool.transports())
                .map(|at| client.pool.endpoint(&at));
            self.probes.spawn(async move {
                let answers = match endpoint {
                    Some(endpoint) => endpoint.probe().await,
                    None => false,
                };
                (instance, answers)
            });
        }
        let before = Arc::clone(&self.shown);
        if let Some(news) = self.belief.news() {
            self.feed.show(Arc::clone(&news));
            self.shown = news;
        }
        let news = Arc::clone(&self.shown);
        // Whoever is asked for a sign of life is known to the pool, shown or not.
        if failed || news.has_moved_since(&before) {
            client.forget_the_gone();
        }
        if Arc::ptr_eq(&news, &before) {
            return;
        }
        let is_stored = |view: &Snapshot| matches!(view.freshness(), Freshness::Stored(_));
        if is_stored(&news) && !is_stored(&before) {
            client.listener.tell(|| ClientNotice::ViewRecalled {
                service: news.service().into(),
                instances: news.instances().len(),
            });
        }
        self.after_change(client);
    }

    /// What a new view brings along.
    fn after_change(&mut self, client: &Inner) {
        let view = &self.shown;
        // Whoever is new is new from now on, not from the next call on.
        self.roster.members(view, Instant::now());
        if let Some(saver) = &mut self.saver {
            saver.note(view, Instant::now());
        }
        let skipped = view.skipped();
        let told = std::mem::replace(&mut self.skipped, skipped.count);
        if skipped.count != told
            && let Some(example) = &skipped.example
        {
            client.listener.tell(|| ClientNotice::EntriesSkipped {
                service: view.service().into(),
                count: skipped.count,
                example: example.clone(),
            });
        }
    }
}

async fn done(saver: &mut Option<Saver>, service: &str) -> Done {
    match saver {
        Some(saver) => saver.done(service).await,
        None => pending().await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}
