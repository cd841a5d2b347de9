//! How the calls of each method of a channel are treated now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use crate::balance::Balancer;
use crate::contract::{Cluster, FieldPath, MethodDescriptor, MethodKind, ServiceDescriptor};
use crate::governance::{
    CallFacts, Layer, OrOff, Place, Routing, Settings, Treatment, Weighing, fitted,
};
use crate::random::Random;
use crate::resilience::{self, Follows};
use crate::status::Status;
use crate::steering::{Sheet, Steering};

use super::tables::Tables;

use super::cluster::Strategy;
use super::fallback::Support;

/// How the calls of one method are treated, and what follows from that for every call.
#[derive(Debug)]
pub(crate) struct Treated {
    pub(crate) treatment: Treatment,
    /// What documents say of the time that a call may take: callers cannot have more.
    ceiling: Option<Duration>,
    /// The sheet of the documents that this is by.
    revision: u64,
    /// Where documents send calls.
    pub(super) routing: Routing,
    /// What documents say of the weight of instances.
    pub(super) weights: Box<[Arc<Weighing>]>,
    /// Who may answer: whoever has this sees one state of the documents in everything.
    pub(super) tables: Tables,
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
        tables: Tables,
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
            ceiling: None,
            revision: 0,
            routing: Routing::default(),
            weights: Box::default(),
            tables,
        }
    }

    /// What a slot keeps of it: see there.
    fn untied(&self) -> u64 {
        match self.treatment.balance.field() {
            Some(_) => 0,
            None => self.revision + 1,
        }
    }

    /// Whether anything in the stack acts on this failure of a first attempt.
    pub(super) fn acts_on(&self, status: &Status, method: &MethodDescriptor) -> bool {
        let retry = &self.treatment.retry;
        resilience::follows(status, retry, method.policy.idempotent) != Follows::Nothing
    }

    /// The most that a call may take, whatever its caller says.
    pub(super) fn ceiling(&self) -> Option<Duration> {
        self.ceiling
    }

    fn balancer(&self) -> Option<Arc<dyn Balancer>> {
        self.tables.balancer()
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

/// The treatment of every method of a service, by the method's index; anew with every sheet of its documents.
pub(super) struct Treatments {
    service: &'static ServiceDescriptor,
    /// What the program says, the client's word before the channel's.
    code: Box<[Layer]>,
    /// Whether the program has answers of its own for calls that fail.
    function: bool,
    /// Where the client runs; empty where that makes no difference.
    zone: Box<str>,
    steering: Arc<Steering>,
    chance: Arc<Random>,
    slots: Box<[Slot]>,
}

/// The treatment of one method.
struct Slot {
    treated: ArcSwap<Treated>,
    /// 1 above the revision of the newest treatment by which nothing ties calls to an instance; 0 while there was none.
    untied: AtomicU64,
}

impl Slot {
    fn new(treated: Treated) -> Self {
        Self {
            untied: AtomicU64::new(treated.untied()),
            treated: ArcSwap::from_pointee(treated),
        }
    }

    /// Whether it is known that by this revision nothing ties calls to an instance: a cheaper look than at the treatment.
    #[inline]
    fn is_untied(&self, revision: u64) -> bool {
        self.untied.load(Ordering::Relaxed) == revision + 1
    }

    /// Takes this treatment, unless there is a newer one.
    fn take(&self, next: &Arc<Treated>) {
        self.treated.rcu(|now| {
            let newer = now.revision >= next.revision;
            Arc::clone(if newer { now } else { next })
        });
        self.untied.fetch_max(next.untied(), Ordering::Relaxed);
    }
}

impl Treatments {
    /// What the contract says of each method, `code` on top of it, and documents on top of that. `function` is
    /// whether the program has answers of its own for calls that fail.
    pub(super) fn new(
        service: &'static ServiceDescriptor,
        code: &[Layer],
        function: bool,
        zone: Option<&str>,
        steering: Arc<Steering>,
        chance: Arc<Random>,
    ) -> Self {
        steering.known_by(service);
        let mut treatments = Self {
            service,
            code: code.into(),
            function,
            zone: zone.unwrap_or_default().into(),
            steering,
            chance,
            slots: Box::default(),
        };
        let sheet = treatments.steering.sheet();
        let treated = |method| Slot::new(treatments.treated(method, &sheet, None));
        treatments.slots = service.methods.iter().map(treated).collect();
        treatments
    }

    /// What settings give as a reply and that is none: the path of the method, and why.
    pub(super) fn refused(
        &self,
        service: &'static ServiceDescriptor,
    ) -> Vec<(&'static str, String)> {
        let all = service.methods.iter().zip(&self.slots);
        all.filter_map(|(method, slot)| {
            let treated = slot.treated.load();
            let reply = treated.support.as_ref()?.reply.as_ref()?;
            Some((method.path, reply.as_ref().err()?.clone()))
        })
        .collect()
    }

    /// The way to the field of a request that ties calls of `method` to an instance, where there is one.
    #[inline]
    pub(super) fn field(&self, method: &MethodDescriptor) -> Option<FieldPath> {
        if self.slots[method.index].is_untied(self.steering.revision()) {
            return None;
        }
        self.of(method).treatment.balance.field()
    }

    /// That of `method`. Cheap enough for every call.
    pub(super) fn of(&self, method: &MethodDescriptor) -> Guard<Arc<Treated>> {
        let treated = self.slots[method.index].treated.load();
        if treated.revision == self.steering.revision() {
            return treated;
        }
        self.renewed(method)
    }

    /// The same by what documents say now.
    #[cold]
    fn renewed(&self, method: &MethodDescriptor) -> Guard<Arc<Treated>> {
        let sheet = self.steering.sheet();
        let slot = &self.slots[method.index];
        let before = slot.treated.load();
        let next = Arc::new(self.treated(method, &sheet, Some(&before)));
        slot.take(&next);
        Guard::from_inner(next)
    }

    fn treated(
        &self,
        method: &MethodDescriptor,
        sheet: &Sheet,
        before: Option<&Treated>,
    ) -> Treated {
        let mut layers = layers(self.service, method, &self.code);
        let documents = documents(self.service, method, sheet);
        let mut ceiling = documents.iter().filter_map(|layer| layer.settings.timeout);
        let ceiling = ceiling.next_back().and_then(OrOff::on).map(|span| span.0);
        layers.extend(documents);
        let facts = CallFacts {
            method: method.name,
            zone: &self.zone,
            ..CallFacts::default()
        };
        let treatment = Treatment::of(&layers);
        let balancer = before
            .filter(|before| {
                let before = &before.treatment;
                before.balance == treatment.balance && before.cluster == treatment.cluster
            })
            .and_then(Treated::balancer);
        let tables = Tables::new(balancer, self.chance.bits());
        Treated {
            ceiling,
            revision: sheet.revision,
            routing: Routing::new(sheet.rules(), facts),
            weights: sheet.weights().map(Arc::clone).collect(),
            ..Treated::new(treatment, self.service, method, self.function, tables)
        }
    }
}

/// Who says what of calls of `method` besides documents, the last word last.
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

/// What documents say of calls of `method`, the last word last.
pub(super) fn documents(
    service: &ServiceDescriptor,
    method: &MethodDescriptor,
    sheet: &Sheet,
) -> Vec<Layer> {
    let layers = sheet.layers(method.name).into_iter();
    layers.map(|layer| fitted(layer, service, method)).collect()
}

/// Whether a second instance may be asked before the first has answered: only where running a call twice does no harm, and
/// an answer is one message.
pub(super) fn hedges(treatment: &Treatment, method: &MethodDescriptor) -> bool {
    treatment.hedge.after.on().is_some()
        && method.policy.idempotent
        && method.kind == MethodKind::Unary
}
