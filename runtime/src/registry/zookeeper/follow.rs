//! Keeps the views of services up to date: one task per service that is watched.
//!
//! A watch that lasts is set before the first look, so that nothing falls between them. It tells which nodes to read again.
//! It ends with its connection; then anything may have been missed, and all is looked at anew.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::instance::MAX_RECORD_BYTES;
use super::super::watch::{Feed, Publisher, Subscription, View};
use super::Shared;
use super::catalog::{Catalog, Unreadable};
use super::layout::name_in;
use super::line::{Depth, Fault, Line};
use super::proto::{Change, code};
use crate::backoff::Backoff;
use crate::random::Random;

/// How often everything is looked at, less or more a quarter so that clients do not look in step.
pub(super) const RESYNC: Duration = Duration::from_secs(30);

/// How many requests are on their way at once: hides the way there and back, and bounds the memory of what comes.
pub(super) const WINDOW: usize = 256;

/// How many statuses are compared per resync. Watches tell of every change; this finds what a fault of the server keeps back,
/// of small services at once, of the largest within minutes, for little work.
const COMPARED: usize = 256;

/// Pauses after a refusal, such as for want of permission, which lasts until somebody changes it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What is kept up to date by a task of its own.
pub(super) trait Subject: Send + 'static {
    type View: View;

    /// The node that is watched.
    fn path(&self) -> &str;

    /// Feeds `feed` from that connection, until it cannot any more.
    fn follow(
        &mut self,
        shared: &Shared,
        line: &Line,
        feed: &Publisher<Self::View>,
    ) -> impl Future<Output = Fault> + Send;
}

/// The tasks that run, by the path of their subject. One vanishes with its runtime, too.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<String, Weak<()>>>);

impl Running {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Weak<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live view, from the task that runs or a new one.
pub(super) fn watch<S: Subject>(
    shared: &Arc<Shared>,
    path: String,
    view: impl FnOnce() -> (Subscription<S::View>, Option<Arc<Publisher<S::View>>>),
    subject: impl FnOnce(String) -> S,
) -> Subscription<S::View> {
    let mut running = shared.running.lock();
    let (subscription, feed) = view();
    let runs = running
        .get(&path)
        .is_some_and(|task| task.strong_count() > 0);
    if let (false, Some(feed)) = (runs, feed) {
        let task = Arc::new(());
        running.insert(path.clone(), Arc::downgrade(&task));
        let runtime = runtime::Handle::try_current().unwrap_or_else(|_| shared.runtime.clone());
        runtime.spawn(keep(Arc::clone(shared), subject(path), feed, task));
    }
    subscription
}

async fn keep<S: Subject>(
    shared: Arc<Shared>,
    mut subject: S,
    feed: Arc<Publisher<S::View>>,
    _task: Arc<()>,
) {
    loop {
        tokio::select! {
            () = feed.abandoned() => {}
            () = follow(&shared, &mut subject, &feed) => return,
        }
        let mut running = shared.running.lock();
        // Somebody may have come back before the lock was taken.
        if feed.is_abandoned() {
            running.remove(subject.path());
            shared.feeds.watched();
            shared.documents.watched();
            return;
        }
    }
}

/// Follows through one connection after the other, until the session is at its end for good.
async fn follow<S: Subject>(shared: &Shared, subject: &mut S, feed: &Publisher<S::View>) {
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, shared.seed);
    loop {
        let line = match shared.session.line().await {
            Ok(line) => line,
            Err(error) => {
                feed.fail(error);
                if shared.session.recovered().await {
                    continue;
                }
                return;
            }
        };
        let watched = Watched {
            line: &line,
            path: subject.path().to_owned(),
        };
        let since = Instant::now();
        match subject.follow(shared, &line, feed).await {
            Fault::Lost(_) => backoff.reset(),
            fault => {
                feed.fail(shared.party.error("read", subject.path(), fault));
                if since.elapsed() > LONGEST_PAUSE {
                    backoff.reset();
                }
                sleep(backoff.pause()).await;
            }
        }
        drop(watched);
    }
}

/// Ends a watch of the server's when nobody follows it any more.
struct Watched<'a> {
    line: &'a Line,
    path: String,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.line.unwatch(&self.path);
    }
}

/// The time of the next look at everything.
pub(super) fn next_resync(random: &Random) -> Instant {
    Instant::now() + RESYNC.mul_f64(0.75 + random.unit() / 2.0)
}

/// The instances of one service.
pub(super) struct Service {
    directory: String,
    catalog: Catalog,
    random: Random,
    /// Whether all nodes have been read once: before that there is nothing to publish.
    whole: bool,
    /// Whether we may delete tombstones.
    sweeps: bool,
}

impl Service {
    pub(super) fn new(service: &str, directory: String, seed: u64) -> Self {
        Self {
            directory,
            catalog: Catalog::new(service),
            random: Random::new(seed),
            whole: false,
            sweeps: true,
        }
    }

    async fn run(&mut self, line: &Line, feed: &Feed) -> Result<(), Fault> {
        let mut events = line.watch(&self.directory, Depth::All).await?;
        line.sync(&self.directory).await?;
        loop {
            let names = line.children(&self.directory).await?;
            self.catalog.named(names.unwrap_or_default());
            self.compare(line).await?;
            self.read(line, &mut events, feed).await?;
            self.whole = true;
            feed.publish(self.catalog.listing());
            self.sweep(line).await?;
            let resync = next_resync(&self.random);
            loop {
                tokio::select! {
                    event = events.recv() => match event {
                        Some(path) => self.note(&path),
                        // The connection is at its end; why is known to the session.
                        None => return Ok(()),
                    },
                    () = sleep_until(resync) => break,
                }
                self.read(line, &mut events, feed).await?;
                feed.publish(self.catalog.listing());
            }
        }
    }

    fn note(&mut self, path: &str) {
        if let Some(name) = name_in(&self.directory, path) {
            self.catalog.touched(name);
        }
    }

    fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.directory)
    }

    /// Reads what is to be read, and what events add meanwhile.
    async fn read(
        &mut self,
        line: &Line,
        events: &mut mpsc::UnboundedReceiver<String>,
        feed: &Feed,
    ) -> Result<(), Fault> {
        loop {
            while let Ok(path) = events.try_recv() {
                self.note(&path);
            }
            let names = self.catalog.unread_names(WINDOW);
            if names.is_empty() {
                return Ok(());
            }
            let asked: Vec<_> = names
                .iter()
                .map(|name| line.read(&self.place(name), MAX_RECORD_BYTES))
                .collect();
            for (name, answer) in names.iter().zip(asked) {
                let found = match answer.await {
                    Ok(found) => Ok(found),
                    Err(Fault::TooLong(length)) => Err(Unreadable::TooLong(length)),
                    Err(Fault::Refused(code::NO_AUTH)) => Err(Unreadable::Denied),
                    Err(fault) => return Err(fault),
                };
                let chance = self.random.unit();
                self.catalog.read(name, found, Instant::now(), chance);
            }
            // Where changes do not end nobody waits for the last.
            if self.whole {
                feed.publish(self.catalog.listing());
            }
        }
    }

    async fn compare(&mut self, line: &Line) -> Result<(), Fault> {
        let names = self.catalog.next_compared(COMPARED);
        let asked: Vec<_> = names
            .iter()
            .map(|name| line.status(&self.place(name)))
            .collect();
        for (name, answer) in names.iter().zip(asked) {
            self.catalog.compared(name, answer.await?);
        }
        Ok(())
    }

    async fn sweep(&mut self, line: &Line) -> Result<(), Fault> {
        if !self.sweeps {
            return Ok(());
        }
        for (name, version) in self.catalog.outdated(Instant::now()) {
            match line
                .change(Change::Delete(&self.place(&name), version))
                .await
            {
                Err(Fault::Refused(code::NO_AUTH)) => {
                    self.sweeps = false;
                    return Ok(());
                }
                // Somebody else was first, or an instance is there again.
                Ok(()) | Err(Fault::Refused(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }
}

impl Subject for Service {
    type View = super::super::Snapshot;

    fn path(&self) -> &str {
        &self.directory
    }

    async fn follow(&mut self, shared: &Shared, line: &Line, feed: &Feed) -> Fault {
        match self.run(line, feed).await {
            Ok(()) => Fault::Lost(shared.session.ended()),
            Err(fault) => fault,
        }
    }
}
