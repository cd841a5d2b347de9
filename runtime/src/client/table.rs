//! Who may answer the calls of one method, prepared once per change of the registry's list.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::balance::{Balancer, Candidate, PickContext, Ramp, Standing, Zoned};
use crate::governance::{Decision, Routing, WORST_RANK, Weighing, weigh};
use crate::random::{Random, scale};
use crate::registry::Instance;
use crate::resilience::{Detector, Vitals};
use crate::route::{self, NoInstance};
use crate::status::{Phase, Status};
use crate::wire;

use super::Client;
use super::endpoint::Endpoint;
use super::roster::Member;
use super::view::{Look, News};

/// The instances that may answer, best choice first.
pub(super) struct Table {
    /// Whether it is out of date.
    news: News,
    /// When it will be, while instances warm up.
    next_step: Option<Instant>,
    balancer: Arc<dyn Balancer>,
    epoch: Instant,
    breaks: bool,
    /// Those with a weight: one tier per preferred group, or one of all. None is empty.
    tiers: Vec<Tier>,
    /// The same of those of weight 0, who are asked only where nobody of the others can be. All are alike.
    spares: Vec<Tier>,
}

struct Tier {
    candidates: Zoned,
    /// What compares those of each group in it.
    detectors: Vec<Arc<Detector>>,
    /// By index of the candidates.
    targets: Vec<Arc<Target>>,
}

/// What a table is made by, besides the list of instances.
pub(super) struct Choice<'a> {
    pub(super) demand: &'a route::Demand,
    pub(super) path: &'a str,
    pub(super) balancer: Arc<dyn Balancer>,
    /// The zone that is preferred.
    pub(super) zone: Option<&'a str>,
    /// Whether circuit breakers are obeyed.
    pub(super) breaks: bool,
    /// Where rules send the call.
    pub(super) routing: Option<(&'a Routing, Decision)>,
    /// What documents say of weights.
    pub(super) weights: &'a [Arc<Weighing>],
}

impl Choice<'_> {
    /// The weight of an instance before it warms up.
    fn weight(&self, instance: &Instance) -> u32 {
        weigh(self.weights, instance)
    }

    /// How good an instance is by the rules, 0 best; `None` is not at all.
    fn rank(&self, instance: &Instance) -> Option<u8> {
        match self.routing {
            Some((routing, decision)) => routing.rank(decision, instance),
            None => Some(0),
        }
    }

    /// The ranks that there may be.
    fn ranks(&self) -> impl Iterator<Item = u8> + use<> {
        0..=if self.routing.is_some() {
            WORST_RANK
        } else {
            0
        }
    }

    /// Why rules leave nobody, if it is they.
    fn leaves_nobody(&self) -> Option<Status> {
        let (routing, decision) = self.routing?;
        let rule = routing.rule(decision)?;
        let name = rule.name.as_deref();
        let why = format!(
            "{}{} sends the call to instances with `{}`, and there is none",
            rule.place,
            name.map(|name| format!(" ({name})")).unwrap_or_default(),
            rule.to
        );
        Some(
            Status::unavailable(why)
                .in_phase(Phase::Resolve)
                .not_started(),
        )
    }
}

/// An instance, and how to ask it.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) endpoint: Arc<Endpoint>,
    /// Path, its group and codec, as they stand on the wire.
    pub(super) route: Arc<wire::Route>,
    /// Stands for its id.
    pub(super) key: u64,
    /// The moment that balancers count from.
    pub(super) epoch: Instant,
    /// Whether how the calls of this method end is evidence, and circuit breakers are obeyed.
    pub(super) counts: bool,
    /// What calls tell of it, and who compares.
    pub(super) vitals: Arc<Vitals>,
    pub(super) detector: Arc<Detector>,
}

impl Target {
    /// A moment as balancers count.
    pub(super) fn since_epoch(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.epoch)
    }
}

impl Table {
    /// The instances that were seen in a look at `now` and fit the choice.
    pub(super) fn new(
        client: &Client,
        look: Look,
        choice: Choice<'_>,
        now: Instant,
    ) -> Result<Self, Status> {
        let routes = route::select(&look.snapshot, choice.demand)
            .map_err(|error: NoInstance| Status::from(error))?;
        let ramp = client.ramp();
        let warms_up = |member: &Member| age(member, now).is_some_and(|age| ramp.is_on(age));
        let next_step = look.members.iter().any(|one| warms_up(one)).then(|| {
            let since = now.saturating_duration_since(client.epoch());
            client.epoch() + ramp.next_step(since)
        });
        let (mut tiers, mut spares) = (Vec::with_capacity(routes.len()), Vec::new());
        let has_weight = |one: &&Arc<Member>| choice.weight(&one.instance) > 0;
        for rank in choice.ranks() {
            for route in &routes {
                let members = select(&look.members, &route.instances)
                    .filter(|one| choice.rank(&one.instance) == Some(rank));
                let weighty = members.clone().filter(has_weight);
                tiers.push(Tier::new(client, weighty, &choice, now)?);
                if !members.clone().all(|one| has_weight(&one)) {
                    let spare = members.filter(|one| !has_weight(one));
                    spares.push(Tier::new(client, spare, &choice, now)?);
                }
            }
        }
        tiers.retain(|tier: &Tier| !tier.targets.is_empty());
        spares.retain(|tier: &Tier| !tier.targets.is_empty());
        if tiers.is_empty() && spares.is_empty() {
            if let Some(status) = choice.leaves_nobody() {
                return Err(status);
            }
            return Err(Status::unavailable(format!(
                "no instance of {} has an address that this client can read",
                look.snapshot.service()
            ))
            .in_phase(Phase::Resolve)
            .not_started());
        }
        Ok(Self {
            news: look.news,
            next_step,
            balancer: choice.balancer,
            epoch: client.epoch(),
            breaks: choice.breaks,
            tiers,
            spares,
        })
    }

    /// Whether neither the registry's list nor a share of one of its instances has changed since.
    pub(super) fn is_current(&self, now: Instant) -> bool {
        self.news.is_none() && self.next_step.is_none_or(|step| now < step)
    }

    /// How many instances there are.
    pub(super) fn len(&self) -> usize {
        self.tiers.iter().map(|tier| tier.targets.len()).sum()
    }

    /// What it chooses by.
    pub(super) fn balancer(&self) -> &Arc<dyn Balancer> {
        &self.balancer
    }

    /// The instance for a call that was turned away by `tried`: one that nothing speaks against, or else one that is
    /// silent, or else one that fails, or else one of weight 0, or else one whose last connection failed, since it may be back.
    ///
    /// `hash` is that of what ties the call to an instance.
    pub(super) fn pick(
        &self,
        tried: &[u64],
        hash: Option<NonZeroU64>,
        now: Instant,
    ) -> Option<&Arc<Target>> {
        self.pick_at(tried, hash, now.saturating_duration_since(self.epoch))
    }

    /// One of those that there is a connection to, all alike, of the first group in which anybody is left that nothing speaks against.
    pub(super) fn pick_reached(&self, tried: &[u64], random: &Random) -> Option<&Arc<Target>> {
        let is_left = |target: &Arc<Target>| {
            target.vitals.load.is_available() && !tried.contains(&target.key)
        };
        let mut tiers = self.tiers.iter().map(|tier| &tier.targets);
        let targets = tiers.find(|targets| targets.iter().any(is_left))?;
        let reached = || {
            let reached = targets.iter().filter(|one| one.endpoint.is_reached());
            reached.filter(|one| is_left(one))
        };
        reached().nth(scale(random.bits(), reached().count()))
    }

    /// The same at this time since the moment that balancers count from.
    pub(super) fn pick_at(
        &self,
        tried: &[u64],
        hash: Option<NonZeroU64>,
        now: Duration,
    ) -> Option<&Arc<Target>> {
        let mut context = PickContext::at(now).after(tried);
        context.hash = hash.map(NonZeroU64::get);
        context.ejected_too = !self.breaks;
        let care = |tier: &Tier| tier.detectors.iter().any(|one| one.needs_care(now));
        if self.tiers.iter().any(care) {
            return self.pick_with_care(context);
        }
        self.among(&self.tiers, &context)
            .or_else(|| self.pick_worse(context))
    }

    fn among<'a>(&self, tiers: &'a [Tier], context: &PickContext<'_>) -> Option<&'a Arc<Target>> {
        for tier in tiers {
            if let Some(index) = tier.candidates.pick(&*self.balancer, context) {
                return tier.targets.get(index);
            }
        }
        None
    }

    /// The same where a call is wanted as a probe, or so few instances of a tier are usable that all of it are asked,
    /// unless another tier will do.
    #[cold]
    fn pick_with_care(&self, context: PickContext<'_>) -> Option<&Arc<Target>> {
        for tier in &self.tiers {
            if let Some(target) = tier.probe(&context) {
                return Some(target);
            }
            if !tier.panics()
                && let Some(index) = tier.candidates.pick(&*self.balancer, &context)
            {
                return tier.targets.get(index);
            }
        }
        let all = context.with_ejected();
        for tier in self.tiers.iter().filter(|tier| tier.panics()) {
            if let Some(index) = tier.candidates.pick(&*self.balancer, &all) {
                let target = tier.targets.get(index)?;
                if target.vitals.load.standing() == Standing::Ejected {
                    target.detector.note_ignored();
                }
                return Some(target);
            }
        }
        self.pick_worse(context)
    }

    /// The same where something speaks against everybody who has a weight. A suspicion is no reason to ask those who have none:
    /// whoever gave them weight 0 wants them to be left alone, and a machine that is merely busy makes all look silent.
    #[cold]
    fn pick_worse(&self, context: PickContext<'_>) -> Option<&Arc<Target>> {
        let order = [
            (&self.tiers, Standing::Suspect),
            (&self.tiers, Standing::Ejected),
            (&self.spares, Standing::Good),
            (&self.spares, Standing::Suspect),
            (&self.tiers, Standing::Down),
            (&self.spares, Standing::Down),
        ];
        let mut order = order.into_iter();
        // A balancer of somebody else's may want nobody of these.
        let any = || {
            let all = self.tiers.iter().chain(&self.spares);
            let mut targets = all.flat_map(|tier| &tier.targets);
            targets.find(|target| !context.tried.contains(&target.key))
        };
        order
            .find_map(|(tiers, worst)| self.among(tiers, &context.down_to(worst)))
            .or_else(any)
    }
}

impl Table {
    /// All instances of the first group that has any.
    pub(super) fn everybody(&self) -> Vec<Arc<Target>> {
        let tier = self.tiers.iter().find(|tier| !tier.targets.is_empty());
        tier.map(|tier| tier.targets.clone()).unwrap_or_default()
    }

    /// Whether there is an instance besides `tried` that nothing speaks against, not even its weight.
    pub(super) fn has_other(&self, tried: &[u64]) -> bool {
        let mut targets = self.tiers.iter().flat_map(|tier| &tier.targets);
        targets.any(|target| target.vitals.load.is_available() && !tried.contains(&target.key))
    }

    /// Whether there is an instance besides `tried` and `this` that nothing speaks against; one of weight 0 is better only
    /// than another.
    pub(super) fn has_better(&self, tried: &[u64], this: &Target) -> bool {
        let is_in = |tiers: &[Tier], wanted: &dyn Fn(&Target) -> bool| {
            let mut targets = tiers.iter().flat_map(|tier| &tier.targets);
            targets.any(|target| wanted(target))
        };
        let is_better = |target: &Target| {
            target.key != this.key
                && target.vitals.load.is_available()
                && !tried.contains(&target.key)
        };
        let is_this = |target: &Target| target.key == this.key;
        is_in(&self.tiers, &is_better)
            || is_in(&self.spares, &is_this) && is_in(&self.spares, &is_better)
    }
}

impl Tier {
    fn new<'a>(
        client: &Client,
        members: impl Iterator<Item = &'a Arc<Member>> + Clone,
        choice: &Choice<'_>,
        now: Instant,
    ) -> Result<Self, Status> {
        let ramp = client.ramp();
        let warms_up = |one: &&Arc<Member>| age(one, now).is_some_and(|age| ramp.is_on(age));
        let some_warm_up = members.clone().any(|one| warms_up(&one));
        let weight = |member: &Member| {
            let weight = choice.weight(&member.instance);
            if some_warm_up {
                ramp.weight(weight, age(member, now))
            } else {
                weight
            }
        };
        let is_near = |member: &Member| {
            choice.zone.is_some() && member.instance.zone.as_deref() == choice.zone
        };
        let count = members.size_hint().1.unwrap_or(0);
        let mut seats = Seats {
            client,
            path: choice.path,
            routes: HashMap::new(),
            targets: Vec::with_capacity(count),
            detectors: Vec::new(),
            counts: choice.breaks,
        };
        let mut near = Vec::new();
        let mut others = Vec::with_capacity(count);
        let mut whole = 0;
        if choice.zone.is_some() {
            for member in members.clone().filter(|one| is_near(one)) {
                near.extend(seats.candidate(member, weight(member))?);
                let weight = choice.weight(&member.instance);
                whole += u64::from(if some_warm_up {
                    Ramp::full_weight(weight)
                } else {
                    weight
                });
            }
        }
        for member in members.filter(|one| !is_near(one)) {
            others.extend(seats.candidate(member, weight(member))?);
        }
        Ok(Self {
            candidates: Zoned::new(near, others, whole, client.chance().bits()),
            targets: seats.targets,
            detectors: seats.detectors,
        })
    }

    fn panics(&self) -> bool {
        self.detectors.iter().any(|one| one.panics())
    }

    /// The instance that this call is a probe of, if one is due.
    fn probe(&self, context: &PickContext<'_>) -> Option<&Arc<Target>> {
        let fits = |target: &&Arc<Target>| !context.tried.contains(&target.key);
        let find = |key| self.targets.iter().filter(fits).find(|one| one.key == key);
        self.detectors.iter().find_map(|detector| {
            let key = detector.probe(context.now, |key| find(key).is_some())?;
            find(key)
        })
    }
}

/// How long ago an instance came, if others were there before it.
fn age(member: &Member, now: Instant) -> Option<Duration> {
    Some(now.saturating_duration_since(member.joined?))
}

/// The members of the instances that were chosen among all; both are by id.
fn select<'a>(
    members: &'a [Arc<Member>],
    chosen: &'a [Arc<Instance>],
) -> impl Iterator<Item = &'a Arc<Member>> + Clone {
    let mut members = members.iter();
    chosen
        .iter()
        .filter_map(move |one| members.find(|member| member.instance.id == one.id))
}

/// Candidates in the making, with what their calls are sent by.
struct Seats<'a> {
    client: &'a Client,
    path: &'a str,
    /// By group: few, unless a registry has gone mad.
    routes: HashMap<Box<str>, Arc<wire::Route>>,
    targets: Vec<Arc<Target>>,
    detectors: Vec<Arc<Detector>>,
    counts: bool,
}

impl Seats<'_> {
    /// A candidate, if it has an address that can be read.
    fn candidate(&mut self, member: &Member, weight: u32) -> Result<Option<Candidate>, Status> {
        let Some(address) = &member.address else {
            return Ok(None);
        };
        let route = self.route(&member.instance.group)?;
        let endpoint = self.client.endpoint(address);
        endpoint.started(member.instance.started_unix_ms);
        let load = Arc::clone(&member.vitals.load);
        endpoint.serves(&load);
        let detector = &member.detector;
        if self.counts && !self.detectors.iter().any(|one| Arc::ptr_eq(one, detector)) {
            self.detectors.push(Arc::clone(detector));
        }
        self.targets.push(Arc::new(Target {
            endpoint,
            route,
            key: member.key,
            epoch: self.client.epoch(),
            counts: self.counts,
            vitals: Arc::clone(&member.vitals),
            detector: Arc::clone(detector),
        }));
        let candidate = Candidate::known(member.key, weight, load);
        Ok(Some(candidate.seated(member.seat)))
    }

    fn route(&mut self, group: &str) -> Result<Arc<wire::Route>, Status> {
        if let Some(route) = self.routes.get(group) {
            return Ok(Arc::clone(route));
        }
        let codec = self.client.codec().name();
        let route = wire::Route::new(self.path, group, codec)
            .map_err(|fault| Status::invalid_argument(fault.to_string()))?;
        let route = Arc::new(route);
        self.routes.insert(group.into(), Arc::clone(&route));
        Ok(route)
    }
}

#[cfg(test)]
mod tests;
