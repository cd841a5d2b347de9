//! What a document says of where calls go: rules, and weights.

use std::sync::Arc;

use crate::balance;
use crate::metadata::Metadata;
use crate::random;
use crate::registry::{Instance, MAX_WEIGHT};

use super::matching::{CallCondition, CallFacts, InstanceCondition};
use super::words::Share;

/// A rule on where calls go. The first one that takes a call decides.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Rule {
    /// What people call it: in errors, and what its share is drawn by.
    pub name: Option<Box<str>>,
    /// The calls; all of them if it says nothing.
    pub when: Option<CallCondition>,
    /// The instances that they go to.
    pub to: InstanceCondition,
    /// The part of the calls that goes there. The others keep away from there.
    pub share: Share,
    /// The key of the metadata whose value decides who is in that part; chance does where there is none.
    pub by: Option<Box<str>>,
    /// What becomes of its calls where no such instance can take them.
    pub otherwise: Otherwise,
    /// The document that it is of, and which one there: `shop.Orders rule[0]`.
    pub place: Arc<str>,
}

/// What becomes of calls where none of a rule's instances can take them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Otherwise {
    /// They go to the others.
    #[default]
    Others,
    /// They fail.
    Fail,
}

impl Rule {
    /// Whether a call is in the part that the rule takes. `chance` is of [0, 1).
    fn draws(&self, metadata: &Metadata, chance: impl FnOnce() -> f64) -> bool {
        if self.share.part() >= 1.0 {
            return true;
        }
        let value = self.by.as_deref().and_then(|key| metadata.text(key));
        let drawn = match value {
            // Everybody who hashes a value comes to the same, and rules draw apart from each other.
            Some(value) => {
                let drawn_by = format!("{}\0{value}", self.salt());
                random::unit(balance::of_bytes(drawn_by.as_bytes()))
            }
            None => chance(),
        };
        drawn < self.share.part()
    }

    fn salt(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None => self.to.text(),
        }
    }
}

/// What a document says of the weight of instances. The first one that holds of an instance decides.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Weighing {
    /// The instances.
    pub of: InstanceCondition,
    /// Their weight.
    pub weight: Weight,
}

/// A weight, or a part of the one that is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weight {
    /// This.
    Fixed(u32),
    /// This part of what it has; 1 at least if it is anything.
    Part(Share),
}

/// The weight of an instance under these.
pub fn weigh(weighings: &[Arc<Weighing>], instance: &Instance) -> u32 {
    // Who was taken out by hand, or takes itself out, stays out.
    if instance.weight == 0 {
        return 0;
    }
    let found = weighings.iter().find(|one| one.of.admits(instance));
    match found.map(|one| one.weight) {
        None => instance.weight,
        Some(Weight::Fixed(weight)) => weight.min(MAX_WEIGHT),
        Some(Weight::Part(share)) if share.part() <= 0.0 => 0,
        Some(Weight::Part(share)) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a part of a weight, which is none below 0"
            )]
            let part = (f64::from(instance.weight) * share.part()).round() as u32;
            part.max(1)
        }
    }
}

/// The rules that may take calls of one method.
#[derive(Clone, Debug, Default)]
pub struct Routing {
    rules: Vec<Candidate>,
}

#[derive(Clone, Debug)]
struct Candidate {
    rule: Arc<Rule>,
    /// Its condition holds of every call.
    always: bool,
}

/// The most rules that decide together: those of one document, twice.
pub(super) const MAX_RULES: usize = 32;

/// What the rules decide of a call: of those of a [`Routing`], by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decision {
    /// The rule whose instances it goes to.
    to: Option<u8>,
    /// The rules whose instances it keeps away from, one bit each.
    without: u64,
}

impl Decision {
    /// Whether the rules leave the call as it is.
    pub fn is_free(self) -> bool {
        self == Self::default()
    }
}

impl Routing {
    /// Those among `rules` that may take calls of which this is known; the metadata and the groups of a call are not known
    /// before it is made.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Arc<Rule>>, known: CallFacts<'_>) -> Self {
        let known = CallFacts {
            groups: None,
            metadata: None,
            ..known
        };
        let mut routing = Self::default();
        for rule in rules {
            let holds = rule
                .when
                .as_ref()
                .map_or(Some(true), |when| when.holds(&known));
            if holds == Some(false) || routing.rules.len() == 2 * MAX_RULES {
                continue;
            }
            let always = holds == Some(true);
            routing.rules.push(Candidate {
                rule: Arc::clone(rule),
                always,
            });
            if always && rule.share.part() >= 1.0 {
                // Nothing comes behind it.
                break;
            }
        }
        routing
    }

    /// Whether no rule takes any call.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What is decided of every call, if that is the same.
    pub fn always(&self) -> Option<Decision> {
        match self.rules.first() {
            None => Some(Decision::default()),
            Some(first) if first.always && first.rule.share.part() >= 1.0 => Some(Decision {
                to: Some(0),
                without: 0,
            }),
            Some(_) => None,
        }
    }

    /// What is decided of this call. `chance` draws from [0, 1).
    pub fn decide(&self, facts: &CallFacts<'_>, mut chance: impl FnMut() -> f64) -> Decision {
        const NOTHING: Metadata = Metadata::new();
        let nothing = NOTHING;
        let mut decision = Decision::default();
        for (index, one) in (0_u8..).zip(&self.rules) {
            let when = one.rule.when.as_ref();
            let takes = one.always || when.is_none_or(|when| when.holds(facts) == Some(true));
            if !takes {
                continue;
            }
            let metadata = facts.metadata.unwrap_or(&nothing);
            if one.rule.draws(metadata, &mut chance) {
                decision.to = Some(index);
                break;
            }
            decision.without |= 1 << index;
        }
        decision
    }

    /// The rule whose instances a call goes to.
    pub fn rule(&self, decision: Decision) -> Option<&Arc<Rule>> {
        let index = decision.to?;
        Some(&self.rules.get(usize::from(index))?.rule)
    }

    /// How good an instance is for a call: 0 is best, `None` is not at all.
    pub fn rank(&self, decision: Decision, instance: &Instance) -> Option<u8> {
        let avoided = (0..).zip(&self.rules).any(|(index, one)| {
            decision.without & (1 << index) != 0 && one.rule.to.admits(instance)
        });
        match self.rule(decision) {
            Some(rule) if !rule.to.admits(instance) => match rule.otherwise {
                Otherwise::Others => Some(2 + u8::from(avoided)),
                Otherwise::Fail => None,
            },
            _ => Some(u8::from(avoided)),
        }
    }
}

/// The largest rank.
pub const WORST_RANK: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Arc<Rule> {
        let document = super::super::Document::parse("S", text).unwrap();
        Arc::clone(&document.rules[0])
    }

    fn instance(id: &str, version: &str) -> Instance {
        let mut instance = Instance::new(id, "S");
        instance.tags.insert("version".into(), version.into());
        instance
    }

    #[test]
    fn a_share_goes_there_and_the_rest_keeps_away() {
        let rules = [
            rule("[[rule]]\nto = 'tag.version = b'\nshare = '10%'"),
            rule("[[rule]]\nto = 'tag.version = c'\nshare = '50%'"),
        ];
        let routing = Routing::new(&rules, CallFacts::default());
        assert_eq!(routing.always(), None);
        let ranks = |chances: &[f64]| {
            let mut chances = chances.iter().copied();
            let decision = routing.decide(&CallFacts::default(), || chances.next().unwrap());
            ["a", "b", "c"].map(|version| routing.rank(decision, &instance("i", version)))
        };
        assert_eq!(ranks(&[0.05]), [Some(2), Some(0), Some(2)]);
        assert_eq!(ranks(&[0.5, 0.4]), [Some(2), Some(3), Some(0)]);
        assert_eq!(ranks(&[0.5, 0.6]), [Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn a_value_of_the_metadata_always_draws_the_same() {
        let rules = |share: &str| {
            [rule(&format!(
                "[[rule]]\nname = 'canary'\nto = 'tag.version = b'\nshare = '{share}'\nby = 'metadata.user'"
            ))]
        };
        let drawn = |share: &str| -> Vec<u32> {
            let rules = rules(share);
            let routing = Routing::new(&rules, CallFacts::default());
            let takes = |user: &u32| {
                let mut metadata = Metadata::new();
                metadata.append("user", user.to_string()).unwrap();
                let facts = CallFacts {
                    metadata: Some(&metadata),
                    ..CallFacts::default()
                };
                let decision = routing.decide(&facts, || unreachable!("the user decides"));
                routing.rule(decision).is_some()
            };
            (0..2_000).filter(takes).collect()
        };
        let (few, more) = (drawn("5%"), drawn("10%"));
        assert!((60..140).contains(&few.len()), "{}", few.len());
        assert!((150..250).contains(&more.len()), "{}", more.len());
        assert!(few.iter().all(|user| more.contains(user)));
    }

    #[test]
    fn what_does_not_depend_on_the_call_is_decided_beforehand() {
        let strict =
            rule("[[rule]]\nwhen = 'method = get*'\nto = 'tag.version = b'\notherwise = 'fail'");
        let tenant = rule("[[rule]]\nwhen = 'metadata.tenant = acme'\nto = 'tag.version = c'");
        let rules = [strict, tenant];
        let of = |method| {
            let known = CallFacts {
                method,
                ..CallFacts::default()
            };
            Routing::new(&rules, known)
        };
        let get = of("get_all");
        let decision = get.always().unwrap();
        assert_eq!(get.rank(decision, &instance("i", "b")), Some(0));
        assert_eq!(get.rank(decision, &instance("i", "a")), None);
        assert_eq!(of("place").always(), None);
        assert!(Routing::new(&rules[..1], CallFacts::default()).is_empty());
    }

    #[test]
    fn weights_are_set_or_scaled_and_who_is_out_stays_out() {
        let text = r#"
            [[weight]]
            of = "tag.version = b"
            weight = "25%"
            [[weight]]
            of = "id = x"
            weight = 7
        "#;
        let weights = super::super::Document::parse("S", text).unwrap().weights;
        let of = |id: &str, version: &str, weight: u32| {
            let mut instance = instance(id, version);
            instance.weight = weight;
            weigh(&weights, &instance)
        };
        assert_eq!(
            [of("x", "b", 100), of("x", "a", 100), of("y", "a", 100)],
            [25, 7, 100]
        );
        assert_eq!([of("y", "b", 1), of("x", "a", 0)], [1, 0]);
    }
}
