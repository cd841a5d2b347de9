//! The live list of one service's instances, as a client holds it.

use std::sync::{Arc, Weak};

use tokio::task::AbortHandle;

use crate::registry::{Snapshot, Watch};
use crate::transport::Address;

use super::{Client, Inner};

/// What the registry says of one service. Every channel of the service shares it.
#[derive(Debug)]
pub(super) struct View {
    watch: Watch,
    tidying: AbortHandle,
}

impl View {
    pub(super) fn new(service: &str, client: &Client) -> Self {
        let watch = client.0.registry.watch(service);
        let tidying = client
            .runtime()
            .spawn(tidy(watch.clone(), Arc::downgrade(&client.0)))
            .abort_handle();
        Self { watch, tidying }
    }

    /// What the registry said last.
    pub(super) fn now(&self) -> Arc<Snapshot> {
        self.watch.borrow()
    }

    /// What the registry said last, and how to learn of what it says next.
    pub(super) fn look(&self) -> (Arc<Snapshot>, News) {
        let mut watch = self.watch.clone();
        // In this order: what is final now cannot change behind the look.
        let is_final = watch.is_final();
        let snapshot = watch.borrow_and_update();
        (snapshot, News((!is_final).then_some(watch)))
    }

    /// What the registry says as soon as it has said anything.
    pub(super) async fn answered(&self) -> Arc<Snapshot> {
        self.watch.clone().answered().await
    }

    /// Whether an instance listens at `address`.
    pub(super) fn lists(&self, address: &Address) -> bool {
        self.now()
            .instances()
            .iter()
            .any(|instance| address_of(&instance.addresses).as_ref() == Some(address))
    }
}

/// Whether the registry has said something since somebody looked.
#[derive(Debug)]
pub(super) struct News(Option<Watch>);

impl News {
    /// Nothing has been said. Cheap enough for every call.
    pub(super) fn is_none(&self) -> bool {
        !self.0.as_ref().is_some_and(Watch::has_changed)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.tidying.abort();
    }
}

/// Lets go of servers as they leave.
async fn tidy(mut watch: Watch, client: Weak<Inner>) {
    while watch.changed().await.is_some() {
        let Some(client) = client.upgrade() else {
            return;
        };
        client.forget_the_gone();
    }
}

/// The first address that this build can reach: servers list the best one first.
pub(super) fn address_of(addresses: &[String]) -> Option<Address> {
    addresses.iter().find_map(|address| address.parse().ok())
}
