//! One task per registry that keeps the views of all that is watched, over one connection.
//!
//! Notices make it quick; polls find what notices lose, who has run out, and whether the server is still there; a resync
//! finds what was changed without a word.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime;
use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use super::reader::{Duties, RESYNC, Reader, Watched};
use crate::backoff::Backoff;
use crate::random::Random;

/// How often versions are asked for, give or take a quarter so that readers do not ask in step: an instance that has run
/// out is gone from every view within this.
const POLL: Duration = Duration::from_secs(1);

/// The pauses between tries to reach a server.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How much longer a reader rests than its last round took, at most [`LONGEST_REST`], before it looks for more notices: a burst of
/// changes is read in few rounds, and costs a fifth of a core at most, however many instances there are.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_millis(250);

/// Held by the poller while it runs; it vanishes with the poller's runtime, too.
pub(super) type Running = Weak<()>;

/// A live view that `watch` gives, from the poller that runs or a new one.
pub(super) fn start<W>(shared: &Arc<Shared>, watch: impl FnOnce() -> W) -> W {
    let mut poller = lock(shared);
    let watch = watch();
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

/// What somebody watches; where that is nothing the poller has ended, so that the next watch starts another.
fn watched(shared: &Shared) -> Option<Watched> {
    let mut poller = lock(shared);
    let watched = Watched {
        services: shared.feeds.watched(),
        documents: shared.documents.watched(),
    };
    if watched.services.is_empty() && watched.documents.is_empty() {
        *poller = Running::new();
        return None;
    }
    Some(watched)
}

async fn poll(shared: Arc<Shared>, _running: Arc<()>) {
    let random = Random::new(shared.seed);
    let jittered = |period: Duration| period.mul_f64(0.75 + random.unit() / 2.0);
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, shared.seed);
    let mut reader = Reader::new(Arc::clone(&shared));
    let mut next_poll = Instant::now();
    let mut next_resync = next_poll + jittered(RESYNC);
    while let Some(watched) = watched(&shared) {
        let now = Instant::now();
        let duties = Duties {
            poll: now >= next_poll,
            resync: now >= next_resync,
        };
        if let Err(error) = reader.round(&watched, duties).await {
            watched.fail(&error);
            pause(&shared, backoff.pause()).await;
            continue;
        }
        backoff.reset();
        let rested = Instant::now() + (now.elapsed() * REST).min(LONGEST_REST);
        if duties.poll {
            next_poll = Instant::now() + jittered(POLL);
        }
        if duties.resync {
            next_resync = Instant::now() + jittered(RESYNC);
        }
        if !reader.is_settled() {
            sleep_until(rested).await;
            continue;
        }
        let lost = tokio::select! {
            heard = reader.heard() => heard.is_err(),
            () = sleep_until(next_poll) => false,
            () = shared.wake.notified() => false,
        };
        sleep_until(rested).await;
        if lost {
            // All readers of a server that restarts notice at once.
            pause(&shared, backoff.pause()).await;
        }
    }
}

/// Waits before the next try; who watches something new is worth a try at once.
async fn pause(shared: &Shared, pause: Duration) {
    tokio::select! {
        () = sleep(pause) => {}
        () = shared.wake.notified() => {}
    }
}
