//! Who is listed: as a registry shows it to who watches, and as it stands there.

use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{self, Handle, Instance, Snapshot, Watch};
use chaos::{Failure, now};
use tokio::time::{interval, timeout};

use crate::judgement::Figure;
use crate::registry::{Registry, SERVICE};

/// What is not there after this is lost for good.
pub(crate) const NEVER: Duration = Duration::from_secs(90);

/// How often it is looked.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// Who watches the registry, as a client does.
pub(crate) struct Listed {
    _registry: Handle,
    watch: Watch,
}

impl Listed {
    pub(crate) async fn watch(registry: &Registry) -> Result<Self, Failure> {
        let address = registry.address().ok_or("there is no registry")?;
        let registry = registry::connect(&address).await?;
        let watch = registry.watch(SERVICE);
        Ok(Self {
            _registry: registry,
            watch,
        })
    }

    /// The instance that listens there.
    pub(crate) async fn instance(&mut self, address: &str) -> Result<Arc<Instance>, Failure> {
        let at = |snapshot: &Snapshot| {
            let mut instances = snapshot.instances().iter();
            let here = |one: &&Arc<Instance>| one.addresses.iter().any(|own| own == address);
            instances.find(here).cloned()
        };
        let seen = timeout(NEVER, self.watch.seen(|snapshot| at(snapshot).is_some())).await;
        let seen = seen.map_err(|_| format!("{address} is not listed"))?;
        at(&seen).ok_or_else(|| "it was there".into())
    }

    /// How long it took from `since` until the view is as wanted.
    pub(crate) async fn until(
        &mut self,
        since: u64,
        wanted: impl FnMut(&Snapshot) -> bool,
    ) -> Figure {
        let seen = timeout(NEVER, self.watch.seen(wanted)).await;
        took(since, seen.is_ok())
    }
}

/// How long it took from `since` until all of these entries are there, seen past the back end.
pub(crate) async fn until(registry: &Registry, since: u64, ids: &[&str]) -> Figure {
    let mut ticks = interval(ASKED_EVERY);
    let seen = timeout(NEVER, async {
        for id in ids {
            while !registry.holds(id).await {
                ticks.tick().await;
            }
        }
    });
    let seen = seen.await.is_ok();
    took(since, seen)
}

/// How long something took that happened now, if it did.
pub(crate) fn took(since: u64, happened: bool) -> Figure {
    if happened {
        Figure::micros(now().saturating_sub(since))
    } else {
        Figure::millis(f64::INFINITY)
    }
}
