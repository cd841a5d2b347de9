//! The governance documents that a client obeys: watched from the first use of a service on.

use std::sync::{Arc, PoisonError};

use tokio::time::Instant;

use crate::governance::Layer;
use crate::steering::{DocumentState, Steering, Watched};

use super::notice::ClientNotice;
use super::{Client, Inner};

impl Client {
    /// What has become of the governance documents of every service that was used so far: that of all services, and its own.
    pub fn documents(&self) -> Vec<(&'static str, [DocumentState; 2])> {
        let steerings = self.0.steerings.lock();
        let steerings = steerings.unwrap_or_else(PoisonError::into_inner);
        let states = steerings.iter().map(|(name, one)| (*name, one.states()));
        let mut states: Vec<_> = states.collect();
        states.sort_by_key(|(name, _)| *name);
        states
    }

    /// What documents say of a service.
    pub(super) fn steering(&self, service: &'static str) -> Arc<Steering> {
        let inner = &self.0;
        let steerings = inner.steerings.lock();
        let mut steerings = steerings.unwrap_or_else(PoisonError::into_inner);
        if let Some(steering) = steerings.get(service) {
            return Arc::clone(steering);
        }
        let steering = Arc::new(Steering::new(service, Instant::now()));
        let registry = inner.documents.as_ref().unwrap_or(&inner.registry);
        if let Some(watched) = Watched::new(registry, &steering) {
            let client = Arc::downgrade(inner);
            let following = watched.follow(move |news| {
                if let Some(client) = client.upgrade() {
                    client.judge_anew(service);
                    client
                        .listener
                        .tell(|| ClientNotice::Document(news.clone()));
                }
            });
            // It ends with the client, which holds what it follows.
            drop(inner.runtime.spawn(following));
        }
        steerings.insert(service, Arc::clone(&steering));
        steering
    }
}

impl Inner {
    /// What documents say of all methods of a service, the last word last.
    pub(super) fn said_of_all(&self, service: &str) -> Vec<Layer> {
        let steerings = self.steerings.lock();
        let steerings = steerings.unwrap_or_else(PoisonError::into_inner);
        let steering = steerings.get(service);
        steering.map_or_else(Vec::new, |one| one.sheet().service_layers())
    }
}
