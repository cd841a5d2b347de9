//! The live list of one service's instances, as a client holds it.

use std::sync::Arc;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::governance::BreakerPolicy;
use crate::observe::Keeps;
use crate::registry::{Snapshot, Watch};
use crate::resilience::Breakers;
use crate::transport::{Address, Transports};

use super::Client;
use super::follow::Follower;
use super::roster::{Member, Roster};

/// What the client believes of one service. Every channel of the service shares it.
#[derive(Debug)]
pub(super) struct View {
    believed: Watch,
    roster: Arc<Roster>,
    following: Option<AbortHandle>,
    /// What observers keep beside the service's methods.
    pub(super) kept: Keeps,
}

/// What is believed at one time, and what else is known of those who are believed to be there.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) snapshot: Arc<Snapshot>,
    /// One per instance of the snapshot, in its order.
    pub(super) members: Arc<[Arc<Member>]>,
    /// How to learn of what is believed next.
    pub(super) news: News,
}

impl View {
    pub(super) fn new(service: &str, client: &Client) -> Self {
        let said = client.0.registry.watch(service);
        let roster = Arc::new(Roster::new(
            service,
            client.0.pool.transports(),
            client.0.breaker_policy(service),
            client.epoch(),
            client.chance().bits(),
            client.0.listener.clone(),
        ));
        if said.is_final() {
            // Nothing to doubt, nothing to follow.
            return Self {
                believed: said,
                roster,
                following: None,
                kept: Keeps::default(),
            };
        }
        let (follower, believed) = Follower::new(said, client, Arc::clone(&roster));
        let following = client.runtime().spawn(follower.run()).abort_handle();
        Self {
            believed,
            roster,
            following: Some(following),
            kept: Keeps::default(),
        }
    }

    /// What is believed, and all that will be.
    pub(super) fn watch(&self) -> Watch {
        self.believed.clone()
    }

    /// What is believed now, and how to learn of what is believed next.
    pub(super) fn look(&self, now: Instant) -> Look {
        let mut watch = self.believed.clone();
        // In this order: what is final now cannot change behind the look.
        let is_final = watch.is_final();
        let snapshot = watch.borrow_and_update();
        Look {
            members: self.roster.members(&snapshot, now),
            snapshot,
            news: News((!is_final).then_some(watch)),
        }
    }

    /// What is believed as soon as there is something to believe.
    pub(super) async fn answered(&self) -> Arc<Snapshot> {
        self.believed.clone().answered().await
    }

    /// Who is believed to be there.
    pub(super) fn members(&self, now: Instant) -> Arc<[Arc<Member>]> {
        self.roster.members(&self.believed.borrow(), now)
    }
}

/// Whether there is another belief since somebody looked.
#[derive(Debug)]
pub(super) struct News(Option<Watch>);

impl News {
    /// There is none. Cheap enough for every call.
    pub(super) fn is_none(&self) -> bool {
        !self.0.as_ref().is_some_and(Watch::has_changed)
    }
}

impl View {
    /// How the circuit breakers of the instances that calls have met stand.
    pub(super) fn breakers(&self, now: Instant) -> Vec<Breakers> {
        self.roster.breakers(now)
    }

    /// Lets them judge by these numbers from now on.
    pub(super) fn set_breaker_policy(&self, policy: &BreakerPolicy, now: Instant) {
        self.roster.set_breaker_policy(policy, now);
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if let Some(following) = &self.following {
            following.abort();
        }
    }
}

/// The first address that there is a way to: servers list the best one first.
pub(super) fn reachable(addresses: &[String], transports: &Transports) -> Option<Address> {
    let mut addresses = addresses.iter();
    addresses.find_map(|address| transports.parse(address).ok())
}
