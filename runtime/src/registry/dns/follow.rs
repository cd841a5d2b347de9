//! One task per name that asks again when its time is up, while somebody watches.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Shared;
use super::names::{Found, Known, find};
use crate::backoff::Backoff;
use crate::random::Random;
use crate::registry::watch::Feed;
use crate::registry::{Error, Listing};

/// What the last questions brought.
#[derive(Default)]
struct Last {
    /// What was found when something was.
    found: Option<Found>,
    /// Why nothing came since.
    error: Option<Error>,
}

/// Keeps the views until nobody watches any more.
pub(super) async fn follow(shared: Arc<Shared>) {
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
    while let Some(watched) = shared.poller.watched() {
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
        for (service, feed) in &watched.services {
            last.tell(service, feed, asking);
        }
        tokio::select! {
            () = sleep_until(due) => {}
            () = shared.poller.woken() => {}
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
