//! The fields of a message: gone, renumbered, renamed, of another type, of another presence; numbers given away.

use super::types::{Relation, is_explicit};
use super::witness::{self, Given, Pair, Side};
use super::{Category, Compare, Draft, Party, Verdict, Witness};
use crate::descriptor::json_name;
use crate::diagnostic::Code;
use crate::model::{Field, FieldShape, FieldType, Message, ReservedNumbers, Scalar};
use crate::surface;

/// What became of an old field.
pub(super) enum Match<'a> {
    /// The field of the same name and number, or of the same number where either name is alone.
    Field(&'a Field),
    /// The field of the same name, with another number.
    Renumbered(&'a Field),
    /// Nothing.
    Gone,
}

/// Finds the field that an old one became.
pub(super) fn matched<'a>(old: &Message, new: &'a Message, field: &Field) -> Match<'a> {
    let by_name = new.fields.iter().find(|other| other.name == field.name);
    if let Some(found) = by_name {
        return if found.number == field.number {
            Match::Field(found)
        } else {
            Match::Renumbered(found)
        };
    }
    let by_number = new.fields.iter().find(|other| other.number == field.number);
    match by_number {
        Some(found) if old.fields.iter().all(|other| other.name != found.name) => {
            Match::Field(found)
        }
        _ => Match::Gone,
    }
}

/// Whether the number is reserved.
fn is_reserved(ranges: &[ReservedNumbers], number: i32) -> bool {
    let mut ranges = ranges.iter();
    ranges.any(|range| (range.from..=range.to).contains(&number))
}

/// A field as it is written: `note: string? = 3`.
pub(super) fn written(field: &Field) -> String {
    format!(
        "{}: {} = {}",
        field.name,
        surface::shape(&field.shape),
        field.number
    )
}

pub(super) fn json(field: &Field) -> String {
    let default = || json_name(&field.name);
    field.json_name.clone().unwrap_or_else(default)
}

impl<'a> Compare<'a> {
    /// The two messages with their surfaces.
    pub(super) fn both(&self, old: &'a Message, new: &'a Message) -> Pair<'a> {
        Pair {
            old: (self.old, old),
            new: (self.new, new),
        }
    }

    pub(super) fn fields(&mut self, old: &'a Message, new: &'a Message) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for field in &old.fields {
            match matched(old, new, field) {
                Match::Field(found) => {
                    verdicts.extend(self.names(field, found, old));
                    verdicts.extend(self.change(old, new, field, found));
                }
                Match::Renumbered(found) => {
                    verdicts.push(self.renumbered(old, new, field, found));
                }
                Match::Gone => verdicts.push(self.field_gone(old, new, field)),
            }
        }
        verdicts.extend(self.reservations(old, new));
        verdicts
    }

    fn renumbered(
        &self,
        old: &'a Message,
        new: &'a Message,
        field: &Field,
        found: &Field,
    ) -> Verdict {
        let witness = self.both(old, new).field(Side::Old, field);
        Draft::new(
            Code::FieldRenumbered,
            format!("the field `{}` has another number", field.name),
        )
        .wire(self.reach.misread(&old.name, true, true), witness)
        .old(field.span, format!("its number was {}", field.number))
        .new_at(found.span, format!("its number is {}", found.number))
        .help(format!(
            "give it the number {} again: on the wire, the number is the field",
            field.number
        ))
        .verdict()
    }

    fn field_gone(&self, old: &'a Message, new: &'a Message, field: &Field) -> Verdict {
        let number_reserved = is_reserved(&new.reserved_numbers, field.number);
        let name_reserved = new.reserved_names.contains(&field.name);
        let retired = number_reserved && name_reserved;
        let taken = new.fields.iter().find(|it| it.number == field.number);
        let missing: Vec<String> = [
            (!number_reserved && taken.is_none()).then(|| field.number.to_string()),
            (!name_reserved).then(|| format!("{:?}", field.name)),
        ]
        .into_iter()
        .flatten()
        .collect();
        let code = if retired {
            Code::FieldRetired
        } else {
            Code::FieldRemoved
        };
        let (place, text) = match taken {
            Some(taken) => (
                taken.span,
                format!("the number {} is this field's now", field.number),
            ),
            None => (new.span, "this message has it no more".to_owned()),
        };
        let help = if retired {
            "keep it, with `@deprecated(\"why\")`, for as long as anybody may use it".to_owned()
        } else if missing.is_empty() {
            format!(
                "give the number {} to no other field, and write `reserved {0}`",
                field.number
            )
        } else {
            format!(
                "write `reserved {};` in its place, so that nothing takes it for another field, or keep it with `@deprecated(\"why\")`",
                missing.join(", ")
            )
        };
        let mut draft = Draft::new(code, format!("the field `{}` is gone", field.name))
            .source()
            .old(field.span, format!("it was `{}`", written(field)))
            .new_at(place, text)
            .help(help);
        if !number_reserved {
            let witness = self.both(old, new).field(Side::Old, field);
            draft = draft.wire(self.reach.misread(&old.name, true, false), witness);
        }
        if !name_reserved {
            draft = draft.breaks(Category::Json, self.reach.misread(&old.name, true, false));
        }
        draft.verdict()
    }

    /// Names in sources and in JSON.
    fn names(&self, old: &Field, new: &Field, message: &Message) -> Option<Verdict> {
        let (was, is) = (json(old), json(new));
        let misread = self.reach.misread(&message.name, true, true);
        if old.name != new.name {
            let draft = Draft::new(
                Code::FieldRenamed,
                format!("the field `{}` has another name", old.name),
            )
            .source()
            .old(
                old.span,
                format!("the number {} was `{}`", old.number, old.name),
            )
            .new_at(new.span, format!("it is `{}`", new.name));
            let draft = if was == is {
                draft.help("call it as before, or accept that code which uses it must change")
            } else {
                draft.breaks(Category::Json, misread).help(format!(
                    "call it as before, or keep its name in JSON with `@json({was:?})`"
                ))
            };
            return Some(draft.verdict());
        }
        (was != is).then(|| {
            Draft::new(
                Code::JsonNameChanged,
                format!("the field `{}` has another name in JSON", old.name),
            )
            .breaks(Category::Json, misread)
            .old(old.span, format!("it was `{was}`"))
            .new_at(new.span, format!("it is `{is}`"))
            .help(format!(
                "write `@json({was:?})`, or leave the annotation as it was"
            ))
            .verdict()
        })
    }

    /// Type and presence.
    fn change(
        &mut self,
        old: &'a Message,
        new: &'a Message,
        field: &'a Field,
        found: &'a Field,
    ) -> Option<Verdict> {
        if field.shape == found.shape {
            return None;
        }
        let single = |field: &'a Field| match &field.shape {
            FieldShape::Singular(ty) | FieldShape::Optional(ty) => Some(ty),
            FieldShape::List(_) | FieldShape::Map(..) => None,
        };
        let pair = self.both(old, new);
        match (&field.shape, &found.shape) {
            (FieldShape::List(was), FieldShape::List(is)) => {
                let (relation, json) = self.types(was, is);
                Some(self.retyped(pair, field, found, relation, json))
            }
            (FieldShape::Map(old_key, was), FieldShape::Map(new_key, is)) => {
                let (keys, _) =
                    self.types(&FieldType::Scalar(*old_key), &FieldType::Scalar(*new_key));
                let (relation, json) = self.types(was, is);
                // Keys are always text in JSON, but not all of the same text.
                let json = json || (*old_key == Scalar::Bool) != (*new_key == Scalar::Bool);
                Some(self.retyped(pair, field, found, relation.max(keys), json))
            }
            _ => match (single(field), single(found)) {
                (Some(was), Some(is)) => self.single(pair, field, found, was, is),
                (Some(_), None) | (None, Some(_)) => {
                    let is_list = |field: &Field| matches!(field.shape, FieldShape::List(_));
                    if is_list(field) || is_list(found) {
                        Some(self.multiplied(pair, field, found))
                    } else {
                        Some(self.retyped(pair, field, found, Relation::Other, true))
                    }
                }
                // A list and a map.
                (None, None) => Some(self.retyped(pair, field, found, Relation::Other, true)),
            },
        }
    }

    /// One value, before and now.
    fn single(
        &mut self,
        pair: Pair<'a>,
        field: &'a Field,
        found: &'a Field,
        was: &FieldType,
        is: &FieldType,
    ) -> Option<Verdict> {
        let (relation, json) = self.types(was, is);
        let dropped = is_explicit(field) && !is_explicit(found) && field.oneof.is_none();
        if relation != Relation::Same {
            let mut verdict = self.retyped(pair, field, found, relation, json);
            if dropped && verdict.witness.is_none() {
                let zero = pair.given(Side::Old, field, &[zero(was)]);
                if zero.is_some() {
                    let misread = self.reach.misread(&pair.old.1.name, true, true);
                    verdict.breaks.insert(Category::Wire, misread);
                    verdict.witness = zero;
                }
            }
            return Some(verdict);
        }
        let old = pair.old.1;
        if dropped {
            let witness = pair.given(Side::Old, field, &[zero(was)]);
            return Some(
                Draft::new(
                    Code::PresenceDropped,
                    format!("the field `{}` cannot be absent any more", field.name),
                )
                .source()
                .wire(self.reach.misread(&old.name, true, true), witness)
                .old(field.span, "zero and absent were two things")
                .new_at(found.span, "zero and absent are one thing")
                .help(format!("write `{};` again", written(field)))
                .verdict(),
            );
        }
        let added = !is_explicit(field) && is_explicit(found) && found.oneof.is_none();
        added.then(|| {
            Draft::new(
                Code::PresenceAdded,
                format!("the field `{}` can be absent now", field.name),
            )
            .source()
            .old(field.span, "absent was the same as zero")
            .new_at(found.span, "it is an `Option` in Rust now")
            .help(format!(
                "write `{};` again, or accept that code which uses it must change",
                written(field)
            ))
            .verdict()
        })
    }

    /// One value before and a list now, or the other way round.
    fn multiplied(&mut self, pair: Pair<'a>, field: &'a Field, found: &'a Field) -> Verdict {
        let (was, is) = (witness::ty(&field.shape), witness::ty(&found.shape));
        let (relation, _) = self.types(was, is);
        let grows = matches!(found.shape, FieldShape::List(_));
        let text = if grows {
            format!("the field `{}` is a list now", field.name)
        } else {
            format!("the field `{}` is no list any more", field.name)
        };
        let old_name = &pair.old.1.name;
        let by_old = pair
            .misread(Side::Old, field)
            .filter(|_| !grows || relation > Relation::Wider);
        // One value in a list is one value to whoever expects one, unless the list is in one piece.
        let one = witness::sample(self.new, is, 0);
        let by_new = pair
            .given_misread(Side::New, found, &[one])
            .filter(|_| grows && witness::is_packed(is));
        let mut draft = Draft::new(Code::ListChanged, text)
            .source()
            .breaks(Category::Json, self.reach.misread(old_name, true, true))
            .old(
                field.span,
                format!("it was `{}`", surface::shape(&field.shape)),
            )
            .new_at(
                found.span,
                format!("it is `{}`", surface::shape(&found.shape)),
            )
            .help(format!(
                "write `{};` again, and add a field with another number for what is new",
                written(field)
            ));
        if by_old.is_some() || by_new.is_some() {
            let misread = self
                .reach
                .misread(old_name, by_old.is_some(), by_new.is_some());
            draft = draft.wire(misread, by_old.or(by_new));
        }
        draft.verdict()
    }

    /// Another type.
    fn retyped(
        &self,
        pair: Pair<'a>,
        field: &Field,
        found: &Field,
        relation: Relation,
        json: bool,
    ) -> Verdict {
        let old_name = &pair.old.1.name;
        let (was, is) = (surface::shape(&field.shape), surface::shape(&found.shape));
        let (code, text) = match relation {
            Relation::Same | Relation::Wider => (
                Code::FieldTypeWidened,
                "has another type, of the same bytes",
            ),
            Relation::Narrower => (
                Code::FieldTypeNarrowed,
                "has a type that holds fewer values",
            ),
            Relation::Other => (Code::FieldTypeChanged, "has a type of other bytes"),
        };
        let mut draft = Draft::new(code, format!("the field `{}` {text}", found.name))
            .source()
            .old(field.span, format!("it was `{was}`"))
            .new_at(found.span, format!("it is `{is}`"))
            .help(format!(
                "write `{};` again, and add a field with another number for what is new",
                written(field)
            ));
        if relation > Relation::Wider {
            let witness = pair
                .misread(Side::Old, field)
                .or_else(|| self.inner(pair, field, found))
                .or_else(|| pair.misread(Side::New, found));
            let new_too = relation == Relation::Other;
            draft = draft.wire(self.reach.misread(old_name, true, new_too), witness);
        }
        if json {
            draft = draft.breaks(Category::Json, self.reach.misread(old_name, true, true));
        }
        draft.verdict()
    }

    /// The witness of what the two fields hold, in them.
    fn inner(&self, pair: Pair<'a>, field: &Field, found: &Field) -> Option<Witness> {
        let key = match (witness::ty(&field.shape), witness::ty(&found.shape)) {
            (FieldType::Message(was), FieldType::Message(is))
            | (FieldType::Enum(was), FieldType::Enum(is)) => (was.clone(), is.clone()),
            _ => return None,
        };
        let inner = self.pairs.get(&key)?.witness.as_ref()?;
        if let FieldType::Enum(_) = witness::ty(&field.shape) {
            // An enum is no message: its witness is one that holds it already.
            return Some(inner.clone());
        }
        let holder = match inner.writer {
            Side::Old => field,
            Side::New => found,
        };
        pair.given(inner.writer, holder, &[Given::Bytes(inner.bytes.clone())])
    }

    /// Numbers and names that were reserved and are not.
    fn reservations(&self, old: &'a Message, new: &'a Message) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let help = |what: &str| {
            format!("write `reserved {what};` again: messages of earlier contracts may hold it")
        };
        for field in &new.fields {
            let number = is_reserved(&old.reserved_numbers, field.number);
            let name = old.reserved_names.contains(&field.name);
            if !number && !name {
                continue;
            }
            let what = if number {
                field.number.to_string()
            } else {
                format!("{:?}", field.name)
            };
            let mut draft = Draft::new(
                Code::ReservationDropped,
                format!("the field `{}` takes what was reserved", field.name),
            )
            .old(old.span, format!("{what} was reserved here"))
            .new_at(field.span, "it is used here")
            .help(format!(
                "give the field another number and name, and {}",
                help(&what)
            ));
            if number {
                let witness = self.both(old, new).field(Side::New, field);
                draft = draft.wire([Party::StoredData], witness);
            }
            if name {
                draft = draft.breaks(Category::Json, [Party::StoredData]);
            }
            verdicts.push(draft.verdict());
        }
        let free = |number: i32| {
            !is_reserved(&new.reserved_numbers, number)
                && new.fields.iter().all(|field| field.number != number)
        };
        let ranges = old.reserved_numbers.iter().filter_map(|range| {
            // Of a range that is partly reserved, its first free number stands for all.
            let first = first_free(*range, new, &free)?;
            Some(if range.from == range.to {
                first.to_string()
            } else {
                format!("{}..={}", range.from, range.to)
            })
        });
        let names = old.reserved_names.iter().filter(|name| {
            !new.reserved_names.contains(name) && new.fields.iter().all(|it| it.name != **name)
        });
        let names = names.map(|name| format!("{name:?}"));
        let ranges = ranges.map(|what| (what, Category::Wire));
        for (what, category) in ranges.chain(names.map(|what| (what, Category::Json))) {
            verdicts.push(
                Draft::new(
                    Code::ReservationDropped,
                    format!("{what} is not reserved any more"),
                )
                .breaks(category, [Party::StoredData])
                .old(old.span, format!("{what} was reserved here"))
                .new_at(new.span, "nothing keeps it from being used again")
                .help(help(&what))
                .verdict(),
            );
        }
        verdicts
    }
}

/// The first number of the range that is free, looked for at the edges of what is not: ranges may be huge.
fn first_free(range: ReservedNumbers, new: &Message, free: &dyn Fn(i32) -> bool) -> Option<i32> {
    let behind = new
        .reserved_numbers
        .iter()
        .map(|it| it.to.saturating_add(1));
    let fields = new.fields.iter().map(|it| it.number.saturating_add(1));
    let mut edges: Vec<i32> = [range.from]
        .into_iter()
        .chain(behind)
        .chain(fields)
        .collect();
    edges.sort_unstable();
    edges
        .into_iter()
        .find(|number| (range.from..=range.to).contains(number) && free(*number))
}

/// What an explicit zero is.
pub(super) fn zero(ty: &FieldType) -> Given {
    match ty {
        FieldType::Message(_) | FieldType::Scalar(Scalar::String | Scalar::Bytes) => {
            Given::Bytes(Vec::new())
        }
        FieldType::Scalar(Scalar::Float | Scalar::Double) => Given::Float(0.0),
        FieldType::Scalar(_) | FieldType::Enum(_) => Given::Integer(0),
    }
}

impl Draft {
    /// Bytes are read as something else; nothing is said where no message shows it.
    pub(super) fn wire(
        self,
        parties: impl IntoIterator<Item = Party>,
        witness: Option<Witness>,
    ) -> Self {
        if witness.is_none() {
            return self;
        }
        self.breaks(Category::Wire, parties).witness(witness)
    }
}
