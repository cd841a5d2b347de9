//! When a view is read from disk and written to it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::random::Random;
use crate::registry::{Freshness, SavedView, SavedViews, Snapshot};

use super::notice::ClientNotice;

/// From a change to its file, at most: what follows within it is one write.
const AFTER: Duration = Duration::from_secs(1);

/// From one write to the next, at least: a fleet that changes all the time is written now and then.
const BETWEEN: Duration = Duration::from_secs(10);

/// Keeps the file of one view.
#[derive(Debug)]
pub(super) struct Saver {
    store: SavedViews,
    runtime: Handle,
    job: Option<Job>,
    /// What is to be written, and when.
    due: Option<(Arc<Snapshot>, Instant)>,
    written: Option<Arc<Snapshot>>,
    not_before: Instant,
    random: Random,
}

#[derive(Debug)]
enum Job {
    Reading(JoinHandle<Result<Option<SavedView>, String>>),
    Writing(JoinHandle<Result<(), String>>),
}

/// What has been done.
#[derive(Debug)]
pub(super) enum Done {
    /// The file was read; nothing may be in it, or nothing of use.
    Read(Option<Arc<Snapshot>>, Option<ClientNotice>),
    /// The file was written, or was not.
    Written(Option<ClientNotice>),
}

impl Saver {
    /// Begins with reading what there is of `service`: [`Saver::done`] gives it.
    pub(super) fn read(store: SavedViews, service: &str, runtime: &Handle, seed: u64) -> Self {
        let (place, service) = (store.clone(), service.to_owned());
        let reading = runtime.spawn_blocking(move || place.read(&service));
        Self {
            store,
            runtime: runtime.clone(),
            job: Some(Job::Reading(reading)),
            due: None,
            written: None,
            not_before: Instant::now(),
            random: Random::new(seed),
        }
    }

    /// This is believed now. It is saved a little later if a registry says it and it names somebody: an empty view helps
    /// nobody who starts.
    pub(super) fn note(&mut self, view: &Arc<Snapshot>, now: Instant) {
        let good = matches!(view.freshness(), Freshness::Current) && !view.instances().is_empty();
        if !good {
            return;
        }
        let written = self.written.as_ref();
        if written.is_some_and(|written| written.lists_the_same_as(view)) {
            self.due = None;
            return;
        }
        let later = AFTER.mul_f64(0.5 + self.random.unit() / 2.0);
        let at = match &self.due {
            Some((_, at)) => *at,
            None => (now + later).max(self.not_before),
        };
        self.due = Some((Arc::clone(view), at));
    }

    /// Waits for what is done next. Dropping the future loses nothing.
    pub(super) async fn done(&mut self, service: &str) -> Done {
        loop {
            let done = match &mut self.job {
                Some(Job::Reading(job)) => {
                    let outcome = job.await.unwrap_or(Ok(None));
                    self.was_read(service, outcome)
                }
                Some(Job::Writing(job)) => {
                    let outcome = job.await.unwrap_or(Ok(()));
                    self.was_written(service, outcome)
                }
                None => {
                    match &self.due {
                        Some((_, at)) => sleep_until(*at).await,
                        None => pending().await,
                    }
                    self.write();
                    continue;
                }
            };
            self.job = None;
            return done;
        }
    }

    fn write(&mut self) {
        let Some((view, _)) = self.due.take() else {
            return;
        };
        self.written = Some(Arc::clone(&view));
        self.not_before = Instant::now() + BETWEEN.mul_f64(1.0 + self.random.unit() / 2.0);
        let store = self.store.clone();
        let writing = self.runtime.spawn_blocking(move || store.write(&view));
        self.job = Some(Job::Writing(writing));
    }

    fn was_read(&self, service: &str, outcome: Result<Option<SavedView>, String>) -> Done {
        let path = self.store.place(service);
        match outcome {
            Ok(None) => Done::Read(None, None),
            Ok(Some(found)) => {
                let notice = found
                    .skipped
                    .example
                    .map(|example| ClientNotice::ViewNotRead {
                        path,
                        reason: format!(
                            "{} of its instances are not believed, such as {example}",
                            found.skipped.count
                        ),
                    });
                let some = !found.snapshot.instances().is_empty();
                Done::Read(some.then(|| Arc::new(found.snapshot)), notice)
            }
            Err(reason) => Done::Read(None, Some(ClientNotice::ViewNotRead { path, reason })),
        }
    }

    fn was_written(&mut self, service: &str, outcome: Result<(), String>) -> Done {
        Done::Written(outcome.err().map(|reason| {
            // The next change tries again.
            self.written = None;
            ClientNotice::ViewNotSaved {
                path: self.store.place(service),
                reason,
            }
        }))
    }
}
