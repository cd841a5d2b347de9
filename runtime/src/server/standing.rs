//! What is seen of a server from outside, also when it leaves.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::connections::Connections;
#[cfg(feature = "admin")]
use crate::governance::{Explained, explain};
#[cfg(feature = "admin")]
use crate::observe::SettingsSample;
use crate::observe::{ConnectionSample, MethodSample, OfferSample, Sample, ServerSample, Source};
use crate::registry::{Lease, LeaseState};
use crate::service::{Admission, Occupancy, Offer};
use crate::transport::Address;

/// How far a server is.
///
/// ```text
/// Starting ──▶ Serving ──shutdown──▶ Draining ──▶ Ended
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum State {
    Starting = 0,
    Serving = 1,
    Draining = 2,
    Ended = 3,
}

/// What is seen of a server from outside.
#[derive(Debug)]
pub(crate) struct Standing {
    addresses: Vec<String>,
    offers: Vec<OfferSample>,
    connections: Arc<Connections>,
    admission: Arc<Admission>,
    state: AtomicU8,
    /// One per registry.
    leases: OnceLock<Vec<watch::Receiver<LeaseState>>>,
}

/// What is offered, to be shown.
pub(super) fn offered(offers: &[Offer]) -> Vec<OfferSample> {
    let sample = |offer: &Offer| OfferSample {
        service: offer.service().name.into(),
        group: offer.group_name().into(),
        release: offer.announced().to_string(),
        methods: offer.service().methods.iter().map(|it| it.name).collect(),
    };
    offers.iter().map(sample).collect()
}

impl Standing {
    pub(super) fn new(
        addresses: &[Address],
        offers: Vec<OfferSample>,
        connections: &Arc<Connections>,
        admission: &Arc<Admission>,
    ) -> Arc<Self> {
        Arc::new(Self {
            addresses: addresses.iter().map(ToString::to_string).collect(),
            offers,
            connections: Arc::clone(connections),
            admission: Arc::clone(admission),
            state: AtomicU8::new(State::Starting as u8),
            leases: OnceLock::new(),
        })
    }

    /// It serves, and is listed where these say so.
    pub(super) fn serves(&self, leases: &[Lease]) {
        self.leases
            .get_or_init(|| leases.iter().map(Lease::states).collect());
        self.set(State::Serving);
    }

    /// It is to end.
    pub(super) fn leaves(&self) {
        self.set(State::Draining);
    }

    /// It has ended.
    pub(super) fn ends(&self) {
        self.set(State::Ended);
    }

    fn set(&self, state: State) {
        self.state.fetch_max(state as u8, Ordering::Relaxed);
    }

    fn is_listed(&self) -> bool {
        let listed = |lease: &watch::Receiver<LeaseState>| {
            // A change of what is listed takes nothing off the list.
            matches!(*lease.borrow(), LeaseState::Listed)
        };
        let leases = self.leases.get();
        leases.is_some_and(|leases| leases.iter().all(listed))
    }
}

fn method(occupancy: &Occupancy) -> MethodSample {
    MethodSample {
        method: occupancy.method,
        group: occupancy.group.to_string(),
        running: occupancy.running,
        waiting: occupancy.waiting,
        limit: occupancy.limit,
    }
}

impl Source for Standing {
    fn sample(&self) -> Sample {
        let peers = self.connections.peers();
        Sample {
            server: Some(ServerSample {
                addresses: self.addresses.clone(),
                state: match self.state.load(Ordering::Relaxed) {
                    0 => "starting",
                    1 => "serving",
                    2 => "draining",
                    _ => "ended",
                },
                listed: self.is_listed(),
                services: self.offers.clone(),
                methods: self.admission.occupancy().iter().map(method).collect(),
                connections: peers
                    .iter()
                    .map(|peer| ConnectionSample {
                        peer: peer.to_string(),
                    })
                    .collect(),
            }),
            ..Sample::default()
        }
    }

    #[cfg(feature = "admin")]
    fn settings(&self) -> Vec<SettingsSample> {
        let methods = self.admission.layers();
        let told = methods.map(|(subject, layers)| SettingsSample {
            side: "server",
            method: subject.method.path,
            group: Some(subject.group.into()),
            settings: explain(&layers)
                .into_iter()
                .map(Explained::sample)
                .collect(),
        });
        told.collect()
    }
}
