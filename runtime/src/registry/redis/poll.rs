//! One task per registry that keeps the views of all that is watched, over one connection.
//!
//! Notices make it quick; polls find what notices lose, who has run out, and whether the server is still there; a resync
//! finds what was changed without a word.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Shared;
use super::reader::{self, Duties, RESYNC, Reader};
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

/// Keeps the views until nobody watches any more.
pub(super) async fn poll(shared: Arc<Shared>) {
    let random = Random::new(shared.seed);
    let jittered = |period: Duration| period.mul_f64(0.75 + random.unit() / 2.0);
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, shared.seed);
    let mut reader = Reader::new(Arc::clone(&shared));
    let mut next_poll = Instant::now();
    let mut next_resync = next_poll + jittered(RESYNC);
    while let Some(watched) = shared.poller.watched() {
        let now = Instant::now();
        let duties = Duties {
            poll: now >= next_poll,
            resync: now >= next_resync,
        };
        if let Err(error) = reader.round(&watched, duties).await {
            reader::fail(&watched, &error);
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
            () = shared.poller.woken() => false,
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
        () = shared.poller.woken() => {}
    }
}
