//! The table of everything that a server offers: from the path and group of a request to who answers it.
//!
//! Built once, read by every connection and every protocol.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write};
use std::sync::Arc;

use super::admission::{Admission, Gate};
use super::{Filtered, Handler, Offer};
use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::filter::Filters;
use crate::governance::Settings;
use crate::link::Pace;
use crate::observe::Kept;
use crate::release::Release;
use crate::status::Status;

/// Who answers a method.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) service: &'static ServiceDescriptor,
    pub(crate) method: &'static MethodDescriptor,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) filtered: Option<Arc<Filtered>>,
    pub(crate) kept: Arc<Kept>,
}

/// From paths to handlers.
#[derive(Debug)]
pub(crate) struct Router {
    offers: Vec<Offer>,
    /// By path: who may answer it, the newest release first.
    methods: HashMap<&'static str, Vec<Candidate>>,
    admission: Arc<Admission>,
}

/// A method of one offer.
#[derive(Debug)]
struct Candidate {
    /// The index of the offer.
    offer: usize,
    method: &'static MethodDescriptor,
    pace: Arc<Pace>,
    gate: Arc<Gate>,
    filtered: Option<Arc<Filtered>>,
    kept: Arc<Kept>,
}

/// Two offers that no request could tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DuplicateOffer {
    first: String,
    second: String,
}

impl fmt::Display for DuplicateOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "offered twice: {} and {}; give one another group or release, or leave it out",
            self.first, self.second
        )
    }
}

impl Router {
    /// `settings` is what the server's own code says of all methods, `filters` what all of them are behind.
    pub(crate) fn new(
        offers: Vec<Offer>,
        settings: Option<&Arc<Settings>>,
        filters: &Filters,
    ) -> Result<Self, DuplicateOffer> {
        for (index, second) in offers.iter().enumerate() {
            let same = |first: &&Offer| {
                first.service().name == second.service().name
                    && first.group_name() == second.group_name()
                    && first.announced() == second.announced()
            };
            if let Some(first) = offers[..index].iter().find(same) {
                return Err(DuplicateOffer {
                    first: format!("{first:?}"),
                    second: format!("{second:?}"),
                });
            }
        }
        let admission = Arc::new(Admission::new(&offers, settings));
        let mut gates = admission.gates();
        let mut methods: HashMap<_, Vec<_>> = HashMap::new();
        for (index, offer) in offers.iter().enumerate() {
            let filters = filters.within(offer.filters());
            let filtered = Filtered::new(filters, offer.group_name()).map(Arc::new);
            for (method, gate) in offer.service().methods.iter().zip(&mut gates) {
                methods.entry(method.path).or_default().push(Candidate {
                    offer: index,
                    method,
                    pace: Arc::new(Pace::new(offer.placement_of(method))),
                    gate: Arc::clone(gate),
                    filtered: filtered.clone(),
                    kept: Arc::default(),
                });
            }
        }
        drop(gates);
        for candidates in methods.values_mut() {
            candidates.sort_by_key(|it| std::cmp::Reverse(offers[it.offer].announced()));
        }
        Ok(Self {
            offers,
            methods,
            admission,
        })
    }

    pub(crate) fn offers(&self) -> &[Offer] {
        &self.offers
    }

    pub(crate) fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// Who answers `path` in `group`; no group is the first of the contract.
    ///
    /// # Errors
    /// `unimplemented`, which says what is there instead.
    pub(crate) fn find(&self, path: &str, group: &str) -> Result<Found, Status> {
        let Some(candidates) = self.methods.get(path) else {
            return Err(self.no_method(path));
        };
        let in_group = |candidate: &&Candidate| {
            let offer = &self.offers[candidate.offer];
            if group.is_empty() {
                let first = offer.service().groups.first();
                first.is_none_or(|first| offer.group_name() == *first)
            } else {
                offer.group_name() == group
            }
        };
        let mut newest = None;
        for candidate in candidates.iter().filter(in_group) {
            let (offer, method) = (&self.offers[candidate.offer], candidate.method);
            if method.since <= offer.announced() {
                return Ok(Found {
                    service: offer.service(),
                    method,
                    handler: Arc::clone(offer.handler()),
                    pace: Arc::clone(&candidate.pace),
                    gate: Arc::clone(&candidate.gate),
                    filtered: candidate.filtered.clone(),
                    kept: Arc::clone(&candidate.kept),
                });
            }
            newest.get_or_insert((offer.announced(), method));
        }
        Err(match newest {
            Some((announced, method)) => too_new(method, announced),
            None => self.no_group(candidates, group),
        })
    }

    fn no_group(&self, candidates: &[Candidate], group: &str) -> Status {
        let groups: BTreeSet<_> = candidates
            .iter()
            .map(|candidate| self.offers[candidate.offer].group_name())
            .collect();
        let groups = list(groups.into_iter());
        let service = candidates
            .first()
            .map_or("", |candidate| self.offers[candidate.offer].service().name);
        let wanted = if group.is_empty() {
            "its default group".to_owned()
        } else {
            format!("group `{}`", printable(group))
        };
        unimplemented(format!(
            "{service} is not offered in {wanted} here; it is in {groups}"
        ))
    }

    /// Nothing has the path: says how near it comes to what there is.
    fn no_method(&self, path: &str) -> Status {
        let (service, method) = path.rsplit_once('/').unwrap_or((path, ""));
        let methods: BTreeSet<_> = self
            .methods
            .keys()
            .filter_map(|known| known.rsplit_once('/'))
            .filter(|(known, _)| *known == service)
            .map(|(_, method)| method)
            .collect();
        if !methods.is_empty() {
            return unimplemented(format!(
                "no method `{}` on {} here; it has {}",
                printable(method),
                printable(service),
                list(methods.into_iter())
            ));
        }
        let services: BTreeSet<_> = self
            .methods
            .keys()
            .filter_map(|known| known.rsplit_once('/'))
            .map(|(service, _)| service)
            .collect();
        unimplemented(if services.is_empty() {
            format!("no service {} here; there is none", printable(service))
        } else {
            format!(
                "no service {} here; there is {}",
                printable(service),
                list(services.into_iter())
            )
        })
    }
}

fn unimplemented(message: String) -> Status {
    Status::unimplemented(message).not_started()
}

fn too_new(method: &MethodDescriptor, announced: Release) -> Status {
    unimplemented(format!(
        "{} is there since release {}, and this server announces {announced}",
        method.path, method.since
    ))
}

/// The most names in one message.
const LISTED: usize = 12;

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (index, name) in names.enumerate() {
        if index == LISTED {
            text.push_str(", …");
            break;
        }
        let comma = if index == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{name}");
    }
    text
}

/// A text that a peer made up, so that it cannot forge a line of a log.
fn printable(text: &str) -> String {
    text.chars()
        .take(128)
        .flat_map(char::escape_default)
        .collect()
}
