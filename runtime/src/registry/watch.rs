//! Both ends of a live view: what a client holds, and what a back end feeds.
//!
//! Knows nothing of how a back end learns of changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::error::Error;
use super::snapshot::{Freshness, Listing, Snapshot};

/// A live view of one service. Cheap to clone; each clone sees every change on its own.
#[derive(Clone, Debug)]
pub struct Watch {
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl Watch {
    /// The newest snapshot.
    pub fn borrow(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// The newest snapshot; [`Watch::changed`] then waits for one after it.
    pub fn borrow_and_update(&mut self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow_and_update())
    }

    /// Whether there may be a snapshot that this clone has not seen. One atomic read, to be asked on every call.
    pub(crate) fn has_changed(&self) -> bool {
        // Where nobody publishes any more it cannot be told without a lock; whoever looks finds out.
        self.snapshots.has_changed().unwrap_or(true)
    }

    /// Whether there will never be another snapshot than the one that is there.
    pub(crate) fn is_final(&self) -> bool {
        self.snapshots.has_changed().is_err()
    }

    /// Waits for a snapshot that this clone has not seen; `None` when the view never changes again, because the
    /// registry is fixed or its handles are gone. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Option<Arc<Snapshot>> {
        self.snapshots.changed().await.ok()?;
        Some(self.borrow_and_update())
    }

    /// Waits until the registry has answered, if only with a failure.
    pub async fn answered(&mut self) -> Arc<Snapshot> {
        self.seen(Snapshot::is_answered).await
    }

    /// Waits for a snapshot that `wanted` accepts; gives the last one if the view never changes again.
    pub async fn seen(&mut self, mut wanted: impl FnMut(&Snapshot) -> bool) -> Arc<Snapshot> {
        loop {
            let snapshot = self.borrow_and_update();
            if wanted(&snapshot) || self.snapshots.changed().await.is_err() {
                return snapshot;
            }
        }
    }
}

/// What a back end tells the watchers of one service.
#[derive(Debug)]
pub struct Feed {
    snapshots: watch::Sender<Arc<Snapshot>>,
}

impl Feed {
    /// A feed that has said nothing yet.
    pub fn new(service: &str) -> Self {
        Self {
            snapshots: watch::Sender::new(Arc::new(Snapshot::pending(service))),
        }
    }

    /// One more watcher.
    pub fn watch(&self) -> Watch {
        Watch {
            snapshots: self.snapshots.subscribe(),
        }
    }

    /// The registry says this now. Watchers wake only if it is news.
    pub fn publish(&self, listing: Listing) {
        self.snapshots.send_if_modified(|snapshot| {
            let next = snapshot.next(listing);
            let news = next.revision() != snapshot.revision() || !is_current(snapshot);
            *snapshot = Arc::new(next);
            news
        });
    }

    /// The registry does not answer: watchers keep what they have and learn that it may be old.
    pub fn fail(&self, error: Error) {
        self.snapshots.send_if_modified(|snapshot| {
            let news = !matches!(snapshot.freshness(), Freshness::Stale(_));
            *snapshot = Arc::new(snapshot.stale(error));
            news
        });
    }

    /// Whether nobody watches any more.
    pub fn is_abandoned(&self) -> bool {
        self.snapshots.receiver_count() == 0
    }

    /// Waits until nobody watches any more.
    pub async fn abandoned(&self) {
        self.snapshots.closed().await;
    }
}

fn is_current(snapshot: &Snapshot) -> bool {
    matches!(snapshot.freshness(), Freshness::Current)
}

/// The feeds of one registry, one per service that somebody watches.
#[derive(Debug, Default)]
pub struct Feeds(Mutex<HashMap<String, Arc<Feed>>>);

impl Feeds {
    /// One more watcher of `service`, on the feed that is there or a new one.
    pub fn watch(&self, service: &str) -> Watch {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(service) {
            return feed.watch();
        }
        let feed = Feed::new(service);
        let watch = feed.watch();
        feeds.insert(service.into(), Arc::new(feed));
        watch
    }

    /// The services that are still watched, with their feeds; the others are forgotten.
    pub fn watched(&self) -> Vec<(String, Arc<Feed>)> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| !feed.is_abandoned());
        feeds
            .iter()
            .map(|(service, feed)| (service.clone(), Arc::clone(feed)))
            .collect()
    }

    /// The feed of `service`, if somebody watches it.
    pub fn of(&self, service: &str) -> Option<Arc<Feed>> {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.get(service).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::super::instance::Instance;
    use super::super::{ErrorKind, Skipped};
    use super::*;

    fn listing(id: &str) -> Listing {
        Listing {
            instances: vec![Arc::new(Instance::new(id, "S"))],
            left: Vec::new(),
            skipped: Skipped::default(),
        }
    }

    #[tokio::test]
    async fn watchers_wake_for_news_only() {
        let feed = Feed::new("S");
        let mut watch = feed.watch();
        assert!(!watch.borrow_and_update().is_answered());
        feed.publish(listing("a"));
        assert_eq!(watch.changed().await.unwrap().revision(), 1);
        feed.publish(listing("a"));
        assert!(!watch.snapshots.has_changed().unwrap());
        feed.fail(Error::new(ErrorKind::Unavailable, "x:", "gone"));
        assert!(!is_current(&watch.changed().await.unwrap()));
        feed.fail(Error::new(ErrorKind::Unavailable, "x:", "still gone"));
        assert!(!watch.snapshots.has_changed().unwrap());
        feed.publish(listing("a"));
        assert!(is_current(&watch.changed().await.unwrap()));
        drop(feed);
        assert!(watch.changed().await.is_none());
        assert_eq!(watch.borrow().instances().len(), 1);
    }

    #[test]
    fn watchers_of_one_service_share_a_feed_until_the_last_is_gone() {
        let feeds = Feeds::default();
        let (one, two) = (feeds.watch("S"), feeds.watch("S"));
        assert_eq!(feeds.watched().len(), 1);
        drop(one);
        assert_eq!(feeds.watched().len(), 1);
        drop(two);
        assert!(feeds.watched().is_empty());
        assert!(feeds.of("S").is_none());
    }
}
