//! How the calls of each method of a channel are treated now.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use crate::contract::{Cluster, MethodDescriptor, MethodKind, ServiceDescriptor};
use crate::governance::{Layer, OrOff, Place, Settings, Treatment, fitted};
use crate::resilience::{self, Follows};
use crate::status::Status;

use super::cluster::Strategy;
use super::fallback::Support;

/// How the calls of one method are treated, and what follows from that for every call.
#[derive(Debug)]
pub(crate) struct Treated {
    pub(crate) treatment: Treatment,
    /// Something is to happen before the first attempt, or beside it: the plain path will not do.
    pub(super) needs_stack: bool,
    /// What there is beside tries; none for most methods.
    pub(super) support: Option<Support>,
}

impl Treated {
    /// `function` is whether the program has answers of its own for calls that fail.
    fn new(
        mut treatment: Treatment,
        service: &'static ServiceDescriptor,
        method: &MethodDescriptor,
        function: bool,
    ) -> Self {
        let support = Support::of(service, method, &treatment, function);
        // What no instance has started still goes to another: that is no second try.
        let strategy = Strategy::of(method, treatment.cluster);
        if treatment.cluster == Cluster::Failfast || strategy.is_spread() {
            treatment.retry.attempts = 0;
            treatment.hedge.after = OrOff::Off;
        }
        Self {
            needs_stack: hedges(&treatment, method) || support.is_some(),
            support,
            treatment,
        }
    }

    /// Whether anything in the stack acts on this failure of a first attempt.
    pub(super) fn acts_on(&self, status: &Status, method: &MethodDescriptor) -> bool {
        let retry = &self.treatment.retry;
        resilience::follows(status, retry, method.policy.idempotent) != Follows::Nothing
    }

    /// The time that a call has which sets none itself.
    pub(super) fn timeout(&self) -> Option<Duration> {
        self.treatment.timeout.on().map(|span| span.0)
    }

    /// Whether a failure is the application's word, or the request is to blame: nothing takes the place of that.
    pub(super) fn is_answer(&self, failure: &Status) -> bool {
        failure.detail().is_some() || !self.treatment.fallback.on.contains(failure.code())
    }
}

/// The treatment of every method of a service, by the method's index.
pub(super) struct Treatments(Box<[ArcSwap<Treated>]>);

impl Treatments {
    /// What the contract says of each method, and `code` on top of it. `function` is whether the program has answers of
    /// its own for calls that fail.
    pub(super) fn new(service: &'static ServiceDescriptor, code: &[Layer], function: bool) -> Self {
        let treated = |method| ArcSwap::from_pointee(treated(service, method, code, function));
        Self(service.methods.iter().map(treated).collect())
    }

    /// What settings give as a reply and that is none: the path of the method, and why.
    pub(super) fn refused(
        &self,
        service: &'static ServiceDescriptor,
    ) -> Vec<(&'static str, String)> {
        let all = service.methods.iter().zip(&self.0);
        all.filter_map(|(method, treated)| {
            let treated = treated.load();
            let reply = treated.support.as_ref()?.reply.as_ref()?;
            Some((method.path, reply.as_ref().err()?.clone()))
        })
        .collect()
    }

    /// That of `method`. Cheap enough for every call.
    pub(super) fn of(&self, method: &MethodDescriptor) -> Guard<Arc<Treated>> {
        self.0[method.index].load()
    }
}

fn treated(
    service: &'static ServiceDescriptor,
    method: &MethodDescriptor,
    code: &[Layer],
    function: bool,
) -> Treated {
    let treatment = Treatment::of(&layers(service, method, code));
    Treated::new(treatment, service, method, function)
}

/// Who says what of calls of `method`, the last word last.
pub(super) fn layers(
    service: &ServiceDescriptor,
    method: &MethodDescriptor,
    code: &[Layer],
) -> Vec<Layer> {
    let below = [
        Layer::new(Place::BuiltIn, Settings::built_in(method.kind)),
        Layer::new(Place::Contract, Settings::of_contract(&method.policy)),
    ];
    let code = code
        .iter()
        .map(|layer| fitted(layer.clone(), service, method));
    below.into_iter().chain(code).collect()
}

/// Whether a second instance may be asked before the first has answered: only where running a call twice does no harm, and
/// an answer is one message.
pub(super) fn hedges(treatment: &Treatment, method: &MethodDescriptor) -> bool {
    treatment.hedge.after.on().is_some()
        && method.policy.idempotent
        && method.kind == MethodKind::Unary
}
