//! One task per registry that looks at the directories of all watched services.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime;
use tokio::time::Instant;

use super::super::watch::{Feed, Watch};
use super::scan::Scan;
use super::store::Store;
use super::{BEAT, Shared, blocking};
use crate::random::Random;

/// The pause between looks, less or more a quarter so that processes do not look in step: a change is seen in less
/// than 100 ms.
const PAUSE: Duration = Duration::from_millis(75);

/// How much longer the pause is than the look before it: thousands of files cost at most a twentieth of a core.
const REST: u32 = 20;

/// Held by the poller while it runs; it vanishes with the poller's runtime, too.
pub(super) type Running = Weak<()>;

/// A live view of a service, from the poller that runs or a new one.
pub(super) fn watch(shared: &Arc<Shared>, service: &str) -> Watch {
    let mut poller = lock(shared);
    let watch = shared.feeds.watch(service);
    if poller.strong_count() > 0 {
        shared.wake.notify_one();
    } else {
        let running = Arc::new(());
        *poller = Arc::downgrade(&running);
        let runtime = runtime::Handle::try_current().unwrap_or_else(|_| shared.runtime.clone());
        runtime.spawn(poll(Arc::clone(shared), running));
    }
    watch
}

fn lock(shared: &Shared) -> MutexGuard<'_, Running> {
    shared.poller.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The services that somebody watches; where there are none the poller has ended, so that the next watch starts
/// another.
fn watched(shared: &Shared) -> Option<Vec<(String, Arc<Feed>)>> {
    let mut poller = lock(shared);
    let watched = shared.feeds.watched();
    if watched.is_empty() {
        *poller = Running::new();
        return None;
    }
    Some(watched)
}

async fn poll(shared: Arc<Shared>, _running: Arc<()>) {
    let random = Random::new(shared.seed);
    let mut scans: BTreeMap<String, Scan> = BTreeMap::new();
    let mut last = Instant::now();
    while let Some(watched) = watched(&shared) {
        let now = Instant::now();
        let elapsed = now - std::mem::replace(&mut last, now);
        let looked = blocking(&shared.store, move |store| {
            Ok(look(store, scans, &watched, elapsed))
        });
        scans = match looked.await {
            Ok(scans) => scans,
            // The runtime ends, and this task with it.
            Err(_) => return,
        };
        let pause = PAUSE.mul_f64(0.75 + random.unit() / 2.0);
        let pause = pause.max(now.elapsed() * REST);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.wake.notified() => {}
        }
    }
}

/// One round over all watched services; gives the memory for the next.
fn look(
    store: &Store,
    mut scans: BTreeMap<String, Scan>,
    watched: &[(String, Arc<Feed>)],
    elapsed: Duration,
) -> BTreeMap<String, Scan> {
    let mut kept = BTreeMap::new();
    for (service, feed) in watched {
        let scan = scans.remove(service).or_else(|| {
            let directory = store.service(service)?;
            Some(Scan::new(store.clone(), directory, BEAT))
        });
        let Some(mut scan) = scan else { continue };
        match scan.look(elapsed) {
            Ok(Some(listing)) => feed.publish(listing),
            Ok(None) => {}
            Err(error) => feed.fail(error),
        }
        kept.insert(service.clone(), scan);
    }
    kept
}
