//! From what servers say of a name to instances.
//!
//! What a server does not say, or says to be nothing, is as it was: DNS loses records by the zone, and a name without any is
//! more often a mistake than a wish.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::rr::RecordType;
use tokio::task::JoinSet;

use super::ask::ask;
use super::reply::{Place, Reply};
use super::system::System;
use super::{Name, Shared};
use crate::registry::instance::{DEFAULT_WEIGHT, Instance};
use crate::registry::{Error, Skipped};

/// Targets of SRV records that are asked for at a time: as many sockets.
const AT_ONCE: usize = 16;

/// Targets per name that are followed; what is beyond is skipped and counted.
const MOST: usize = 512;

/// A weight of SRV in ours. The RFC gives those of 0 a very small chance beside others; ours of 0 takes no call while
/// another can.
const FACTOR: u32 = 10;

/// What was found, and how long it may be believed.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) instances: Vec<Instance>,
    pub(super) skipped: Skipped,
    pub(super) ttl: Duration,
}

/// The addresses that each name had when somebody last said so.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<(String, RecordType), Vec<IpAddr>>);

/// Asks for what `shared` names.
pub(super) async fn find(shared: &Shared, known: &mut Known) -> Result<Found, Error> {
    let system = shared.system().await?;
    match &shared.name {
        Name::Host(host, port) => {
            let answers = addresses(&system, host).await;
            let (found, ttl) = known.take(host, answers).map_err(|why| shared.error(why))?;
            let instances = found.iter().map(|address| {
                let mut instance = shared.model.clone();
                instance.id = format!("dns-{}-{port}", address.to_string().replace(':', "_"));
                instance.addresses = vec![place(*address, *port)];
                instance
            });
            Ok(Found {
                instances: instances.collect(),
                skipped: Skipped::default(),
                ttl: seconds(ttl),
            })
        }
        Name::Service(name) => service(shared, &system, name, known).await,
    }
}

fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into())
}

fn place(address: IpAddr, port: u16) -> String {
    format!("tcp://{}", SocketAddr::new(address, port))
}

type Answers = [(RecordType, Result<Reply, String>); 2];

/// What servers say of a name as it was written: of the first of the names that it may be short for that has something.
async fn said(system: &System, name: &str, kind: RecordType) -> Result<Reply, String> {
    let mut nothing = Err(format!("`{name}` is no name"));
    for candidate in system.candidates(name) {
        if !super::is_name(&candidate) {
            continue;
        }
        let reply = ask(&system.servers, &candidate, kind).await?;
        if !reply.addresses.is_empty() || !reply.places.is_empty() {
            return Ok(reply);
        }
        nothing = Ok(reply);
    }
    nothing
}

async fn addresses(system: &System, host: &str) -> Answers {
    let (four, six) = tokio::join!(
        said(system, host, RecordType::A),
        said(system, host, RecordType::AAAA)
    );
    [(RecordType::A, four), (RecordType::AAAA, six)]
}

impl Known {
    /// The addresses of a host by these answers, and for how long. A family of addresses that nobody says anything of is as
    /// it was.
    fn take(&mut self, host: &str, answers: Answers) -> Result<(Vec<IpAddr>, u32), String> {
        let mut found = Vec::new();
        let mut ttl = u32::MAX;
        let mut why = None;
        let mut said = Vec::new();
        for (kind, answer) in answers {
            let key = (host.to_owned(), kind);
            match answer {
                Ok(reply) => {
                    ttl = ttl.min(reply.ttl);
                    found.extend(&reply.addresses);
                    said.push((key, reply.addresses));
                }
                Err(reason) => {
                    found.extend(self.0.get(&key).into_iter().flatten());
                    why.get_or_insert(reason);
                }
            }
        }
        if said.is_empty() || found.is_empty() {
            return Err(why.unwrap_or_else(|| format!("`{host}` has no addresses in DNS")));
        }
        self.0.extend(said);
        found.sort_unstable();
        found.dedup();
        // Of what is not to be had now, it is tried again soon.
        Ok((found, if why.is_some() { 0 } else { ttl }))
    }
}

/// The instances of SRV records.
async fn service(
    shared: &Shared,
    system: &System,
    name: &str,
    known: &mut Known,
) -> Result<Found, Error> {
    let reply = said(system, name, RecordType::SRV)
        .await
        .map_err(|why| shared.error(why))?;
    let Reply {
        mut places,
        along,
        mut ttl,
        ..
    } = reply;
    places.retain(|place| !place.target.is_empty() && place.port > 0);
    places.sort();
    places.dedup_by(|a, b| (&a.target, a.port) == (&b.target, b.port));
    if places.is_empty() {
        return Err(shared.error(format!("`{name}` has no SRV records in DNS")));
    }
    let mut skipped = Skipped::default();
    while places.len() > MOST {
        places.pop();
        skipped.add(|| format!("more than {MOST} SRV records"));
    }
    let mut hosts: BTreeMap<String, Vec<IpAddr>> = along;
    let mut missing: Vec<String> = places.iter().map(|place| place.target.clone()).collect();
    missing.sort();
    missing.dedup();
    missing.retain(|target| !hosts.contains_key(target));
    let mut why = None;
    for some in missing.chunks(AT_ONCE) {
        let mut asked = JoinSet::new();
        for target in some {
            let (system, target) = (system.clone(), target.clone());
            asked.spawn(async move {
                // Targets are whole names.
                let answers = addresses(&system, &format!("{target}.")).await;
                (target, answers)
            });
        }
        while let Some(answered) = asked.join_next().await {
            let Ok((target, answers)) = answered else {
                continue;
            };
            match known.take(&target, answers) {
                Ok((found, until)) => {
                    ttl = ttl.min(until);
                    hosts.insert(target, found);
                }
                Err(reason) => {
                    ttl = 0;
                    let before = known.of(&target);
                    if before.is_empty() {
                        skipped.add(|| reason.clone());
                    } else {
                        hosts.insert(target, before);
                    }
                    why = Some(reason);
                }
            }
        }
    }
    let instances: Vec<Instance> = weights(&places)
        .filter_map(|(place, weight)| listed(shared, place, weight, hosts.get(&place.target)?))
        .collect();
    match why {
        Some(why) if instances.is_empty() => Err(shared.error(why)),
        _ => Ok(Found {
            instances,
            skipped,
            ttl: seconds(ttl),
        }),
    }
}

impl Known {
    /// Every address that a host is known to have had.
    fn of(&self, host: &str) -> Vec<IpAddr> {
        let of = |kind| self.0.get(&(host.to_owned(), kind)).into_iter().flatten();
        of(RecordType::A)
            .chain(of(RecordType::AAAA))
            .copied()
            .collect()
    }
}

/// The instance that a SRV record is.
fn listed(shared: &Shared, of: &Place, weight: u32, addresses: &[IpAddr]) -> Option<Instance> {
    let mut instance = shared.model.clone();
    instance.id = format!("dns-{}-{}", of.target, of.port);
    instance.weight = weight;
    instance
        .tags
        .entry("priority".to_owned())
        .or_insert_with(|| of.priority.to_string());
    instance.addresses = addresses
        .iter()
        .take(64)
        .map(|address| place(*address, of.port))
        .collect();
    // A name that is no id cannot be told from others.
    let mut probe = instance.clone();
    if probe.service.is_empty() {
        probe.service = "any".into();
    }
    probe.check().is_ok().then_some(instance)
}

/// Our weights: those behind the best priority take calls only while none of it can.
fn weights(places: &[Place]) -> impl Iterator<Item = (&Place, u32)> {
    let best = places.iter().map(|place| place.priority).min();
    let weighed = places
        .iter()
        .any(|place| Some(place.priority) == best && place.weight > 0);
    places.iter().map(move |place| {
        let weight = match u32::from(place.weight) {
            _ if Some(place.priority) != best => 0,
            _ if !weighed => DEFAULT_WEIGHT,
            weight => (weight * FACTOR).max(1),
        };
        (place, weight)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_hold_within_the_best_priority_and_the_others_wait() {
        let of = |places: &[(u16, u16)]| -> Vec<u32> {
            let places: Vec<Place> = places
                .iter()
                .map(|(priority, weight)| Place {
                    priority: *priority,
                    weight: *weight,
                    port: 1,
                    target: "h".into(),
                })
                .collect();
            weights(&places).map(|(_, weight)| weight).collect()
        };
        assert_eq!(of(&[(10, 60), (10, 0), (20, 90)]), [600, 1, 0]);
        assert_eq!(of(&[(1, 0), (1, 0)]), [100, 100]);
        assert_eq!(of(&[(1, u16::MAX)]), [655_350]);
    }
}
