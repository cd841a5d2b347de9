//! The servers that a client has dealt with: a few long connections to each, shared by all its services.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;

use super::endpoint::Endpoint;
use crate::link;
use crate::observe::EndpointSample;
use crate::random::Random;
use crate::transport::{Address, Transports};

/// How connections are made.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// How many per server at most.
    pub(super) per_server: usize,
    /// What each is made with.
    pub(super) link: link::Config,
    /// How many servers the client waits for in the background.
    pub(super) awaited: Arc<AtomicUsize>,
}

/// The servers that a client has dealt with, by address.
#[derive(Debug)]
pub(super) struct Pool {
    settings: Settings,
    runtime: Handle,
    chance: Arc<Random>,
    endpoints: Mutex<HashMap<Address, Arc<Endpoint>>>,
}

impl Pool {
    pub(super) fn new(settings: Settings, runtime: Handle, chance: Arc<Random>) -> Self {
        Self {
            settings,
            runtime,
            chance,
            endpoints: Mutex::default(),
        }
    }

    /// Ways to servers beside those that are built in.
    pub(super) fn transports(&self) -> Transports {
        self.settings.link.transports.clone()
    }

    /// The server at `address`.
    pub(super) fn endpoint(&self, address: &Address) -> Arc<Endpoint> {
        let mut endpoints = lock(&self.endpoints);
        if let Some(endpoint) = endpoints.get(address) {
            return Arc::clone(endpoint);
        }
        let settings = self.settings.clone();
        let endpoint = Arc::new(Endpoint::new(
            address,
            settings,
            self.runtime.clone(),
            self.chance.bits(),
        ));
        endpoints.insert(address.clone(), Arc::clone(&endpoint));
        endpoint
    }

    /// What the servers are like, by address.
    pub(super) fn samples(&self) -> Vec<EndpointSample> {
        let endpoints: Vec<_> = lock(&self.endpoints).values().map(Arc::clone).collect();
        let mut samples: Vec<_> = endpoints.iter().map(|one| one.sample()).collect();
        samples.sort_by(|one, other| one.instance.cmp(&other.instance));
        samples
    }

    /// Lets the connections of every server that is not `wanted` end with their last call, and forgets it.
    pub(super) fn retain(&self, wanted: impl Fn(&Address) -> bool) {
        lock(&self.endpoints).retain(|address, endpoint| {
            let keep = wanted(address);
            if !keep {
                endpoint.drain();
            }
            keep
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
