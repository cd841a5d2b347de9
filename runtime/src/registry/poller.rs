//! One task per registry that keeps all its views: the first watch starts it, and with the last it ends.
//!
//! Knows nothing of what the task asks, whom, and how often.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime;
use tokio::sync::Notify;

use super::document::{DocumentFeed, DocumentFeeds, DocumentWatch};
use super::error::{Error, ErrorKind};
use super::watch::{Feed, Feeds, Watch};

/// What somebody watches of a registry, and whether a task keeps it.
#[derive(Debug)]
pub(super) struct Poller {
    services: Feeds,
    documents: DocumentFeeds,
    /// What the task holds while it runs, and loses with its runtime, too. Locked while it is decided whether there is one, so
    /// that a new watch never misses it.
    running: Mutex<Weak<()>>,
    /// A new watch does not wait for the next round.
    wake: Notify,
    /// Where the task runs when a watch is asked for outside of a runtime.
    runtime: runtime::Handle,
}

/// What somebody watches; not nothing.
pub(super) struct Watched {
    pub(super) services: Vec<(String, Arc<Feed>)>,
    pub(super) documents: Vec<(String, Arc<DocumentFeed>)>,
}

impl Poller {
    /// One for the registry at this address, whose task runs in the runtime that is there.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn new(address: &str) -> Result<Self, Error> {
        let runtime = runtime::Handle::try_current().map_err(|error| {
            let message = "opening it needs a tokio runtime: call it from an async function";
            Error::caused_by(ErrorKind::Unsupported, address, message, error)
        })?;
        Ok(Self {
            services: Feeds::default(),
            documents: DocumentFeeds::default(),
            running: Mutex::default(),
            wake: Notify::new(),
            runtime,
        })
    }

    /// A live view of a service, from the task that runs or else from `task`.
    pub(super) fn watch<T>(&self, service: &str, task: impl FnOnce() -> T) -> Watch
    where
        T: Future<Output = ()> + Send + 'static,
    {
        self.start(|| self.services.watch(service), task)
    }

    /// The same of a document.
    pub(super) fn watch_document<T>(&self, name: &str, task: impl FnOnce() -> T) -> DocumentWatch
    where
        T: Future<Output = ()> + Send + 'static,
    {
        self.start(|| self.documents.watch(name), task)
    }

    fn start<W, T>(&self, watch: impl FnOnce() -> W, task: impl FnOnce() -> T) -> W
    where
        T: Future<Output = ()> + Send + 'static,
    {
        let mut running = self.lock();
        let watch = watch();
        if running.strong_count() > 0 {
            self.wake.notify_one();
        } else {
            let held = Arc::new(());
            *running = Arc::downgrade(&held);
            let task = task();
            let runtime = runtime::Handle::try_current().unwrap_or_else(|_| self.runtime.clone());
            runtime.spawn(async move {
                task.await;
                drop(held);
            });
        }
        watch
    }

    /// What somebody watches. Where that is nothing the task has ended, and the next watch starts another.
    pub(super) fn watched(&self) -> Option<Watched> {
        let mut running = self.lock();
        let watched = Watched {
            services: self.services.watched(),
            documents: self.documents.watched(),
        };
        if watched.services.is_empty() && watched.documents.is_empty() {
            *running = Weak::new();
            return None;
        }
        Some(watched)
    }

    /// Waits until somebody watches something more.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Weak<()>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::yield_now;

    use super::*;

    /// A registry whose task looks once whenever it is woken.
    struct Looking {
        poller: Poller,
        tasks: AtomicUsize,
        looks: AtomicUsize,
    }

    impl Looking {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                poller: Poller::new("test:").unwrap(),
                tasks: AtomicUsize::new(0),
                looks: AtomicUsize::new(0),
            })
        }

        fn watch(self: &Arc<Self>, service: &str) -> Watch {
            self.poller.watch(service, || Arc::clone(self).look())
        }

        async fn look(self: Arc<Self>) {
            self.tasks.fetch_add(1, Ordering::Relaxed);
            while self.poller.watched().is_some() {
                self.looks.fetch_add(1, Ordering::Relaxed);
                self.poller.woken().await;
            }
        }

        /// How many tasks there were, and how often they looked.
        async fn counts(&self) -> (usize, usize) {
            for _ in 0..10 {
                yield_now().await;
            }
            let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
            (count(&self.tasks), count(&self.looks))
        }
    }

    #[tokio::test]
    async fn one_task_serves_all_watches_and_ends_with_the_last() {
        let registry = Looking::new();
        let one = registry.watch("S");
        assert_eq!(registry.counts().await, (1, 1));
        let two = registry.watch("T");
        assert_eq!(registry.counts().await, (1, 2), "it looks at once");
        drop((one, two));
        registry.poller.wake.notify_one();
        assert_eq!(registry.counts().await, (1, 2), "it has ended");
        let poller = &registry.poller;
        let _document = poller.watch_document("limits", || Arc::clone(&registry).look());
        assert_eq!(registry.counts().await, (2, 3));
    }

    #[test]
    fn a_task_that_ended_with_its_runtime_is_followed_by_another() {
        let runtime = || runtime::Builder::new_current_thread().build().unwrap();
        let (first, second) = (runtime(), runtime());
        let (registry, _one) = first.block_on(async {
            let registry = Looking::new();
            let watch = registry.watch("S");
            assert_eq!(registry.counts().await, (1, 1));
            (registry, watch)
        });
        drop(first);
        second.block_on(async {
            let _two = registry.watch("S");
            assert_eq!(registry.counts().await, (2, 2));
        });
    }

    #[test]
    fn outside_of_a_runtime_it_says_what_to_do() {
        let error = Poller::new("test:").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("async function"), "{error}");
    }
}
