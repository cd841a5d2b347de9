//! What governance documents say of a service at one time, kept up to date: the same for clients and servers.
//!
//! ```text
//!   @global ──────────┐ parse, check   good: a new sheet, whole
//!                     ├──────────────▶
//!   shop.Orders ──────┘                bad: the last good one stays, and somebody is told
//! ```
//!
//! Knows no call and no channel.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};
use tokio::time::Instant;

use crate::contract::ServiceDescriptor;
use crate::governance::{Document, Fault, GLOBAL, Layer, Rule, Weighing, document_layers};
use crate::observe::{Note, Observer};
use crate::registry::{self, DocumentView, DocumentWatch, Freshness, Revision};
use crate::resilience::check_reply;

/// What the documents say of a service at one time. Immutable.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    /// Counts the sheets of a service.
    pub(crate) revision: u64,
    global: Option<Arc<Document>>,
    service: Option<Arc<Document>>,
}

impl Sheet {
    /// What they say of a method, the last word last.
    pub(crate) fn layers(&self, method: &str) -> Vec<Layer> {
        document_layers(method, self.global.as_deref(), self.service.as_deref())
    }

    /// What they say of all methods, the last word last.
    pub(crate) fn service_layers(&self) -> Vec<Layer> {
        // No method has this name.
        self.layers("")
    }

    /// What the document of all services says of all methods.
    pub(crate) fn global_layers(&self) -> Vec<Layer> {
        document_layers("", self.global.as_deref(), None)
    }

    /// The service's own rules before those of all services.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.in_force().flat_map(|document| &document.rules)
    }

    /// What is said of weights, the service's own before that of all services.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Arc<Weighing>> {
        self.in_force().flat_map(|document| &document.weights)
    }

    fn in_force(&self) -> impl Iterator<Item = &Arc<Document>> {
        let documents = self.service.iter().chain(&self.global);
        documents.filter(|document| document.enabled)
    }
}

/// What has become of one document, as a client or a server sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DocumentState {
    /// Its name.
    pub name: Arc<str>,
    /// The text that is in force, as the registry tells it from others; `None` while there is none.
    pub revision: Option<Revision>,
    /// Since when.
    pub since: Instant,
    /// How many texts have come into force; that a document was taken away counts too.
    pub applied: u64,
    /// How many texts were refused.
    pub refused: u64,
    /// What is wrong with the text that is there now, if it was refused.
    pub faults: Vec<Fault>,
    /// Why the registry tells nothing, while it does not: what it said last is in force.
    pub silence: Option<registry::Error>,
}

impl DocumentState {
    fn new(name: &str, now: Instant) -> Self {
        Self {
            name: name.into(),
            revision: None,
            since: now,
            applied: 0,
            refused: 0,
            faults: Vec::new(),
            silence: None,
        }
    }
}

/// What has happened to a document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DocumentNews {
    /// A text of it is in force.
    Applied {
        /// The document.
        name: Arc<str>,
        /// The text; `None` where the document was taken away.
        revision: Option<Revision>,
        /// How many texts have come into force so far.
        applied: u64,
        /// The service whose calls it is in force for.
        service: Arc<str>,
    },
    /// A text of it is refused, all of it. The last good one stays in force.
    Refused {
        /// The document.
        name: Arc<str>,
        /// Everything that is wrong with it.
        faults: Vec<Fault>,
        /// The service whose calls it was to be in force for.
        service: Arc<str>,
    },
}

impl DocumentNews {
    /// What observers count of it.
    pub(crate) fn note(&self, observer: &Observer) {
        match self {
            Self::Applied { name, applied, .. } => observer.note(&Note::Document {
                name,
                revision: *applied,
            }),
            Self::Refused { name, .. } => observer.note(&Note::DocumentRejected {
                name,
                reason: &self.to_string(),
            }),
        }
    }
}

impl fmt::Display for DocumentNews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied {
                name,
                revision: Some(revision),
                service,
                ..
            } => write!(
                f,
                "document {name}, revision {revision}, is in force for {service}"
            ),
            Self::Applied {
                name,
                revision: None,
                service,
                ..
            } => write!(
                f,
                "document {name} is gone, and no longer in force for {service}"
            ),
            Self::Refused {
                name,
                faults,
                service,
            } => {
                write!(
                    f,
                    "document {name} is refused for {service}, what was in force stays: "
                )?;
                for (index, fault) in faults.iter().take(SHOWN).enumerate() {
                    let before = if index == 0 { "" } else { "; " };
                    write!(f, "{before}{fault}")?;
                }
                match faults.len().checked_sub(SHOWN) {
                    None | Some(0) => Ok(()),
                    Some(more) => write!(f, "; and {more} more"),
                }
            }
        }
    }
}

/// How many faults one line of a log lists.
const SHOWN: usize = 5;

/// What documents say of one service, kept up to date.
#[derive(Debug)]
pub(crate) struct Steering {
    service: Arc<str>,
    sheet: ArcSwap<Sheet>,
    /// That of the sheet: what every call looks at.
    revision: AtomicU64,
    states: Mutex<[DocumentState; 2]>,
    /// The contracts by which the service is known here.
    contracts: Mutex<Vec<&'static ServiceDescriptor>>,
}

impl Steering {
    /// Nothing is said of this service yet.
    pub(crate) fn new(service: &str, now: Instant) -> Self {
        Self {
            service: service.into(),
            sheet: ArcSwap::default(),
            revision: AtomicU64::new(0),
            states: Mutex::new([
                DocumentState::new(GLOBAL, now),
                DocumentState::new(service, now),
            ]),
            contracts: Mutex::default(),
        }
    }

    /// A contract that documents must fit.
    pub(crate) fn known_by(&self, contract: &'static ServiceDescriptor) {
        let mut contracts = lock(&self.contracts);
        if !contracts.iter().any(|known| std::ptr::eq(*known, contract)) {
            contracts.push(contract);
        }
    }

    /// Which sheet is in force. One atomic read, to be asked on every call.
    pub(crate) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// What is said now.
    pub(crate) fn sheet(&self) -> Guard<Arc<Sheet>> {
        self.sheet.load()
    }

    /// What has become of the documents.
    pub(crate) fn states(&self) -> [DocumentState; 2] {
        lock(&self.states).clone()
    }

    /// Takes over what a registry says of the document of all services (0) or of this one (1). Gives what is worth telling.
    fn take(&self, which: usize, view: &DocumentView, now: Instant) -> Option<DocumentNews> {
        let mut states = lock(&self.states);
        let state = &mut states[which];
        state.silence = match view.freshness() {
            Freshness::Stale(error) | Freshness::Stored(Some(error)) => Some(error.clone()),
            _ => None,
        };
        if view.revision() == 0 {
            return None;
        }
        let revision = view.document().map(|document| document.revision.clone());
        let parsed = match view.document() {
            None => Ok(None),
            Some(document) => self.understood(&state.name, &document.text).map(Some),
        };
        let (name, service) = (Arc::clone(&state.name), Arc::clone(&self.service));
        match parsed {
            Err(faults) => {
                state.refused += 1;
                state.faults.clone_from(&faults);
                Some(DocumentNews::Refused {
                    name,
                    faults,
                    service,
                })
            }
            Ok(document) => {
                state.faults.clear();
                let unchanged = state.revision == revision;
                if unchanged {
                    return None;
                }
                state.revision.clone_from(&revision);
                state.since = now;
                state.applied += 1;
                self.put(which, document.map(Arc::new));
                Some(DocumentNews::Applied {
                    name,
                    revision,
                    applied: state.applied,
                    service,
                })
            }
        }
    }

    fn understood(&self, name: &str, text: &str) -> Result<Document, Vec<Fault>> {
        let document = Document::parse(name, text)?;
        let contracts = lock(&self.contracts);
        let faults = contracts
            .iter()
            .map(|contract| document.check_contract(contract, &check_reply));
        // One of several majors may lack what another has.
        let least = faults.min_by_key(Vec::len).unwrap_or_default();
        if least.is_empty() {
            Ok(document)
        } else {
            Err(least)
        }
    }

    /// Called with the states locked: sheets come one after the other.
    fn put(&self, which: usize, document: Option<Arc<Document>>) {
        let before = self.sheet.load();
        let mut next = Sheet {
            revision: before.revision + 1,
            global: before.global.clone(),
            service: before.service.clone(),
        };
        if which == 0 {
            next.global = document;
        } else {
            next.service = document;
        }
        let revision = next.revision;
        self.sheet.store(Arc::new(next));
        self.revision.store(revision, Ordering::Release);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a registry says of the documents of a service: that of all services, and its own.
pub(crate) struct Watched {
    steering: Weak<Steering>,
    watches: [DocumentWatch; 2],
    /// The views that were taken over.
    seen: [Option<Arc<DocumentView>>; 2],
}

impl Watched {
    /// The documents of the service, where `registry` keeps documents.
    pub(crate) fn new(registry: &registry::Handle, steering: &Arc<Steering>) -> Option<Self> {
        let documents = registry.documents()?;
        Some(Self {
            watches: [documents.watch(GLOBAL), documents.watch(&steering.service)],
            steering: Arc::downgrade(steering),
            seen: [None, None],
        })
    }

    /// Takes over what is said until nobody is interested or nothing more will be said; `tell` is told of every change.
    pub(crate) async fn follow(mut self, mut tell: impl FnMut(&DocumentNews)) {
        loop {
            let Some(steering) = self.steering.upgrade() else {
                return;
            };
            for which in 0..self.watches.len() {
                let view = self.watches[which].borrow_and_update();
                let met = self.seen[which].as_ref();
                if met.is_some_and(|met| Arc::ptr_eq(met, &view)) {
                    continue;
                }
                let same_text = met.is_some_and(|met| met.revision() == view.revision());
                if same_text {
                    steering.hear(which, &view);
                } else if let Some(news) = steering.take(which, &view, Instant::now()) {
                    tell(&news);
                }
                self.seen[which] = Some(view);
            }
            drop(steering);
            let [global, service] = &mut self.watches;
            let (one, other) = tokio::select! {
                one = global.changed() => (one.is_some(), true),
                other = service.changed() => (true, other.is_some()),
            };
            if !(one && other) {
                // The registry's handle is gone: what it said stays.
                return;
            }
        }
    }
}

impl Steering {
    /// The registry is silent, or speaks again, and says what it said.
    fn hear(&self, which: usize, view: &DocumentView) {
        lock(&self.states)[which].silence = match view.freshness() {
            Freshness::Stale(error) | Freshness::Stored(Some(error)) => Some(error.clone()),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests;
