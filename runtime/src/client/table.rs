//! Who may answer the calls of one method, prepared once per change of the registry's list.

use std::sync::Arc;

use tokio::time::Instant;

use crate::balance::{Balancer, Candidate, Candidates, Outcome, PickContext, Standing};
use crate::registry::Snapshot;
use crate::route::{self, NoInstance};
use crate::status::{Code, Phase, Status};
use crate::wire;

use super::Client;
use super::endpoint::Endpoint;
use super::view::{News, address_of};

/// The instances that may answer, best choice first.
pub(super) struct Table {
    /// Whether it is out of date.
    news: News,
    balancer: Arc<dyn Balancer>,
    epoch: Instant,
    /// One per preferred group, or one of all.
    tiers: Vec<Tier>,
}

struct Tier {
    candidates: Candidates,
    /// By index of the candidates.
    targets: Vec<Arc<Target>>,
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
    epoch: Instant,
}

impl Table {
    /// The instances of `snapshot` that fulfil `demand`, asked for `path`.
    pub(super) fn new(
        client: &Client,
        (snapshot, news): (&Snapshot, News),
        demand: &route::Demand,
        path: &str,
        balancer: Arc<dyn Balancer>,
    ) -> Result<Self, Status> {
        let routes =
            route::select(snapshot, demand).map_err(|error: NoInstance| Status::from(error))?;
        let mut tiers = Vec::with_capacity(routes.len());
        for route in routes {
            let mut candidates = Vec::with_capacity(route.instances.len());
            let mut targets: Vec<Arc<Target>> = Vec::with_capacity(route.instances.len());
            let mut routes: Vec<Arc<wire::Route>> = Vec::new();
            for instance in &route.instances {
                let Some(address) = address_of(&instance.addresses) else {
                    continue;
                };
                let shared = routes.iter().find(|route| route.group() == instance.group);
                let route = if let Some(route) = shared {
                    Arc::clone(route)
                } else {
                    let codec = client.codec().name();
                    let route = wire::Route::new(path, &instance.group, codec)
                        .map_err(|fault| Status::invalid_argument(fault.to_string()))?;
                    let route = Arc::new(route);
                    routes.push(Arc::clone(&route));
                    route
                };
                let endpoint = client.endpoint(&address);
                endpoint.started(instance.started_unix_ms);
                let load = Arc::clone(&endpoint.load);
                let candidate = Candidate::new(&instance.id, instance.weight, load);
                targets.push(Arc::new(Target {
                    endpoint,
                    route,
                    key: candidate.key(),
                    epoch: client.epoch(),
                }));
                candidates.push(candidate);
            }
            tiers.push(Tier {
                candidates: Candidates::new(candidates),
                targets,
            });
        }
        if tiers.iter().all(|tier| tier.targets.is_empty()) {
            return Err(Status::unavailable(format!(
                "no instance of {} has an address that this client can read",
                snapshot.service()
            ))
            .in_phase(Phase::Resolve)
            .not_started());
        }
        Ok(Self {
            news,
            balancer,
            epoch: client.epoch(),
            tiers,
        })
    }

    /// Whether the registry's list has not changed since.
    pub(super) fn is_current(&self) -> bool {
        self.news.is_none()
    }

    /// The instance for a call that was turned away by `tried`: one that nothing speaks against, or else one that is
    /// silent, or else one whose last connection failed, since it may be back.
    pub(super) fn pick(&self, tried: &[u64], now: Instant) -> Option<&Arc<Target>> {
        let now = now.saturating_duration_since(self.epoch);
        let context = PickContext::at(now).after(tried);
        let of = |worst| {
            self.tiers.iter().find_map(|tier| {
                let index = self
                    .balancer
                    .pick(&tier.candidates, &context.down_to(worst))?;
                tier.targets.get(index)
            })
        };
        of(Standing::Good).or_else(|| {
            // A balancer of somebody else's may want nobody of these.
            let any = || {
                let mut targets = self.tiers.iter().flat_map(|tier| &tier.targets);
                targets.find(|target| !tried.contains(&target.key))
            };
            of(Standing::Suspect)
                .or_else(|| of(Standing::Down))
                .or_else(any)
        })
    }
}

impl Table {
    /// Whether there is an instance besides `tried` and `this` that nothing speaks against.
    pub(super) fn has_better(&self, tried: &[u64], this: &Target) -> bool {
        let mut targets = self.tiers.iter().flat_map(|tier| &tier.targets);
        targets.any(|target| {
            target.key != this.key
                && target.endpoint.load.is_available()
                && !tried.contains(&target.key)
        })
    }
}

/// A call under way at one instance: what the balancers learn when it ends.
pub(super) struct Ticket {
    pub(super) target: Arc<Target>,
    started: Instant,
    open: bool,
}

impl Ticket {
    /// A call to `target` starts.
    pub(super) fn start(target: Arc<Target>, now: Instant) -> Self {
        target.endpoint.load.begin();
        Self {
            target,
            started: now,
            open: true,
        }
    }

    /// The call ended so.
    pub(super) fn finish<T>(&mut self, outcome: &Result<T, Status>, now: Instant) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        let outcome = match outcome {
            Ok(_) => Outcome::Answered,
            Err(status) => match status.code() {
                Code::Unavailable | Code::DeadlineExceeded | Code::Internal => Outcome::Failed,
                _ if status.is_overloaded() => Outcome::Failed,
                _ => Outcome::Answered,
            },
        };
        let latency = now.saturating_duration_since(self.started);
        let now = now.saturating_duration_since(self.target.epoch);
        self.target.endpoint.load.end(now, latency, outcome);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.open {
            self.target.endpoint.load.abandon();
        }
    }
}
