//! One task per registry that looks at the directories of all watched services, and at the documents.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::poller::Watched;
use super::scan::Scan;
use super::store::Store;
use super::{BEAT, Shared, blocking, documents};
use crate::random::Random;

/// The pause between looks, less or more a quarter so that processes do not look in step: a change is seen in less
/// than 100 ms.
const PAUSE: Duration = Duration::from_millis(75);

/// How much longer the pause is than the look before it: thousands of files cost at most a twentieth of a core.
const REST: u32 = 20;

/// What the poller remembers from round to round.
#[derive(Default)]
struct Memory {
    scans: BTreeMap<String, Scan>,
    documents: BTreeMap<String, documents::Seen>,
}

/// Keeps the views until nobody watches any more.
pub(super) async fn poll(shared: Arc<Shared>) {
    let random = Random::new(shared.seed);
    let mut memory = Memory::default();
    let mut last = Instant::now();
    while let Some(watched) = shared.poller.watched() {
        let now = Instant::now();
        let elapsed = now - std::mem::replace(&mut last, now);
        let looked = blocking(&shared.store, move |store| {
            Ok(memory.look(store, &watched, elapsed))
        });
        memory = match looked.await {
            Ok(memory) => memory,
            // The runtime ends, and this task with it.
            Err(_) => return,
        };
        let pause = PAUSE.mul_f64(0.75 + random.unit() / 2.0);
        let pause = pause.max(now.elapsed() * REST);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shared.poller.woken() => {}
        }
    }
}

impl Memory {
    /// One round over all that is watched; gives the memory for the next.
    fn look(mut self, store: &Store, watched: &Watched, elapsed: Duration) -> Self {
        let mut kept = Self::default();
        for (service, feed) in &watched.services {
            let scan = self.scans.remove(service).or_else(|| {
                let directory = store.service(service)?;
                Some(Scan::new(store.clone(), directory, BEAT))
            });
            let Some(mut scan) = scan else { continue };
            match scan.look(elapsed) {
                Ok(Some(listing)) => feed.publish(listing),
                Ok(None) => {}
                Err(error) => feed.fail(error),
            }
            kept.scans.insert(service.clone(), scan);
        }
        for (name, feed) in &watched.documents {
            let mut seen = self.documents.remove(name).unwrap_or_default();
            seen.look(store, name, feed);
            kept.documents.insert(name.clone(), seen);
        }
        kept
    }
}
