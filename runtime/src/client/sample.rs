//! What a client is like now: what it believes of services, and the servers that it deals with.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Inner;
use super::roster::Member;
#[cfg(feature = "admin")]
use super::treated::{documents, layers};
use super::view::View;
use crate::balance::Standing;
#[cfg(feature = "admin")]
use crate::governance::{Explained, explain};
#[cfg(feature = "admin")]
use crate::observe::SettingsSample;
use crate::observe::{BreakerSample, InstanceSample, Sample, ServiceSample, Source};
use crate::registry::{Freshness, Snapshot};
use crate::resilience::BreakerState;

impl Source for Inner {
    fn sample(&self) -> Sample {
        let now = Instant::now();
        let since = now.saturating_duration_since(self.epoch);
        let views: Vec<Arc<View>> = {
            let views = self.views.lock().unwrap_or_else(PoisonError::into_inner);
            views.values().map(Arc::clone).collect()
        };
        let services = views.iter().map(|view| {
            let believed = view.watch().borrow();
            let members = view.members(now);
            let instances = members.iter().map(|one| instance(&believed, one, since));
            ServiceSample {
                retries_left: self.retries_left(believed.service()),
                instances: instances.collect(),
                ..service(&believed, now)
            }
        });
        let mut services: Vec<_> = services.collect();
        services.sort_by(|one, other| one.service.cmp(&other.service));
        Sample {
            services,
            endpoints: self.pool.samples(),
            breakers: views.iter().flat_map(|view| breakers(view, now)).collect(),
            server: None,
        }
    }

    /// As the client has it; stubs may say more.
    #[cfg(feature = "admin")]
    fn settings(&self) -> Vec<SettingsSample> {
        let called = {
            let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
            called.values().copied().collect::<Vec<_>>()
        };
        let methods = called
            .iter()
            .flat_map(|service| service.methods.iter().map(move |method| (*service, method)));
        let steerings = self.steerings.lock();
        let steerings = steerings.unwrap_or_else(PoisonError::into_inner);
        let told = methods.map(|(service, method)| {
            let mut layers = layers(service, method, &self.code);
            if let Some(steering) = steerings.get(service.name) {
                layers.extend(documents(service, method, &steering.sheet()));
            }
            SettingsSample {
                side: "client",
                method: method.path,
                group: None,
                settings: explain(&layers)
                    .into_iter()
                    .map(Explained::sample)
                    .collect(),
            }
        });
        told.collect()
    }
}

fn service(view: &Snapshot, now: Instant) -> ServiceSample {
    let (freshness, error) = match view.freshness() {
        Freshness::Pending => ("pending", None),
        Freshness::Current => ("current", None),
        Freshness::Stale(error) => ("stale", Some(error)),
        Freshness::Stored(error) => ("stored", error.as_ref()),
    };
    ServiceSample {
        service: view.service().into(),
        freshness,
        reason: error.map(ToString::to_string),
        age_seconds: view.age(now).as_secs_f64(),
        revision: view.revision(),
        skipped: view.skipped().count,
        retries_left: None,
        instances: Vec::new(),
    }
}

fn instance(view: &Snapshot, member: &Member, since: Duration) -> InstanceSample {
    let one = &member.instance;
    let load = &member.vitals.load;
    let latency = load.latency(since);
    InstanceSample {
        service: one.service.clone(),
        id: one.id.clone(),
        address: member.address.as_ref().map(ToString::to_string),
        group: one.group.clone(),
        releases: one.releases.iter().map(ToString::to_string).collect(),
        weight: one.weight,
        zone: one.zone.clone(),
        listed: view.unlisted().iter().all(|other| other.id != one.id),
        standing: match load.standing() {
            Standing::Good => "good",
            Standing::Suspect => "suspect",
            Standing::Ejected => "ejected",
            Standing::Down => "down",
        },
        in_flight: load.in_flight(),
        latency_ms: latency.map(|latency| latency.as_secs_f64() * 1_000.0),
    }
}

fn breakers(view: &View, now: Instant) -> Vec<BreakerSample> {
    let mut all = Vec::new();
    for group in view.breakers(now) {
        all.extend(group.instances.iter().map(|one| BreakerSample {
            service: group.service.to_string(),
            group: group.group.to_string(),
            instance: one.endpoint.to_string(),
            state: match one.state {
                BreakerState::Closed => "closed",
                BreakerState::HalfOpen => "half_open",
                BreakerState::Open => "open",
            },
            why: one.why.map(|why| why.to_string()),
            opened: one.opened,
            weight: one.weight,
            panic: group.panic,
        }));
    }
    all
}
