//! Who may answer the calls of one method, prepared once per change of the registry's list.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::balance::{Balancer, Candidate, Candidates, InFlight, Outcome, PickContext};
use crate::registry::Snapshot;
use crate::route::{self, NoInstance};
use crate::status::{Code, Phase, Status};
use crate::wire;

use super::Client;
use super::pool::Endpoint;
use super::view::address_of;

/// The instances that may answer, best choice first.
pub(super) struct Table {
    /// What it was made from.
    pub(super) snapshot: Arc<Snapshot>,
    balancer: Arc<dyn Balancer>,
    epoch: Instant,
    /// One per preferred group, or one of all.
    tiers: Vec<Tier>,
}

struct Tier {
    candidates: Candidates,
    /// By index of the candidates.
    targets: Vec<Target>,
}

/// An instance, and how to ask it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) endpoint: Arc<Endpoint>,
    /// Path, its group and codec, as they stand on the wire.
    pub(super) route: Arc<wire::Route>,
    /// Stands for its id.
    pub(super) key: u64,
}

impl Table {
    /// The instances of `snapshot` that fulfil `demand`, asked for `path`.
    pub(super) fn new(
        client: &Client,
        snapshot: Arc<Snapshot>,
        demand: &route::Demand,
        path: &str,
        balancer: Arc<dyn Balancer>,
    ) -> Result<Self, Status> {
        let routes =
            route::select(&snapshot, demand).map_err(|error: NoInstance| Status::from(error))?;
        let mut tiers = Vec::with_capacity(routes.len());
        for route in routes {
            let mut candidates = Vec::with_capacity(route.instances.len());
            let mut targets: Vec<Target> = Vec::with_capacity(route.instances.len());
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
                let load = Arc::clone(&endpoint.load);
                let candidate = Candidate::new(&instance.id, instance.weight, load);
                targets.push(Target {
                    endpoint,
                    route,
                    key: candidate.key(),
                });
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
            snapshot,
            balancer,
            epoch: client.epoch(),
            tiers,
        })
    }

    /// The instance for a call that was turned away by `tried`: one with a working way to it, or else one whose last
    /// connection failed, since it may be back.
    pub(super) fn pick(&self, tried: &[u64]) -> Option<&Target> {
        let context = PickContext::at(self.epoch.elapsed()).after(tried);
        let available = self.tiers.iter().find_map(|tier| {
            let index = self.balancer.pick(&tier.candidates, &context)?;
            tier.targets.get(index)
        });
        available.or_else(|| {
            self.tiers
                .iter()
                .flat_map(|tier| &tier.targets)
                .find(|target| !tried.contains(&target.key))
        })
    }

    /// Notes that a call to `target` starts.
    pub(super) fn start(&self, target: &Target) -> Ticket {
        Ticket {
            in_flight: Some(target.endpoint.load.start()),
            endpoint: Arc::clone(target.endpoint.text()),
            key: target.key,
            epoch: self.epoch,
            started: self.epoch.elapsed(),
        }
    }
}

/// A call under way at one instance: what the balancers learn when it ends.
pub(super) struct Ticket {
    in_flight: Option<InFlight>,
    pub(super) endpoint: Arc<str>,
    pub(super) key: u64,
    epoch: Instant,
    /// Since the epoch.
    started: Duration,
}

impl Ticket {
    /// The call ended so.
    pub(super) fn finish<T>(&mut self, outcome: &Result<T, Status>) {
        let Some(in_flight) = self.in_flight.take() else {
            return;
        };
        let now = self.epoch.elapsed();
        let outcome = match outcome {
            Ok(_) => Outcome::Answered,
            Err(status) => match status.code() {
                Code::Unavailable | Code::DeadlineExceeded | Code::Internal => Outcome::Failed,
                _ if status.is_overloaded() => Outcome::Failed,
                _ => Outcome::Answered,
            },
        };
        in_flight.finish(now, now.saturating_sub(self.started), outcome);
    }
}
