//! What a generated client holds: a service, and which of its instances may answer.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use tokio::time::Instant;

use crate::balance::{self, Balancer, Steady};
use crate::codec::{Codec, Shape};
use crate::contract::{Cluster, MethodDescriptor, ServiceDescriptor};
use crate::filter::{Filter, Filters};
use crate::governance::{CallFacts, Decision, Layer, Place, Settings};
use crate::observe::Kept;
use crate::release::ReleaseRange;
use crate::rope::Rope;
use crate::route::{self, Demand, GroupChoice};
use crate::service::Handler;
use crate::status::Status;

use super::Client;
use super::ledger::Ledger;
use super::notice::ClientNotice;
use super::plan::Plan;
use super::reply::Form;
use super::table::{self, Table, Target};
use super::treated::{Treated, Treatments};
use super::view::View;

/// A service as one client sees it: its live instances, and the choice among them. Cheap to clone.
#[derive(Clone)]
pub struct Channel(Arc<Inner>);

struct Inner {
    client: Client,
    service: &'static ServiceDescriptor,
    view: Arc<View>,
    /// Shared by all channels of the service.
    ledger: Arc<Ledger>,
    choice: Choice,
    treatments: Treatments,
}

/// What users choose.
#[derive(Clone)]
pub(super) struct Choice {
    groups: GroupChoice,
    releases: ReleaseRange,
    /// What the program says of calls, the client's word before the channel's.
    code: Vec<Layer>,
    /// What calls go through, the client's filters outside the channel's.
    filters: Filters,
    /// Answers where no server does.
    fallback: Option<Arc<dyn Handler>>,
}

impl Channel {
    /// The service, in the group that its contract lists first.
    pub fn new(client: &Client, service: &'static ServiceDescriptor) -> Self {
        let group = service.groups.first().copied().unwrap_or("default");
        #[cfg(feature = "admin")]
        let _ = client
            .0
            .called
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(service.name, service);
        Self::with(
            client.clone(),
            service,
            client.view(service.name),
            Choice {
                groups: GroupChoice::One(group.into()),
                releases: ReleaseRange::ANY,
                code: client.0.code.clone(),
                filters: client.0.filters.clone(),
                fallback: None,
            },
        )
    }

    /// The service as somebody chose it before.
    pub(super) fn chosen(
        client: &Client,
        service: &'static ServiceDescriptor,
        choice: Choice,
    ) -> Self {
        Self::with(client.clone(), service, client.view(service.name), choice)
    }

    fn with(
        client: Client,
        service: &'static ServiceDescriptor,
        view: Arc<View>,
        choice: Choice,
    ) -> Self {
        let zone = client.0.zone.as_deref();
        let steering = client.steering(service.name);
        let treatments = Treatments::new(
            service,
            &choice.code,
            choice.fallback.is_some(),
            zone,
            steering,
            Arc::clone(client.chance()),
        );
        for (method, reason) in treatments.refused(service) {
            client.tell_once(method, || ClientNotice::FallbackRefused { method, reason });
        }
        Self(Arc::new(Inner {
            ledger: client.ledger(service.name),
            client,
            service,
            view,
            treatments,
            choice,
        }))
    }

    fn choosing(&self, change: impl FnOnce(&mut Choice)) -> Self {
        let inner = &*self.0;
        let mut choice = inner.choice.clone();
        change(&mut choice);
        Self::with(
            inner.client.clone(),
            inner.service,
            Arc::clone(&inner.view),
            choice,
        )
    }

    /// The same for this group.
    #[must_use]
    pub fn with_group(&self, name: &str) -> Self {
        self.choosing(|choice| choice.groups = GroupChoice::One(name.into()))
    }

    /// The same for the first of these groups that has an instance for the call.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn with_groups<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let groups: Arc<[Arc<str>]> = names.into_iter().map(Arc::from).collect();
        assert!(!groups.is_empty(), "a preference names at least one group");
        let groups = GroupChoice::Preferred(groups);
        self.choosing(|choice| choice.groups = groups)
    }

    /// The same for whichever group.
    #[must_use]
    pub fn with_any_group(&self) -> Self {
        self.choosing(|choice| choice.groups = GroupChoice::Any)
    }

    /// The same for these releases only.
    #[must_use]
    pub fn with_releases(&self, releases: ReleaseRange) -> Self {
        self.choosing(|choice| choice.releases = releases)
    }

    /// The same with a time limit for every call that sets none itself.
    #[must_use]
    pub fn with_timeout(&self, limit: Duration) -> Self {
        self.saying("Channel::with_timeout", Settings::new().timeout(limit))
    }

    /// The same with these settings for all calls, on top of the client's.
    #[must_use]
    pub fn with_settings(&self, settings: Settings) -> Self {
        self.saying("Channel::with_settings", settings)
    }

    /// The same with all calls going through this [filter](crate::filter), inside those of the client and those that were added
    /// before.
    #[must_use]
    pub fn with_filter(&self, filter: impl Filter) -> Self {
        self.choosing(|choice| choice.filters = choice.filters.with(filter))
    }

    /// Whether calls go through filters. Asked for every call.
    pub(super) fn is_filtered(&self) -> bool {
        !self.0.choice.filters.is_empty()
    }

    pub(super) fn filters(&self) -> &Filters {
        &self.0.choice.filters
    }

    /// Whom its calls ask unless they say otherwise.
    pub(super) fn groups(&self) -> &GroupChoice {
        &self.0.choice.groups
    }

    /// The same with answers for calls that fail, and nothing is left to try: what `function` answers to a method of one
    /// request and one reply takes the place of the failure. A method that it leaves `unimplemented` fails as before.
    ///
    /// Generated clients take any implementation of their trait: a mock with closures, a client of another cluster.
    #[must_use]
    pub fn with_fallback(&self, function: impl Handler) -> Self {
        let function: Arc<dyn Handler> = Arc::new(function);
        self.choosing(|choice| choice.fallback = Some(function))
    }

    fn saying(&self, setting: &'static str, settings: Settings) -> Self {
        let layer = Layer::new(Place::Code(setting), settings);
        self.choosing(|choice| choice.code.push(layer))
    }

    /// The client it was made from.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// What the contract says of the service.
    pub fn service(&self) -> &'static ServiceDescriptor {
        self.0.service
    }

    pub(super) fn choice(&self) -> Choice {
        self.0.choice.clone()
    }

    pub(super) fn releases(&self) -> ReleaseRange {
        self.0.choice.releases
    }

    /// Answers where no server does.
    pub(super) fn fallback(&self) -> Option<&Arc<dyn Handler>> {
        self.0.choice.fallback.as_ref()
    }

    /// Who is to answer a call that begins now, treated so, if that is known; `since` is the time since the client's epoch.
    pub(super) fn pick_now(
        &self,
        plan: &Plan,
        treated: &Treated,
        now: Instant,
        since: Duration,
    ) -> Option<Arc<Target>> {
        if plan.group.is_none()
            && let Some(table) = &*treated.tables.plain()
            && table.is_current(now)
        {
            return table.pick_at(&[], plan.hash, since).cloned();
        }
        let table = self.table_now(plan, treated, now)?.ok()?;
        table.pick_at(&[], plan.hash, since).cloned()
    }

    /// Who may answer a call, treated so, if the registry has spoken: in the groups that it names, or in the channel's own.
    fn table_now(
        &self,
        plan: &Plan,
        treated: &Treated,
        now: Instant,
    ) -> Option<Result<Arc<Table>, Status>> {
        let routing = &treated.routing;
        let decision = match routing.always() {
            Some(decision) => decision,
            None => self.decide(plan, treated),
        };
        let is_plain = plan.group.is_none() && routing.always().is_some();
        let key = (!is_plain).then(|| (plan.group.clone(), decision));
        let before = treated.tables.kept(key.as_ref());
        if let Some(table) = &before
            && table.is_current(now)
        {
            return before.map(Ok);
        }
        let look = self.0.view.look(now);
        if !look.snapshot.is_answered() {
            return None;
        }
        let method = plan.method;
        let names_group = routing
            .rule(decision)
            .is_some_and(|rule| rule.to.names_group());
        let groups = match &plan.group {
            Some(groups) => groups.clone(),
            // A rule that chooses among groups takes the place of the channel's own choice.
            None if names_group => GroupChoice::Any,
            None => self.0.choice.groups.clone(),
        };
        let demand = Demand::new(method.since, groups);
        let choice = table::Choice {
            demand: &demand.within(self.0.choice.releases),
            path: method.path,
            balancer: match before {
                // It knows whose turn it is.
                Some(before) => Arc::clone(before.balancer()),
                None => self.balancer(treated, is_plain),
            },
            breaks: treated.treatment.breaker.enabled,
            // What ties calls to an instance ties those of all clients to the same.
            zone: self
                .client()
                .0
                .zone
                .as_deref()
                .filter(|_| treated.treatment.balance.field().is_none()),
            routing: (!decision.is_free()).then_some((routing, decision)),
            weights: &treated.weights,
        };
        let table = Table::new(self.client(), look, choice, now);
        let table = table.map(Arc::new);
        if let Ok(table) = &table {
            treated.tables.keep(key, table);
        }
        Some(table)
    }

    /// What rules decide of a call.
    fn decide(&self, plan: &Plan, treated: &Treated) -> Decision {
        let choice = plan.group.as_ref().unwrap_or(&self.0.choice.groups);
        let groups: Vec<&str> = match choice {
            GroupChoice::One(group) => vec![group],
            GroupChoice::Preferred(groups) => groups.iter().map(|group| &**group).collect(),
            GroupChoice::Any | GroupChoice::All => Vec::new(),
        };
        let facts = CallFacts {
            method: plan.method.name,
            zone: self.client().0.zone.as_deref().unwrap_or_default(),
            groups: Some(&groups),
            metadata: Some(&plan.metadata),
        };
        let chance = || treated.tables.chance();
        treated.routing.decide(&facts, chance)
    }

    /// The same as soon as the registry has spoken.
    pub(super) async fn table(&self, plan: &Plan, treated: &Treated) -> Result<Arc<Table>, Status> {
        loop {
            if let Some(table) = self.table_now(plan, treated, Instant::now()) {
                return table;
            }
            self.0.view.answered().await;
        }
    }

    /// The names of the groups that have an instance for `method`, as soon as the registry has spoken.
    pub(super) async fn groups_of(
        &self,
        method: &'static MethodDescriptor,
    ) -> Result<Vec<Arc<str>>, Status> {
        let snapshot = self.0.view.answered().await;
        let demand = Demand::new(method.since, GroupChoice::All).within(self.0.choice.releases);
        let routes = route::select(&snapshot, &demand)?;
        Ok(routes.into_iter().filter_map(|route| route.group).collect())
    }

    /// The client's choice, or else what the treatment says.
    fn balancer(&self, treated: &Treated, is_plain: bool) -> Arc<dyn Balancer> {
        match &self.client().0.balancer {
            // Lists of instances change, and its preference does not.
            _ if treated.treatment.cluster == Cluster::Available => {
                Arc::new(Steady::new(self.client().0.preference))
            }
            Some(balancer) => Arc::clone(balancer),
            None => is_plain
                .then(|| treated.tables.balancer())
                .flatten()
                .unwrap_or_else(|| {
                    balance::of(treated.treatment.balance, self.client().chance().bits())
                }),
        }
    }

    /// The hash of what ties a call with this request, protobuf-encoded, to an instance.
    #[inline]
    pub(crate) fn hash_of(&self, method: &MethodDescriptor, request: &Rope) -> Option<NonZeroU64> {
        let field = self.0.treatments.field(method)?;
        let hash = balance::of_field(field, request);
        Some(NonZeroU64::new(hash).unwrap_or(NonZeroU64::MIN))
    }

    /// How calls of `method` are treated now.
    pub(super) fn treated(&self, method: &MethodDescriptor) -> Guard<Arc<Treated>> {
        self.0.treatments.of(method)
    }

    /// What observers keep beside `method`.
    pub(super) fn kept_beside(&self, method: &MethodDescriptor) -> Option<&Kept> {
        let count = self.0.service.methods.len();
        self.0.view.kept.of(method.index, count)
    }

    /// What chooses among instances, in a word.
    pub(super) fn balance_told(&self, treated: &Treated) -> String {
        match &self.client().0.balancer {
            Some(_) => "the balancer of ClientBuilder::balancer".into(),
            None => treated.treatment.balance.to_string(),
        }
    }

    /// What calls of the service cost, and how its servers take them.
    pub(super) fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    pub(crate) fn codec(&self) -> &'static dyn Codec {
        self.0.client.codec()
    }

    /// What replies of `method` look like.
    pub(super) fn form(&self, method: &MethodDescriptor) -> Form {
        Form {
            codec: self.codec(),
            shape: self.shape(method.reply),
        }
    }

    pub(crate) fn shape(&self, message: &'static str) -> Shape {
        Shape {
            schema: self.0.service.schema,
            message,
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("service", &self.0.service.name)
            .field("groups", &self.0.choice.groups)
            .field("releases", &self.0.choice.releases)
            .finish_non_exhaustive()
    }
}
