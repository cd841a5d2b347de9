//! Conditions of calls and of instances: what may be asked of each.

use std::fmt;
use std::str::FromStr;

use crate::metadata::{Metadata, Value};
use crate::registry::Instance;
use crate::release::{Release, ReleaseRange};

use super::condition::{Condition, Pattern, Relation, Written, Wrong, parse};

/// A condition that cannot be read: at which byte, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCondition(Wrong);

impl InvalidCondition {
    /// The byte of the condition where it goes wrong.
    pub fn at(&self) -> usize {
        self.0.at
    }
}

impl fmt::Display for InvalidCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}: {}", self.0.at + 1, self.0.why)
    }
}

impl std::error::Error for InvalidCondition {}

/// Which instances are meant: `tag.version = canary and zone != west`.
///
/// May ask for `id`, `address`, `group`, `zone`, `release` and `tag.NAME`. What an instance does not have is like no text.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceCondition {
    text: Box<str>,
    condition: Condition<InstanceTest>,
}

#[derive(Clone, Debug, PartialEq)]
enum InstanceTest {
    Text(Attribute, Texts),
    Release { within: Vec<Within>, is: bool },
}

/// Releases that are meant.
#[derive(Clone, Debug, PartialEq)]
enum Within {
    Range(ReleaseRange),
    Than(Relation, Release),
}

impl Within {
    fn contains(&self, release: Release) -> bool {
        match self {
            Self::Range(range) => range.contains(release),
            Self::Than(relation, other) => match relation {
                Relation::Less => release < *other,
                Relation::AtMost => release <= *other,
                Relation::More => release > *other,
                Relation::AtLeast => release >= *other,
                Relation::Is => release == *other,
                Relation::IsNot => release != *other,
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Attribute {
    Id,
    Address,
    Group,
    Zone,
    Tag(String),
}

/// Whether a text is one of these, or none of these.
#[derive(Clone, Debug, PartialEq)]
struct Texts {
    any: Vec<Pattern>,
    is: bool,
}

impl Texts {
    fn of(written: &Written) -> Result<Self, Wrong> {
        let is = match written.relation {
            Relation::Is => true,
            Relation::IsNot => false,
            other => {
                return Err(written.wrong(format!(
                    "`{other}` is for releases: compare `{}` by `=` or `!=`",
                    written.subject
                )));
            }
        };
        let any = written.values.iter().map(|(_, text)| Pattern::new(text));
        Ok(Self {
            any: any.collect(),
            is,
        })
    }

    /// Whether it holds of somebody who has these.
    fn hold<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let found = texts
            .into_iter()
            .any(|text| self.any.iter().any(|pattern| pattern.fits(text)));
        found == self.is
    }
}

fn releases(written: &Written) -> Result<InstanceTest, Wrong> {
    let within = |(at, text): &(usize, String)| {
        let within = match written.relation {
            Relation::Is | Relation::IsNot => text.parse().map(Within::Range),
            relation => text.parse().map(|release| Within::Than(relation, release)),
        };
        within.map_err(|error| Wrong {
            at: *at,
            why: error.to_string(),
        })
    };
    Ok(InstanceTest::Release {
        within: written
            .values
            .iter()
            .map(within)
            .collect::<Result<_, _>>()?,
        is: written.relation != Relation::IsNot,
    })
}

impl InstanceTest {
    fn of(written: &Written) -> Result<Self, Wrong> {
        let attribute = match written.subject.as_str() {
            "release" => return releases(written),
            "id" => Attribute::Id,
            "address" => Attribute::Address,
            "group" => Attribute::Group,
            "zone" => Attribute::Zone,
            other => match other.strip_prefix("tag.") {
                Some(tag) => Attribute::Tag(tag.to_owned()),
                None => {
                    return Err(written.wrong(format!(
                        "an instance has no `{other}`: there is id, address, group, zone, release, tag.NAME"
                    )));
                }
            },
        };
        Ok(Self::Text(attribute, Texts::of(written)?))
    }

    fn holds(&self, instance: &Instance) -> bool {
        match self {
            Self::Text(attribute, texts) => match attribute {
                Attribute::Id => texts.hold([&*instance.id]),
                Attribute::Address => texts.hold(instance.addresses.iter().map(|at| &**at)),
                Attribute::Group => texts.hold([&*instance.group]),
                Attribute::Zone => texts.hold(instance.zone.as_deref()),
                Attribute::Tag(tag) => texts.hold(instance.tags.get(tag).map(|value| &**value)),
            },
            // One that names no release is believed to serve any.
            Self::Release { within, is } => {
                let fits = |release| within.iter().any(|range| range.contains(release));
                let releases = &instance.releases;
                (releases.is_empty() || releases.iter().any(|release| fits(*release))) == *is
            }
        }
    }
}

impl InstanceCondition {
    /// Whether it holds of this instance.
    pub fn admits(&self, instance: &Instance) -> bool {
        let holds = self
            .condition
            .holds(&mut |test: &InstanceTest| Some(test.holds(instance)));
        holds == Some(true)
    }

    /// Whether it asks for a group: then it chooses among groups.
    pub fn names_group(&self) -> bool {
        let mut names = false;
        self.condition.tests(&mut |test| {
            names |= matches!(test, InstanceTest::Text(Attribute::Group, _));
        });
        names
    }
}

/// Which calls are meant: `method = get* and metadata.tenant = acme`.
///
/// May ask for `method`, `group` (the one that is called), `zone` (the caller's) and `metadata.NAME`. What a call does not
/// have is like no text.
#[derive(Clone, Debug, PartialEq)]
pub struct CallCondition {
    text: Box<str>,
    condition: Condition<CallTest>,
}

#[derive(Clone, Debug, PartialEq)]
struct CallTest {
    property: Property,
    texts: Texts,
}

#[derive(Clone, Debug, PartialEq)]
enum Property {
    Method,
    Group,
    Zone,
    Metadata(String),
}

/// What is known of a call; what is not is `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallFacts<'a> {
    /// The name of the method.
    pub method: &'a str,
    /// The zone of the caller; empty where it has none.
    pub zone: &'a str,
    /// The groups that may answer; none where whichever may.
    pub groups: Option<&'a [&'a str]>,
    /// What it carries.
    pub metadata: Option<&'a Metadata>,
}

impl CallTest {
    fn of(written: &Written) -> Result<Self, Wrong> {
        let property = match written.subject.as_str() {
            "method" => Property::Method,
            "group" => Property::Group,
            "zone" => Property::Zone,
            other => match other.strip_prefix("metadata.") {
                Some(key) => {
                    Property::Metadata(metadata_key(key).map_err(|why| written.wrong(why))?)
                }
                None => {
                    return Err(written.wrong(format!(
                        "a call has no `{other}`: there is method, group, zone, metadata.NAME"
                    )));
                }
            },
        };
        Ok(Self {
            property,
            texts: Texts::of(written)?,
        })
    }

    fn holds(&self, facts: &CallFacts<'_>) -> Option<bool> {
        let texts = &self.texts;
        Some(match &self.property {
            Property::Method => texts.hold([facts.method]),
            Property::Zone => texts.hold(Some(facts.zone).filter(|zone| !zone.is_empty())),
            Property::Group => texts.hold(facts.groups?.iter().copied()),
            Property::Metadata(key) => {
                let values = facts.metadata?.all(key).filter_map(|value| match value {
                    Value::Text(text) => Some(&**text),
                    Value::Binary(_) => None,
                });
                texts.hold(values)
            }
        })
    }
}

/// A key that metadata may have.
pub(super) fn metadata_key(key: &str) -> Result<String, String> {
    match Metadata::new().append(key.to_owned(), "") {
        Ok(()) => Ok(key.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

impl CallCondition {
    /// Whether it holds of this call; `None` if that depends on what is not known.
    pub fn holds(&self, facts: &CallFacts<'_>) -> Option<bool> {
        self.condition
            .holds(&mut |test: &CallTest| test.holds(facts))
    }

    /// The names of methods that it asks for, `*` in them as it was written.
    pub(super) fn methods(&self) -> Vec<Pattern> {
        let mut methods = Vec::new();
        self.condition.tests(&mut |test| {
            if matches!(test.property, Property::Method) {
                methods.extend(test.texts.any.iter().cloned());
            }
        });
        methods
    }
}

macro_rules! textual {
    ($($kind:ident: $test:ident,)*) => {$(
        impl $kind {
            /// As it was written.
            pub fn text(&self) -> &str {
                &self.text
            }
        }

        impl FromStr for $kind {
            type Err = InvalidCondition;

            fn from_str(text: &str) -> Result<Self, InvalidCondition> {
                let condition = parse(text, &$test::of).map_err(InvalidCondition)?;
                Ok(Self { text: text.into(), condition })
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }
    )*};
}

textual! {
    CallCondition: CallTest,
    InstanceCondition: InstanceTest,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance() -> Instance {
        let mut instance = Instance::new("a1", "shop.Orders");
        instance.addresses = vec!["tcp://10.0.0.1:7000".into()];
        instance.group = "wholesale".into();
        instance.zone = Some("west".into());
        instance.releases = vec!["1.2".parse().unwrap(), "2.0".parse().unwrap()];
        instance.tags.insert("version".into(), "canary".into());
        instance
    }

    #[test]
    fn instances_are_told_by_everything_that_they_list() {
        let admits = |text: &str| {
            text.parse::<InstanceCondition>()
                .unwrap()
                .admits(&instance())
        };
        for text in [
            "any",
            "id = a1",
            "address = tcp://10.0.0.*",
            "group in (retail, wholesale)",
            "zone = west and tag.version = canary",
            "zone != east",
            "tag.other != x",
            "release = 1.2",
            "release >= 2.0",
            "release = '>=1.1, <2'",
            "not release = 3.0",
        ] {
            assert!(admits(text), "{text}");
        }
        for text in [
            "id = a2",
            "tag.other = *",
            "zone not in (west, north)",
            "release > 2.0",
            "release != 1.2",
        ] {
            assert!(!admits(text), "{text}");
        }
        let mut unknown = instance();
        unknown.releases.clear();
        assert!(
            "release = 9.9"
                .parse::<InstanceCondition>()
                .unwrap()
                .admits(&unknown)
        );
    }

    #[test]
    fn calls_are_told_by_what_is_known_of_them() {
        let mut metadata = Metadata::new();
        metadata.append("tenant", "acme").unwrap();
        metadata.append("tenant", "initech").unwrap();
        let early = CallFacts {
            method: "get",
            zone: "west",
            ..CallFacts::default()
        };
        let late = CallFacts {
            metadata: Some(&metadata),
            groups: Some(&["default"]),
            ..early
        };
        let holds = |text: &str| {
            let condition = text.parse::<CallCondition>().unwrap();
            (condition.holds(&early), condition.holds(&late))
        };
        assert_eq!(holds("method = get*"), (Some(true), Some(true)));
        assert_eq!(
            holds("method = place and metadata.tenant = acme"),
            (Some(false), Some(false))
        );
        assert_eq!(holds("metadata.tenant = initech"), (None, Some(true)));
        assert_eq!(holds("metadata.tenant != acme"), (None, Some(false)));
        assert_eq!(holds("metadata.user = *"), (None, Some(false)));
        assert_eq!(holds("group = default and zone = west"), (None, Some(true)));
    }

    #[test]
    fn what_nobody_has_is_told_what_there_is() {
        let of_instance = |text: &str| text.parse::<InstanceCondition>().unwrap_err().to_string();
        let of_call = |text: &str| text.parse::<CallCondition>().unwrap_err().to_string();
        insta::assert_snapshot!(of_instance("zone = west and zon = west"), @"character 17: an instance has no `zon`: there is id, address, group, zone, release, tag.NAME");
        insta::assert_snapshot!(of_instance("zone >= west"), @"character 1: `>=` is for releases: compare `zone` by `=` or `!=`");
        insta::assert_snapshot!(of_instance("release >= one"), @"character 12: `one` is no release: write `1.1`, a range such as `>=1.1, <2`, or `*`");
        insta::assert_snapshot!(of_call("tenant = acme"), @"character 1: a call has no `tenant`: there is method, group, zone, metadata.NAME");
        insta::assert_snapshot!(of_call("metadata.Tenant = acme"), @"character 1: metadata `Tenant`: a key holds only a-z 0-9 . _ -");
    }
}
