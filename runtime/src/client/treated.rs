//! How the calls of each method of a channel are treated now.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::governance::{Layer, Place, Settings, Treatment};

/// How the calls of one method are treated, and what follows from that for every call.
#[derive(Debug)]
pub(crate) struct Treated {
    pub(crate) treatment: Treatment,
}

impl Treated {
    /// The time that a call has which sets none itself.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.treatment.timeout.on().map(|span| span.0)
    }
}

/// The treatment of every method of a service, by the method's index.
pub(super) struct Treatments(Box<[ArcSwap<Treated>]>);

impl Treatments {
    /// What the contract says of each method, and `code` on top of it.
    pub(super) fn new(service: &'static ServiceDescriptor, code: &[Layer]) -> Self {
        let treated = |method| ArcSwap::from_pointee(treated(method, code));
        Self(service.methods.iter().map(treated).collect())
    }

    /// That of `method`. Cheap enough for every call.
    pub(super) fn of(&self, method: &MethodDescriptor) -> Guard<Arc<Treated>> {
        self.0[method.index].load()
    }
}

fn treated(method: &MethodDescriptor, code: &[Layer]) -> Treated {
    let layers = [
        Layer::new(Place::BuiltIn, Settings::built_in(method.kind)),
        Layer::new(Place::Contract, Settings::of_contract(&method.policy)),
    ];
    Treated {
        treatment: Treatment::of(layers.iter().chain(code)),
    }
}
