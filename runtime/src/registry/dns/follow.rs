//! One task per name that asks again when its time is up, while somebody watches.

use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime;
use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::names::{Found, Known, find};
use crate::backoff::Backoff;
use crate::random::Random;
use crate::registry::watch::{Feed, Watch};
use crate::registry::{Error, Listing};

/// Held by the task while it runs; it vanishes with the task's runtime, too.
pub(super) type Running = Weak<()>;

/// A live view of `service`, from the task that runs or a new one.
pub(super) fn start(shared: &Arc<Shared>, service: &str) -> Watch {
    let mut following = lock(shared);
    let watch = shared.feeds.watch(service);
    if following.strong_count() > 0 {
        shared.wake.notify_one();
    } else {
        let running = Arc::new(());
        *following = Arc::downgrade(&running);
        let runtime = runtime::Handle::try_current().unwrap_or_else(|_| shared.runtime.clone());
        runtime.spawn(follow(Arc::clone(shared), running));
    }
    watch
}

fn lock(shared: &Shared) -> MutexGuard<'_, Running> {
    shared
        .following
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

/// What somebody watches; where that is nothing the task has ended, so that the next watch starts another.
fn watched(shared: &Shared) -> Option<Vec<(String, Arc<Feed>)>> {
    let mut following = lock(shared);
    let feeds = shared.feeds.watched();
    if feeds.is_empty() {
        *following = Running::new();
        return None;
    }
    Some(feeds)
}

/// What the last questions brought.
#[derive(Default)]
struct Last {
    /// What was found when something was.
    found: Option<Found>,
    /// Why nothing came since.
    error: Option<Error>,
}

async fn follow(shared: Arc<Shared>, _running: Arc<()>) {
    let random = Random::new(shared.seed);
    let terms = shared.terms;
    let mut backoff = Backoff::new(
        terms.floor,
        terms.ceiling.min(terms.floor * 16),
        shared.seed,
    );
    let mut known = Known::default();
    let mut last = Last::default();
    let mut due = Instant::now();
    while let Some(feeds) = watched(&shared) {
        let asking = Instant::now() >= due;
        if asking {
            let pause = match find(&shared, &mut known).await {
                Ok(found) => {
                    let pause = pause(found.ttl, terms.floor, terms.ceiling, &random);
                    last = Last {
                        found: Some(found),
                        error: None,
                    };
                    backoff.reset();
                    pause
                }
                Err(error) => {
                    last.error = Some(error);
                    backoff.pause().max(terms.floor / 2)
                }
            };
            due = Instant::now() + pause;
        }
        for (service, feed) in &feeds {
            last.tell(service, feed, asking);
        }
        tokio::select! {
            () = sleep_until(due) => {}
            () = shared.wake.notified() => {}
        }
    }
}

/// The pause to the next question: the time that the records give, within bounds, and up to a tenth less of it, so that
/// clients that started together do not ask together.
fn pause(ttl: Duration, floor: Duration, ceiling: Duration, random: &Random) -> Duration {
    ttl.clamp(floor, ceiling)
        .mul_f64(1.0 - random.unit() / 10.0)
}

impl Last {
    /// Tells a feed: all of them what is new, and new ones what there is.
    fn tell(&self, service: &str, feed: &Feed, news: bool) {
        let answered = feed.watch().borrow().is_answered();
        if let Some(found) = &self.found
            && (!answered || news && self.error.is_none())
        {
            let instances = found.instances.iter().map(|instance| {
                let mut instance = instance.clone();
                service.clone_into(&mut instance.service);
                Arc::new(instance)
            });
            feed.publish(Listing {
                instances: instances.collect(),
                skipped: found.skipped.clone(),
                ..Listing::default()
            });
        }
        if let Some(error) = &self.error
            && (!answered || news)
        {
            feed.fail(error.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_records_holds_within_bounds_and_less_a_little() {
        let random = Random::new(1);
        let seconds = Duration::from_secs;
        for (ttl, most) in [(0, 2), (30, 30), (86_400, 300)] {
            for _ in 0..100 {
                let pause = pause(seconds(ttl), seconds(2), seconds(300), &random);
                assert!(pause <= seconds(most) && pause >= seconds(most).mul_f64(0.9));
            }
        }
    }
}
