//! What a server says of itself in registries.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::StartError;
use super::notice::{Listener, Notice};
use crate::registry::{self, ErrorKind, Instance, Lease, LeaseState};
use crate::service::Offer;
use crate::transport::Address;

/// How long a start waits for the first answer of a registry. A server that starts while a registry is down serves
/// those who know it, and is listed later.
const FIRST_ANSWER: Duration = Duration::from_secs(3);

/// Where a server is, and what it says of that.
pub(super) struct Place<'a> {
    pub(super) bound: &'a [Address],
    pub(super) advertised: &'a [Address],
    pub(super) zone: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
}

/// One record per offer.
pub(super) fn instances(offers: &[Offer], place: &Place<'_>) -> Result<Vec<Instance>, StartError> {
    let reachable = if place.advertised.is_empty() {
        place.bound
    } else {
        place.advertised
    };
    if let Some(address) = reachable.iter().find(|address| address.is_unspecified()) {
        return Err(StartError::Unreachable {
            address: address.clone(),
        });
    }
    let id = Instance::fresh_id();
    let started = registry::unix_ms();
    let instance = |(index, offer): (usize, &Offer)| {
        let id = if index == 0 {
            id.clone()
        } else {
            format!("{id}-{index}")
        };
        let service = offer.service();
        let mut instance = Instance::new(id, service.name);
        instance.addresses = reachable.iter().map(ToString::to_string).collect();
        instance.group = offer.group_name().into();
        // The exact release: who asks for an older one of its major, routing sends here as well.
        instance.releases = vec![offer.announced()];
        instance.weight = offer.weight_set();
        instance.zone = offer
            .zone_set()
            .map_or_else(|| place.zone.clone(), |zone| Some(zone.into()));
        instance.tags.clone_from(&place.tags);
        instance.tags.extend(offer.tags_set().clone());
        instance.started_unix_ms = started;
        instance.contract = crate::contract::REVISION;
        instance
    };
    Ok(offers.iter().enumerate().map(instance).collect())
}

/// Registers everywhere, and waits for the first answers.
pub(super) async fn register(
    registries: &[registry::Handle],
    instances: &[Instance],
    listener: &Listener,
) -> Result<Vec<Lease>, StartError> {
    let mut leases = Vec::new();
    for registry in registries {
        leases.push(registry.register(instances.to_vec())?);
    }
    let deadline = tokio::time::Instant::now() + FIRST_ANSWER;
    for lease in &leases {
        if let Ok(LeaseState::Lost(error)) = tokio::time::timeout_at(deadline, lease.tried()).await
        {
            if error.kind() != ErrorKind::Unavailable {
                return Err(error.into());
            }
            listener.tell(|| Notice::NotListed { error });
        }
    }
    Ok(leases)
}
