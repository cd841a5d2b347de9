//! The governance documents that a server obeys: those of all services, and of each that it offers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::notice::{Listener, Notice};
use crate::registry;
use crate::service::{Admission, Offer};
use crate::steering::{DocumentNews, DocumentState, Steering, Watched};

/// What documents say of everything that is offered.
#[derive(Debug)]
pub(super) struct Steerings {
    of: Arc<BTreeMap<&'static str, Arc<Steering>>>,
    /// They end with the server.
    _following: JoinSet<()>,
}

impl Steerings {
    /// Watches the documents of the first of these registries that keeps any, and hands to `admission` what they say.
    pub(super) fn start(
        registries: &[registry::Handle],
        offers: &[Offer],
        admission: &Arc<Admission>,
        listener: &Listener,
    ) -> Self {
        let now = Instant::now();
        let mut of = BTreeMap::new();
        for offer in offers {
            let service = offer.service();
            let new = || Arc::new(Steering::new(service.name, now));
            of.entry(service.name).or_insert_with(new).known_by(service);
        }
        let of = Arc::new(of);
        let mut following = JoinSet::new();
        // One after the other, so that nobody sets what has been overtaken.
        let turn = Arc::new(Mutex::new(()));
        let registry = registries.iter().find(|one| one.documents().is_some());
        for steering in of.values() {
            let watched = registry.and_then(|registry| Watched::new(registry, steering));
            let Some(watched) = watched else { continue };
            let (of, admission) = (Arc::clone(&of), Arc::clone(admission));
            let (turn, listener) = (Arc::clone(&turn), listener.clone());
            following.spawn(watched.follow(move |news| {
                if matches!(news, DocumentNews::Applied { .. }) {
                    let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
                    apply(&of, &admission);
                }
                listener.tell(|| Notice::Document(news.clone()));
            }));
        }
        Self {
            of,
            _following: following,
        }
    }

    /// What has become of the documents of every service: that of all services, and its own.
    pub(super) fn states(&self) -> Vec<(&'static str, [DocumentState; 2])> {
        let states = self.of.iter().map(|(name, one)| (*name, one.states()));
        states.collect()
    }
}

fn apply(of: &BTreeMap<&'static str, Arc<Steering>>, admission: &Admission) {
    let global = of.values().next().map(|one| one.sheet().global_layers());
    admission.set_documents(&global.unwrap_or_default(), |subject| {
        let steering = of.get(subject.service.name);
        let layers = steering.map(|one| one.sheet().layers(subject.method.name));
        layers.unwrap_or_default()
    });
}
