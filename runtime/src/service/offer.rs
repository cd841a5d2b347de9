//! One service as one server offers it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::Handler;
use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::filter::{Filter, Filters};
use crate::governance::Settings;
use crate::link::Placement;
use crate::release::Release;

/// The group of a service whose contract names none.
const DEFAULT_GROUP: &str = "default";

/// The weight of an instance that says nothing of it: small enough to leave room both ways.
const DEFAULT_WEIGHT: u32 = 100;

/// A service, who answers its calls, and what the registry says of it.
#[derive(Clone)]
pub struct Offer {
    service: &'static ServiceDescriptor,
    handler: Arc<dyn Handler>,
    group: String,
    release: Release,
    weight: u32,
    zone: Option<String>,
    tags: BTreeMap<String, String>,
    placement: Placement,
    /// By the name of the method.
    placements: BTreeMap<String, Placement>,
    settings: Option<Arc<Settings>>,
    /// By the name of the method.
    method_settings: BTreeMap<String, Arc<Settings>>,
    filters: Filters,
}

impl Offer {
    /// Offers `service` at its newest release, in the first of its groups.
    pub fn new(service: &'static ServiceDescriptor, handler: impl Handler) -> Self {
        Self {
            service,
            handler: Arc::new(handler),
            group: service
                .groups
                .first()
                .copied()
                .unwrap_or(DEFAULT_GROUP)
                .into(),
            release: service.release,
            weight: DEFAULT_WEIGHT,
            zone: None,
            tags: BTreeMap::new(),
            placement: Placement::default(),
            placements: BTreeMap::new(),
            settings: None,
            method_settings: BTreeMap::new(),
            filters: Filters::default(),
        }
    }

    /// In which group; checked against the contract when the server starts.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = group.into();
        self
    }

    /// At which release: an older one of the same major, when what it added is not to be used yet.
    pub fn release(mut self, release: Release) -> Self {
        self.release = release;
        self
    }

    /// How much traffic, in proportion to the other instances. 100 unless set; 0 takes none.
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Where it runs; clients prefer their own zone.
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// Something that rules may route by.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Where its calls run: [`Placement::Learned`] unless set.
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Where calls of one method run, by the name that it has in the contract; that there is such a method is checked when
    /// the server starts.
    pub fn method_placement(mut self, method: impl Into<String>, placement: Placement) -> Self {
        self.placements.insert(method.into(), placement);
        self
    }

    /// How its calls are treated here: what the program says of all of its methods, in the place of what it said before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = Some(Arc::new(settings));
        self
    }

    /// How calls of one method are treated here, by the name that it has in the contract; that there is such a method is
    /// checked when the server starts.
    pub fn method_settings(mut self, method: impl Into<String>, settings: Settings) -> Self {
        self.method_settings
            .insert(method.into(), Arc::new(settings));
        self
    }

    /// Has its calls go through this filter: inside those of the [server](crate::Server::filter) and those that were added
    /// before.
    pub fn filter(mut self, filter: impl Filter) -> Self {
        self.filters = self.filters.with(filter);
        self
    }

    pub(crate) fn filters(&self) -> &Filters {
        &self.filters
    }

    pub(crate) fn service(&self) -> &'static ServiceDescriptor {
        self.service
    }

    pub(crate) fn handler(&self) -> &Arc<dyn Handler> {
        &self.handler
    }

    pub(crate) fn group_name(&self) -> &str {
        &self.group
    }

    pub(crate) fn announced(&self) -> Release {
        self.release
    }

    pub(crate) fn weight_set(&self) -> u32 {
        self.weight
    }

    pub(crate) fn zone_set(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    pub(crate) fn tags_set(&self) -> &BTreeMap<String, String> {
        &self.tags
    }

    pub(crate) fn placement_of(&self, method: &MethodDescriptor) -> Placement {
        let own = self.placements.get(method.name);
        own.copied().unwrap_or(self.placement)
    }

    pub(crate) fn settings_set(&self) -> Option<&Arc<Settings>> {
        self.settings.as_ref()
    }

    pub(crate) fn settings_of(&self, method: &MethodDescriptor) -> Option<&Arc<Settings>> {
        self.method_settings.get(method.name)
    }

    /// What the contract has against it, if anything.
    pub(crate) fn objection(&self) -> Option<String> {
        let Self { service, group, .. } = self;
        let groups = if service.groups.is_empty() {
            &[DEFAULT_GROUP]
        } else {
            service.groups
        };
        if group.is_empty() {
            return Some(format!("{}: a group has a name", service.name));
        }
        if !service.open_groups && !groups.contains(&group.as_str()) {
            return Some(format!(
                "{} has no group `{group}`; its contract names {}",
                service.name,
                groups.join(", ")
            ));
        }
        if !service.releases.contains(&self.release) && self.release != service.release {
            let listed: Vec<_> = service.releases.iter().map(ToString::to_string).collect();
            return Some(format!(
                "{} has no release {}; its contract lists {}",
                service.name,
                self.release,
                listed.join(", ")
            ));
        }
        let unknown = |name: &&String| service.methods.iter().all(|method| method.name != **name);
        let mut named = self.placements.keys().chain(self.method_settings.keys());
        if let Some(name) = named.find(unknown) {
            let names: Vec<_> = service.methods.iter().map(|method| method.name).collect();
            return Some(format!(
                "{} has no method `{name}`; it has {}",
                service.name,
                names.join(", ")
            ));
        }
        None
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} in group {}",
            self.service.name, self.release, self.group
        )
    }
}
