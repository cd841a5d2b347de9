//! Both ends of a live view: what a client holds, and what a back end feeds.
//!
//! The same for the instances of a service and for a document. Knows nothing of how a back end learns of changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::error::Error;
use super::snapshot::{Freshness, Snapshot};

/// What a back end may say of a subject, again and again: the instances of a service, a document.
pub trait View: Clone + Send + Sync + 'static {
    /// What a back end found.
    type News;

    /// Nothing is known yet of the subject with this name.
    fn pending(name: &str) -> Self;

    /// The registry says this now.
    #[must_use]
    fn next(&self, news: Self::News) -> Self;

    /// The registry does not answer; what it said last is kept.
    #[must_use]
    fn stale(&self, error: Error) -> Self;

    /// How far it may be trusted.
    fn freshness(&self) -> &Freshness;

    /// Counts the changes; 0 before the first answer.
    fn revision(&self) -> u64;

    /// Whether the registry has answered, if only with a failure.
    fn is_answered(&self) -> bool {
        !matches!(self.freshness(), Freshness::Pending)
    }
}

/// A live view of one service.
pub type Watch = Subscription<Snapshot>;

/// What a back end tells the watchers of one service.
pub type Feed = Publisher<Snapshot>;

/// The feeds of one registry, one per service that somebody watches.
pub type Feeds = Publishers<Snapshot>;

/// A live view. Cheap to clone; each clone sees every change on its own.
#[derive(Clone, Debug)]
pub struct Subscription<V> {
    views: watch::Receiver<Arc<V>>,
}

impl<V: View> Subscription<V> {
    /// The newest view.
    pub fn borrow(&self) -> Arc<V> {
        Arc::clone(&self.views.borrow())
    }

    /// The newest view; [`Subscription::changed`] then waits for one after it.
    pub fn borrow_and_update(&mut self) -> Arc<V> {
        Arc::clone(&self.views.borrow_and_update())
    }

    /// Whether there may be a view that this clone has not seen. One atomic read, to be asked on every call.
    pub(crate) fn has_changed(&self) -> bool {
        // Where nobody publishes any more it cannot be told without a lock; whoever looks finds out.
        self.views.has_changed().unwrap_or(true)
    }

    /// Whether there will never be another view than the one that is there.
    pub(crate) fn is_final(&self) -> bool {
        self.views.has_changed().is_err()
    }

    /// Waits for a view that this clone has not seen; `None` when it never changes again, because the registry is
    /// fixed or its handles are gone. Dropping the future loses nothing.
    pub async fn changed(&mut self) -> Option<Arc<V>> {
        self.views.changed().await.ok()?;
        Some(self.borrow_and_update())
    }

    /// Waits until the registry has answered, if only with a failure.
    pub async fn answered(&mut self) -> Arc<V> {
        self.seen(V::is_answered).await
    }

    /// Waits for a view that `wanted` accepts; gives the last one if it never changes again.
    pub async fn seen(&mut self, mut wanted: impl FnMut(&V) -> bool) -> Arc<V> {
        loop {
            let view = self.borrow_and_update();
            if wanted(&view) || self.views.changed().await.is_err() {
                return view;
            }
        }
    }
}

/// What a back end tells the watchers of one subject.
#[derive(Debug)]
pub struct Publisher<V> {
    views: watch::Sender<Arc<V>>,
}

impl<V: View> Publisher<V> {
    /// One that has said nothing yet of the subject with this name.
    pub fn new(name: &str) -> Self {
        Self {
            views: watch::Sender::new(Arc::new(V::pending(name))),
        }
    }

    /// One more watcher.
    pub fn watch(&self) -> Subscription<V> {
        Subscription {
            views: self.views.subscribe(),
        }
    }

    /// The registry says this now. Watchers wake only if it is news.
    pub fn publish(&self, news: V::News) {
        self.views.send_if_modified(|view| {
            let next = view.next(news);
            let changed = next.revision() != view.revision() || !is_current(&**view);
            *view = Arc::new(next);
            changed
        });
    }

    /// Shows this view: what somebody makes of what registries say.
    pub(crate) fn show(&self, view: Arc<V>) {
        self.views.send_replace(view);
    }

    /// The registry does not answer: watchers keep what they have and learn that it may be old.
    pub fn fail(&self, error: Error) {
        self.views.send_if_modified(|view| {
            let changed = !matches!(view.freshness(), Freshness::Stale(_));
            *view = Arc::new(view.stale(error));
            changed
        });
    }

    /// Whether nobody watches any more.
    pub fn is_abandoned(&self) -> bool {
        self.views.receiver_count() == 0
    }

    /// Waits until nobody watches any more.
    pub async fn abandoned(&self) {
        self.views.closed().await;
    }
}

fn is_current(view: &impl View) -> bool {
    matches!(view.freshness(), Freshness::Current)
}

/// The publishers of one registry, one per subject that somebody watches.
#[derive(Debug)]
pub struct Publishers<V>(Mutex<HashMap<String, Arc<Publisher<V>>>>);

impl<V> Default for Publishers<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V: View> Publishers<V> {
    /// One more watcher of the subject with this name, on the publisher that is there or a new one.
    pub fn watch(&self, name: &str) -> Subscription<V> {
        let mut publishers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(publisher) = publishers.get(name) {
            return publisher.watch();
        }
        let publisher = Publisher::new(name);
        let watch = publisher.watch();
        publishers.insert(name.into(), Arc::new(publisher));
        watch
    }

    /// The subjects that are still watched, with their publishers; the others are forgotten.
    pub fn watched(&self) -> Vec<(String, Arc<Publisher<V>>)> {
        let mut publishers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        publishers.retain(|_, publisher| !publisher.is_abandoned());
        publishers
            .iter()
            .map(|(name, publisher)| (name.clone(), Arc::clone(publisher)))
            .collect()
    }

    /// The publisher of the subject with this name, if somebody watches it.
    pub fn of(&self, name: &str) -> Option<Arc<Publisher<V>>> {
        let publishers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        publishers.get(name).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::super::instance::Instance;
    use super::super::{ErrorKind, Listing};
    use super::*;

    fn listing(id: &str) -> Listing {
        Listing {
            instances: vec![Arc::new(Instance::new(id, "S"))],
            ..Listing::default()
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
        assert!(!watch.views.has_changed().unwrap());
        feed.fail(Error::new(ErrorKind::Unavailable, "x:", "gone"));
        assert!(!is_current(&*watch.changed().await.unwrap()));
        feed.fail(Error::new(ErrorKind::Unavailable, "x:", "still gone"));
        assert!(!watch.views.has_changed().unwrap());
        feed.publish(listing("a"));
        assert!(is_current(&*watch.changed().await.unwrap()));
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
