//! Which instances may take a call, by group and release. Pure: a snapshot in, lists of instances out.
//!
//! Knows no load, no health and no connection: those decide later, among the instances chosen here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::registry::{Freshness, Instance, Snapshot};
use crate::release::{Release, ReleaseRange};
use crate::status::{Phase, Status};

/// How many kinds of live instances an error lists: enough to see the mistake, few enough to read.
const SHOWN: usize = 8;

/// Which groups a call goes to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupChoice {
    /// This one.
    One(Arc<str>),
    /// The first of these that can take it.
    Preferred(Arc<[Arc<str>]>),
    /// Whichever; instances of all groups are alike.
    Any,
    /// Every group, once each; the replies are merged.
    All,
}

impl fmt::Display for GroupChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(group) => write!(f, "group `{group}`"),
            Self::Preferred(groups) if groups.is_empty() => f.write_str("a group of an empty list"),
            Self::Preferred(groups) => {
                f.write_str("group ")?;
                for (index, group) in groups.iter().enumerate() {
                    let before = if index == 0 { "" } else { " or " };
                    write!(f, "{before}`{group}`")?;
                }
                Ok(())
            }
            Self::Any | Self::All => f.write_str("any group"),
        }
    }
}

/// What a call demands of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Demand {
    /// The first release that has the method. An instance of the same major that is not older will do.
    pub since: Release,
    /// Which groups.
    pub groups: GroupChoice,
    /// Which releases, narrowed by the caller.
    pub releases: ReleaseRange,
}

impl Demand {
    /// Any release of its major that has the method.
    pub fn new(since: Release, groups: GroupChoice) -> Self {
        Self {
            since,
            groups,
            releases: ReleaseRange::ANY,
        }
    }

    /// The same, narrowed by the caller.
    #[must_use]
    pub fn within(mut self, releases: ReleaseRange) -> Self {
        self.releases = releases;
        self
    }

    /// Whether an instance serves a release that will do. One that names none is believed to.
    fn admits_release(&self, instance: &Instance) -> bool {
        instance.releases.is_empty()
            || instance.releases.iter().any(|&release| {
                release.major == self.since.major
                    && release >= self.since
                    && self.releases.contains(release)
            })
    }

    /// The releases that will do, as one range.
    fn range(&self) -> ReleaseRange {
        let next_major = Release::new(self.since.major.saturating_add(1), 0);
        let ours = self.releases;
        let (to, to_included) = match ours.to {
            Some(to) if to < next_major => (to, ours.to_included),
            _ => (next_major, false),
        };
        ReleaseRange {
            from: ours.from.max(Some(self.since)),
            to: Some(to),
            to_included,
        }
    }
}

/// Instances of which any one may take the call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// Their group; `None` where they are of several.
    pub group: Option<Arc<str>>,
    /// At least one, by id.
    pub instances: Vec<Arc<Instance>>,
}

/// The instances that may take a call.
///
/// With [`GroupChoice::One`] and [`GroupChoice::Any`] one route; with [`GroupChoice::Preferred`] one per group that
/// has instances, best first; with [`GroupChoice::All`] one per group, by name.
pub fn select(snapshot: &Snapshot, demand: &Demand) -> Result<Vec<Route>, NoInstance> {
    let fitting = || {
        snapshot
            .instances()
            .iter()
            .filter(|instance| demand.admits_release(instance))
    };
    let of_group = |group: &Arc<str>| Route {
        group: Some(Arc::clone(group)),
        instances: fitting()
            .filter(|instance| *instance.group == **group)
            .map(Arc::clone)
            .collect(),
    };
    let mut routes: Vec<Route> = match &demand.groups {
        GroupChoice::One(group) => vec![of_group(group)],
        GroupChoice::Preferred(groups) => {
            let mut seen = BTreeSet::new();
            let first = |group: &&Arc<str>| seen.insert(Arc::clone(group));
            groups.iter().filter(first).map(of_group).collect()
        }
        GroupChoice::Any => vec![Route {
            group: None,
            instances: fitting().map(Arc::clone).collect(),
        }],
        GroupChoice::All => {
            let mut groups: BTreeMap<&str, Vec<Arc<Instance>>> = BTreeMap::new();
            for instance in fitting() {
                groups
                    .entry(&instance.group)
                    .or_default()
                    .push(Arc::clone(instance));
            }
            groups
                .into_iter()
                .map(|(group, instances)| Route {
                    group: Some(group.into()),
                    instances,
                })
                .collect()
        }
    };
    routes.retain(|route| !route.instances.is_empty());
    if routes.is_empty() {
        return Err(NoInstance::new(snapshot, demand));
    }
    Ok(routes)
}

/// No instance may take the call: says what was looked for and what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoInstance {
    service: String,
    wanted: String,
    /// How many instances serve which releases in which group, of the first few kinds; empty where there are none.
    live: String,
    /// Entries that nobody believes, and why of one of them.
    skipped: Option<String>,
    /// Why the registry shows nothing, where it is to blame.
    silence: Option<String>,
}

impl NoInstance {
    fn new(snapshot: &Snapshot, demand: &Demand) -> Self {
        let mut kinds: BTreeMap<(&[Release], &str), usize> = BTreeMap::new();
        for instance in snapshot.instances() {
            let kind = (&*instance.releases, &*instance.group);
            *kinds.entry(kind).or_insert(0) += 1;
        }
        let skipped = snapshot.skipped();
        let entries = match skipped.count {
            1 => "1 entry is".into(),
            count => format!("{count} entries are"),
        };
        let example = skipped.example.as_ref();
        Self {
            service: snapshot.service().into(),
            wanted: format!("{} at release {}", demand.groups, demand.range()),
            live: shown(&kinds),
            skipped: example.map(|example| format!("{entries} not believed, such as {example}")),
            silence: match snapshot.freshness() {
                Freshness::Pending | Freshness::Stored(None) => {
                    Some("the registry has not answered yet".into())
                }
                Freshness::Stale(error) | Freshness::Stored(Some(error)) => Some(error.to_string()),
                Freshness::Current => None,
            },
        }
    }

    /// Whether instances of the service are live that serve another group or release: waiting will hardly help.
    pub fn has_others(&self) -> bool {
        !self.live.is_empty()
    }
}

/// How many instances there are of which kind.
fn shown(kinds: &BTreeMap<(&[Release], &str), usize>) -> String {
    let show = |((releases, group), count): (&(&[Release], &str), &usize)| {
        let names: Vec<_> = releases.iter().map(Release::to_string).collect();
        let releases = if names.is_empty() {
            "any release".into()
        } else {
            names.join(" and ")
        };
        format!("{releases} in {group} ({count})")
    };
    let first: Vec<_> = kinds.iter().take(SHOWN).map(show).collect();
    let mut text = first.join(", ");
    if let Some(more) = kinds.len().checked_sub(SHOWN + 1) {
        text.push_str(" and ");
        text.push_str(&(more + 1).to_string());
        text.push_str(" other kinds");
    }
    text
}

impl fmt::Display for NoInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.service;
        if self.live.is_empty() {
            write!(f, "no instance of {service} is known")?;
        } else {
            let (wanted, live) = (&self.wanted, &self.live);
            write!(f, "no instance of {service} serves {wanted}; live: {live}")?;
        }
        if let Some(skipped) = &self.skipped {
            write!(f, "; {skipped}")?;
        }
        match &self.silence {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NoInstance {}

impl From<NoInstance> for Status {
    fn from(error: NoInstance) -> Self {
        let status = if error.has_others() {
            Self::unimplemented(error.to_string())
        } else {
            Self::unavailable(error.to_string())
        };
        status.in_phase(Phase::Resolve).not_started()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Error, ErrorKind, Feed, Listing};

    /// `id group releases`, one per line.
    fn snapshot(lines: &str) -> Arc<Snapshot> {
        let feed = Feed::new("shop.orders.Orders");
        let watch = feed.watch();
        let mut listing = Listing::default();
        for line in lines.lines() {
            let mut words = line.split_whitespace();
            let mut instance = Instance::new(words.next().unwrap(), "shop.orders.Orders");
            instance.group = words.next().unwrap().into();
            instance.releases = words.map(|word| word.parse().unwrap()).collect();
            listing.instances.push(Arc::new(instance));
        }
        feed.publish(listing);
        watch.borrow()
    }

    const FLEET: &str = "a default 1.0
        b default 1.1
        c wholesale 1.1
        d wholesale 2.0
        e spare 1.0 2.1";

    /// Routes as `group: ids`, or the error.
    fn chosen(lines: &str, since: &str, groups: GroupChoice, releases: &str) -> String {
        let demand = Demand::new(since.parse().unwrap(), groups).within(releases.parse().unwrap());
        match select(&snapshot(lines), &demand) {
            Ok(routes) => {
                let show = |route: &Route| {
                    let ids: Vec<_> = route.instances.iter().map(|one| one.id.as_str()).collect();
                    format!(
                        "{}: {}",
                        route.group.as_deref().unwrap_or("*"),
                        ids.join(" ")
                    )
                };
                routes.iter().map(show).collect::<Vec<_>>().join(", ")
            }
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn check(since: &str, groups: GroupChoice, releases: &str, expect: &str) {
        assert_eq!(chosen(FLEET, since, groups, releases), expect);
    }

    fn one(group: &str) -> GroupChoice {
        GroupChoice::One(group.into())
    }

    fn preferred(groups: &[&str]) -> GroupChoice {
        GroupChoice::Preferred(groups.iter().map(|&group| group.into()).collect())
    }

    #[test]
    fn an_instance_of_the_major_that_is_not_older_than_the_method_takes_the_call() {
        check("1.0", one("default"), "*", "default: a b");
        check("1.1", one("default"), "*", "default: b");
        check("2.0", GroupChoice::Any, "*", "*: d e");
        check("2.1", GroupChoice::Any, "*", "*: e");
    }

    #[test]
    fn a_caller_may_narrow_the_releases() {
        check("1.0", GroupChoice::Any, "1.0", "*: a e");
        check("1.0", GroupChoice::Any, ">=1.1, <2", "*: b c");
        check("1.0", GroupChoice::Any, ">=1.1", "*: b c");
    }

    #[test]
    fn preferred_groups_keep_their_order_and_all_groups_come_by_name() {
        let list = preferred(&["wholesale", "nowhere", "default", "wholesale"]);
        check("1.0", list, "*", "wholesale: c, default: a b");
        check(
            "1.0",
            GroupChoice::All,
            "*",
            "default: a b, spare: e, wholesale: c",
        );
    }

    #[test]
    fn an_instance_that_names_no_release_is_believed_to_serve_any() {
        assert_eq!(
            chosen("a default", "7.3", one("default"), "7.4"),
            "default: a"
        );
    }

    #[test]
    fn where_nobody_serves_the_call_the_error_says_what_is_live() {
        let fail = |groups, since, releases| chosen(FLEET, since, groups, releases);
        insta::assert_snapshot!(fail(one("wholesale"), "1.2", "*"), @"no instance of shop.orders.Orders serves group `wholesale` at release >=1.2, <2.0; live: 1.0 in default (1), 1.0 and 2.1 in spare (1), 1.1 in default (1), 1.1 in wholesale (1), 2.0 in wholesale (1)");
        insta::assert_snapshot!(fail(preferred(&["x", "y"]), "1.0", "*"), @"no instance of shop.orders.Orders serves group `x` or `y` at release >=1.0, <2.0; live: 1.0 in default (1), 1.0 and 2.1 in spare (1), 1.1 in default (1), 1.1 in wholesale (1), 2.0 in wholesale (1)");
        insta::assert_snapshot!(chosen("a default 1.0\nb default 1.0", "1.0", one("default"), "1.1"), @"no instance of shop.orders.Orders serves group `default` at release 1.1; live: 1.0 in default (2)");
        insta::assert_snapshot!(chosen("", "1.0", GroupChoice::Any, "*"), @"no instance of shop.orders.Orders is known");
    }

    #[test]
    fn a_long_list_of_live_instances_is_cut() {
        use std::fmt::Write as _;
        let mut fleet = String::new();
        for minor in 0..20 {
            writeln!(fleet, "i{minor} default 1.{minor}").unwrap();
        }
        let error = chosen(&fleet, "2.0", GroupChoice::Any, "*");
        assert!(error.ends_with(" and 12 other kinds"), "{error}");
    }

    #[test]
    fn entries_that_are_not_believed_are_told_of() {
        let feed = Feed::new("S");
        let watch = feed.watch();
        let mut listing = Listing::default();
        for id in ["a", "b"] {
            listing.read("S", id, b"\x1b[2J");
        }
        feed.publish(listing);
        let demand = Demand::new(Release::new(1, 0), GroupChoice::Any);
        let error = select(&watch.borrow(), &demand).unwrap_err();
        insta::assert_snapshot!(error, @"no instance of S is known; 2 entries are not believed, such as a: no record: expected value at line 1 column 1");
    }

    #[test]
    fn a_silent_registry_is_named_as_the_reason() {
        let feed = Feed::new("S");
        let watch = feed.watch();
        let demand = Demand::new(Release::new(1, 0), GroupChoice::Any);
        let pending = select(&watch.borrow(), &demand).unwrap_err();
        insta::assert_snapshot!(pending, @"no instance of S is known: the registry has not answered yet");
        feed.fail(Error::new(ErrorKind::Unavailable, "file:/run/shop", "gone"));
        let status = Status::from(select(&watch.borrow(), &demand).unwrap_err());
        insta::assert_snapshot!(status, @"unavailable: no instance of S is known: registry `file:/run/shop`: gone (phase resolve)");
    }
}
