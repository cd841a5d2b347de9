//! Whether a server takes a call, decided before its request is decoded.
//!
//! Knows the contract, settings and counts; nothing of bytes, connections and what handlers do.

mod gate;

use std::sync::Arc;

pub(crate) use gate::Gate;

use super::Offer;
use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::governance::{Layer, Place, Settings};

/// A method of an offer, for those who look up what is said of it.
#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "documents are not watched yet")]
pub(crate) struct Subject<'a> {
    pub(crate) service: &'static ServiceDescriptor,
    pub(crate) group: &'a str,
    pub(crate) method: &'static MethodDescriptor,
}

/// What a server takes of every method that it offers.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    gates: Vec<(Arc<str>, Arc<Gate>)>,
}

impl Admission {
    /// With what the server's own code says of all of its methods.
    pub(crate) fn new(offers: &[Offer], server: Option<&Arc<Settings>>) -> Self {
        let mut gates = Vec::new();
        for offer in offers {
            let group: Arc<str> = offer.group_name().into();
            for method in offer.service().methods {
                let mut layers = vec![
                    Layer::new(Place::BuiltIn, Settings::built_in(method.kind)),
                    Layer::new(Place::Contract, Settings::of_contract(&method.policy)),
                ];
                let code = [
                    ("Server::settings", server),
                    ("Offer::settings", offer.settings_set()),
                    ("Offer::method_settings", offer.settings_of(method)),
                ];
                for (setting, settings) in code {
                    let layer = |settings| Layer::new(Place::Code(setting), Arc::clone(settings));
                    layers.extend(settings.map(layer));
                }
                let gate = Gate::new(offer.service(), method, layers);
                gates.push((Arc::clone(&group), Arc::new(gate)));
            }
        }
        Self { gates }
    }

    /// Those of all methods, offer by offer.
    pub(crate) fn gates(&self) -> impl Iterator<Item = &Arc<Gate>> {
        self.gates.iter().map(|(_, gate)| gate)
    }

    /// Takes over what documents say now, in the place of what they said before. Calls that run go on, and count.
    ///
    /// `server` is what they say of all services, for what holds for the whole server; `of` gives what they say of one
    /// method, all of it, the last word last.
    pub(crate) fn set_documents(&self, server: &[Layer], of: impl Fn(&Subject<'_>) -> Vec<Layer>) {
        let _ = server;
        for (group, gate) in &self.gates {
            gate.set_documents(of(&Subject {
                service: gate.service(),
                group,
                method: gate.method(),
            }));
        }
    }

    #[expect(dead_code, reason = "documents are not watched yet")]
    /// What is said of each method, the last word last.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (Subject<'_>, Vec<Layer>)> {
        self.gates.iter().map(|(group, gate)| {
            let subject = Subject {
                service: gate.service(),
                group,
                method: gate.method(),
            };
            (subject, gate.layers())
        })
    }
}
