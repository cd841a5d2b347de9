//! Whether a server takes a call, decided before its request is decoded.
//!
//! Knows the contract, settings and counts; nothing of bytes, connections and what handlers do.

mod callers;
mod gate;
mod occupancy;
mod place;
mod pool;
mod reason;

use std::sync::Arc;

pub(crate) use gate::Gate;
pub use occupancy::Occupancy;
pub(crate) use place::{Permit, Ticket};
pub use reason::Refusal;

use super::Offer;
use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::governance::{Layer, Place, Settings, Treatment};
use crate::link;
use crate::status::Status;
use pool::Pool;

/// A method of an offer, for those who look up what is said of it.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(feature = "admin"),
    expect(dead_code, reason = "documents look at less of it")
)]
pub(crate) struct Subject<'a> {
    pub(crate) service: &'static ServiceDescriptor,
    pub(crate) group: &'a str,
    pub(crate) method: &'static MethodDescriptor,
}

/// What a server takes of every method that it offers.
#[derive(Debug)]
pub(crate) struct Admission {
    gates: Vec<(Arc<str>, Arc<Gate>)>,
    pool: Arc<Pool>,
    /// What the server's own code says.
    server: Vec<Layer>,
}

impl Admission {
    /// With what the server's own code says of all of its methods.
    pub(crate) fn new(offers: &[Offer], server: Option<&Arc<Settings>>) -> Self {
        let layer = |settings| Layer::new(Place::Code("Server::settings"), Arc::clone(settings));
        let own: Vec<_> = server.map(layer).into_iter().collect();
        let start = link::now();
        let pool = Arc::new(Pool::new(start));
        pool.set(&Treatment::of(&own).limit);
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
                let number = gates.len();
                let gate = Gate::new(number, offer.service(), method, layers, &pool, start);
                gates.push((Arc::clone(&group), Arc::new(gate)));
            }
        }
        Self {
            gates,
            pool,
            server: own,
        }
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
        self.pool
            .set(&Treatment::of(self.server.iter().chain(server)).limit);
        for (group, gate) in &self.gates {
            gate.set_documents(of(&Subject {
                service: gate.service(),
                group,
                method: gate.method(),
            }));
        }
    }

    /// How the calls of each method stand.
    pub(crate) fn occupancy(&self) -> Vec<Occupancy> {
        let gates = self.gates.iter();
        gates.map(|(group, gate)| gate.occupancy(group)).collect()
    }

    /// What is said of each method, the last word last.
    #[cfg(feature = "admin")]
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

/// A place for a call that waited, or why there was none in time.
pub(crate) fn claim(ticket: Ticket) -> Result<Permit, Status> {
    ticket.claim(link::now())
}
