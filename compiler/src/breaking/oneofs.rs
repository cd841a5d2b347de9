//! Which fields exclude one another.

use super::fields::{Match, matched, written};
use super::witness::Side;
use super::{Compare, Draft, Verdict};
use crate::diagnostic::Code;
use crate::model::{Field, FieldShape, Message};

/// An old field with what it became, where each holds one value.
struct Pair<'a> {
    old: &'a Field,
    new: &'a Field,
}

impl<'a> Compare<'a> {
    /// Fields that joined or left a oneof.
    pub(super) fn oneofs(&self, old: &'a Message, new: &'a Message) -> Vec<Verdict> {
        let single = |field: &Field| {
            matches!(
                field.shape,
                FieldShape::Singular(_) | FieldShape::Optional(_)
            )
        };
        let mut pairs = Vec::new();
        for field in &old.fields {
            if let Match::Field(found) = matched(old, new, field)
                && single(field)
                && single(found)
            {
                pairs.push(Pair {
                    old: field,
                    new: found,
                });
            }
        }
        let mut verdicts = Vec::new();
        let name = |message: &'a Message, field: &Field| {
            let oneof = field.oneof.and_then(|place| message.oneofs.get(place));
            oneof.map(|oneof| &*oneof.name)
        };
        for pair in &pairs {
            // Who stays where it was is told of by those that come and go.
            if name(old, pair.old) == name(new, pair.new) {
                continue;
            }
            let partner = |was: bool| {
                pairs.iter().find(|other| {
                    other.old.number != pair.old.number
                        && together(pair.old, other.old) == was
                        && together(pair.new, other.new) != was
                })
            };
            if let Some(other) = partner(false) {
                verdicts.push(self.joined(old, new, pair, Some(other)));
            } else if let Some(other) = partner(true) {
                verdicts.push(self.left(old, new, pair, Some(other)));
            } else {
                match (pair.old.oneof, pair.new.oneof) {
                    (None, Some(_)) => verdicts.push(self.joined(old, new, pair, None)),
                    (Some(_), None) => verdicts.push(self.left(old, new, pair, None)),
                    _ => {}
                }
            }
        }
        for (place, oneof) in old.oneofs.iter().enumerate() {
            let mut members = pairs.iter().filter(|pair| pair.old.oneof == Some(place));
            let now = members.next().and_then(|pair| pair.new.oneof);
            let now = now.and_then(|place| new.oneofs.get(place));
            if let Some(now) = now
                && now.name != oneof.name
            {
                verdicts.push(
                    Draft::new(
                        Code::OneofRenamed,
                        format!("the oneof `{}` has another name", oneof.name),
                    )
                    .source()
                    .old(oneof.span, format!("it was `{}`", oneof.name))
                    .new_at(now.span, format!("it is `{}`", now.name))
                    .help("call it as before, or accept that code which uses it must change")
                    .verdict(),
                );
            }
        }
        verdicts
    }

    fn joined(
        &self,
        old: &'a Message,
        new: &'a Message,
        pair: &Pair<'a>,
        other: Option<&Pair<'a>>,
    ) -> Verdict {
        let mut draft = Draft::new(
            Code::JoinedOneof,
            format!("the field `{}` is part of a oneof now", pair.old.name),
        )
        .source()
        .old(pair.old.span, "it stood for itself");
        draft = match other {
            Some(other) => {
                let witness = self.both(old, new).both(Side::Old, pair.old, other.old);
                draft
                    .wire(self.reach.misread(&old.name, true, true), witness)
                    .new_at(
                        pair.new.span,
                        format!("it and `{}` exclude one another", other.new.name),
                    )
            }
            None => draft.new_at(pair.new.span, "it excludes the other members"),
        };
        draft
            .help(format!(
                "take it out of the oneof, `{};`, and put a field with another number there",
                written(pair.old)
            ))
            .verdict()
    }

    fn left(
        &self,
        old: &'a Message,
        new: &'a Message,
        pair: &Pair<'a>,
        other: Option<&Pair<'a>>,
    ) -> Verdict {
        let mut draft = Draft::new(
            Code::LeftOneof,
            format!("the field `{}` is part of its oneof no more", pair.old.name),
        )
        .source()
        .new_at(pair.new.span, "it stands for itself");
        let explicit = super::types::is_explicit(pair.new);
        let zero = || {
            let given = super::fields::zero(super::witness::ty(&pair.old.shape));
            self.both(old, new).given(Side::Old, pair.old, &[given])
        };
        let dropped = if explicit { None } else { zero() };
        draft = match other {
            Some(other) => {
                let witness = self.both(old, new).both(Side::New, pair.new, other.new);
                let misread = self.reach.misread(&old.name, dropped.is_some(), true);
                draft.wire(misread, witness).old(
                    pair.old.span,
                    format!("it and `{}` excluded one another", other.old.name),
                )
            }
            None => draft
                .wire(self.reach.misread(&old.name, true, true), dropped)
                .old(pair.old.span, "it was a member of a oneof"),
        };
        draft
            .help("put it back into the oneof: readers of the old contract keep only the last member that they meet")
            .verdict()
    }
}

fn together(one: &Field, other: &Field) -> bool {
    one.oneof.is_some() && one.oneof == other.oneof
}
