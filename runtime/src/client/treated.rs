//! How the calls of each method of a channel are treated now.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use crate::contract::{Cluster, MethodDescriptor, MethodKind, ServiceDescriptor};
use crate::governance::{FallbackMode, Layer, Place, Settings, Treatment, fitted};
use crate::resilience::{self, Follows};
use crate::status::Status;

/// How the calls of one method are treated, and what follows from that for every call.
#[derive(Debug)]
pub(crate) struct Treated {
    pub(crate) treatment: Treatment,
    /// Something is to happen before the first attempt, or beside it: the plain path will not do.
    pub(super) needs_stack: bool,
}

impl Treated {
    fn new(treatment: Treatment, method: &MethodDescriptor) -> Self {
        Self {
            needs_stack: hedges(&treatment, method)
                || treatment.cluster != Cluster::Failover
                || treatment.fallback.mode == FallbackMode::Force,
            treatment,
        }
    }

    /// Whether anything in the stack acts on this failure of a first attempt.
    pub(super) fn acts_on(&self, status: &Status, method: &MethodDescriptor) -> bool {
        let retry = &self.treatment.retry;
        self.treatment.fallback.mode == FallbackMode::Fail
            || resilience::follows(status, retry, method.policy.idempotent) != Follows::Nothing
    }

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
        let treated = |method| ArcSwap::from_pointee(treated(service, method, code));
        Self(service.methods.iter().map(treated).collect())
    }

    /// That of `method`. Cheap enough for every call.
    pub(super) fn of(&self, method: &MethodDescriptor) -> Guard<Arc<Treated>> {
        self.0[method.index].load()
    }
}

fn treated(service: &ServiceDescriptor, method: &MethodDescriptor, code: &[Layer]) -> Treated {
    let code = code
        .iter()
        .map(|layer| fitted(layer.clone(), service, method));
    let code: Vec<_> = code.collect();
    let layers = [
        Layer::new(Place::BuiltIn, Settings::built_in(method.kind)),
        Layer::new(Place::Contract, Settings::of_contract(&method.policy)),
    ];
    Treated::new(Treatment::of(layers.iter().chain(&code)), method)
}

/// Whether a second instance may be asked before the first has answered: only where running a call twice does no harm, and
/// an answer is one message.
pub(super) fn hedges(treatment: &Treatment, method: &MethodDescriptor) -> bool {
    treatment.hedge.after.on().is_some()
        && method.policy.idempotent
        && method.kind == MethodKind::Unary
}
