//! Field rules: whether what old clients send is still accepted.

use super::fields::{Match, matched};
use super::{Compare, Draft, Party, Verdict};
use crate::diagnostic::Code;
use crate::model::{Bound, Field, FieldShape, FieldType, Message, Rule};
use crate::surface;

impl<'a> Compare<'a> {
    pub(super) fn rules(&self, old: &'a Message, new: &'a Message) -> Vec<Verdict> {
        if !self.reach.is_checked(&old.name) {
            return Vec::new();
        }
        let mut verdicts = Vec::new();
        let mut known = Vec::new();
        for field in &old.fields {
            if let Match::Field(found) | Match::Renumbered(found) = matched(old, new, field) {
                known.push(found.number);
                verdicts.extend(tightened(field, found));
            }
        }
        for field in &new.fields {
            if !known.contains(&field.number) {
                verdicts.extend(refuses_absence(old, field));
            }
        }
        for oneof in new.oneofs.iter().filter(|oneof| oneof.required) {
            let before = old.oneofs.iter().find(|it| it.name == oneof.name);
            if before.is_none_or(|before| !before.required) {
                verdicts.push(
                    Draft::new(
                        Code::RuleTightened,
                        format!("the oneof `{}` must be there now", oneof.name),
                    )
                    .routing([Party::OldClient])
                    .old(
                        before.map_or(old.span, |it| it.span),
                        "nothing had to be there",
                    )
                    .new_at(oneof.span, "one member is required")
                    .help("take `@required` away: old clients may send none, and are refused")
                    .verdict(),
                );
            }
        }
        verdicts
    }
}

/// The first rule that refuses what the old ones let through.
fn tightened(old: &Field, new: &Field) -> Option<Verdict> {
    let rule = new.rules.iter().find(|rule| {
        let mut before = old.rules.iter();
        !before.any(|before| implies(before, rule))
    })?;
    let text = surface::rule_text(rule);
    let same_kind = old
        .rules
        .iter()
        .find(|before| std::mem::discriminant(*before) == std::mem::discriminant(rule));
    let was = same_kind.map_or("without such a rule".to_owned(), |rule| {
        format!("it was `{}`", surface::rule_text(rule))
    });
    Some(
        Draft::new(
            Code::RuleTightened,
            format!("the field `{}` accepts fewer values", new.name),
        )
        .routing([Party::OldClient])
        .old(old.span, was)
        .new_at(new.span, format!("it is `{text}`"))
        .help("leave the rule as it was: old clients may send what it refuses, and get `invalid_argument`")
        .verdict(),
    )
}

/// A new field whose absence a rule refuses: old clients do not send it.
fn refuses_absence(old: &Message, field: &Field) -> Option<Verdict> {
    let rule = field.rules.iter().find(|rule| refuses_zero(field, rule))?;
    Some(
        Draft::new(
            Code::RequiredFieldAdded,
            format!("the new field `{}` must be there", field.name),
        )
        .routing([Party::OldClient])
        .old(old.span, "old clients do not know the field")
        .new_at(
            field.span,
            format!("`{}` refuses what is absent", surface::rule_text(rule)),
        )
        .help("let the rule accept absence: make the field optional, `T?`, or take the rule away")
        .verdict(),
    )
}

fn refuses_zero(field: &Field, rule: &Rule) -> bool {
    if *rule == Rule::Required {
        return true;
    }
    // What is absent and can tell so is not looked at.
    let explicit = field.oneof.is_some()
        || matches!(
            field.shape,
            FieldShape::Optional(_) | FieldShape::Singular(FieldType::Message(_))
        );
    let many = matches!(field.shape, FieldShape::List(_) | FieldShape::Map(..));
    match rule {
        Rule::Len { min, .. } => *min > 0 && !explicit,
        Rule::Range {
            min,
            max,
            max_inclusive,
        } => {
            let below = min.is_some_and(|min| 0.0 < number(min));
            let above =
                max.is_some_and(|max| number(max) < 0.0 || (!max_inclusive && number(max) <= 0.0));
            (below || above) && !explicit && !many
        }
        Rule::OneOfIntegers(choices) => !choices.contains(&0) && !explicit && !many,
        Rule::OneOfStrings(choices) => !choices.iter().any(String::is_empty) && !explicit && !many,
        // Whether it matches nothing at all is for the pattern to know: taken for a no.
        Rule::Pattern(_) => !explicit && !many,
        Rule::Required | Rule::Unique => false,
    }
}

/// Whether every value that fulfils `before` fulfils `after`.
fn implies(before: &Rule, after: &Rule) -> bool {
    match (before, after) {
        (
            Rule::Len {
                min: old_min,
                max: old_max,
            },
            Rule::Len { min, max },
        ) => old_min >= min && max.is_none_or(|max| old_max.is_some_and(|old| old <= max)),
        (_, Rule::Len { min: 0, max: None }) => true,
        (
            Rule::Range {
                min: old_min,
                max: old_max,
                max_inclusive: old_inclusive,
            },
            Rule::Range {
                min,
                max,
                max_inclusive,
            },
        ) => {
            let lower = min.is_none_or(|min| old_min.is_some_and(|old| at_least(old, min)));
            let upper = max.is_none_or(|max| {
                old_max.is_some_and(|old| {
                    if old == max {
                        *max_inclusive || !old_inclusive
                    } else {
                        at_least(max, old)
                    }
                })
            });
            lower && upper
        }
        (Rule::OneOfStrings(old), Rule::OneOfStrings(new)) => {
            old.iter().all(|choice| new.contains(choice))
        }
        (Rule::OneOfIntegers(old), Rule::OneOfIntegers(new)) => {
            old.iter().all(|choice| new.contains(choice))
        }
        (before, after) => before == after,
    }
}

fn at_least(one: Bound, other: Bound) -> bool {
    match (one, other) {
        (Bound::Integer(one), Bound::Integer(other)) => one >= other,
        (Bound::Duration(one), Bound::Duration(other)) => one >= other,
        (one, other) => number(one) >= number(other),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "only compared with zero and with floats"
)]
fn number(bound: Bound) -> f64 {
    match bound {
        Bound::Integer(number) => number as f64,
        Bound::Float(number) => number,
        Bound::Duration(micros) => micros as f64,
    }
}
