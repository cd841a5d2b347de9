//! The values of an enum: gone, renumbered, renamed.

use super::witness::{self, Given, Side};
use super::{Category, Compare, Draft, Verdict, Witness};
use crate::diagnostic::Code;
use crate::model::{Enum, EnumValue, Field, FieldShape, FieldType, FullName, Message};

impl<'a> Compare<'a> {
    pub(super) fn enumeration(&self, old: &'a Enum, new: &'a Enum) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for value in &old.values {
            let by_name = named(new, &value.descriptor_name);
            let by_number = new.values.iter().find(|it| it.number == value.number);
            match (by_name, by_number) {
                (Some(found), _) if found.number == value.number => {}
                (Some(found), _) => verdicts.push(self.value_renumbered(old, new, value, found)),
                (None, Some(found)) if named(old, &found.descriptor_name).is_none() => {
                    // An alias that is gone while another name of the number stays renames nothing.
                    let stays = old.values.iter().any(|it| {
                        it.number == value.number && named(new, &it.descriptor_name).is_some()
                    });
                    verdicts.push(if stays {
                        self.value_gone(old, new, value)
                    } else {
                        self.value_renamed(old, value, found)
                    });
                }
                (None, _) => verdicts.push(self.value_gone(old, new, value)),
            }
        }
        verdicts
    }

    fn value_renumbered(
        &self,
        old: &'a Enum,
        new: &'a Enum,
        value: &EnumValue,
        found: &EnumValue,
    ) -> Verdict {
        Draft::new(
            Code::EnumValueRenumbered,
            format!("the value `{}` has another number", value.name),
        )
        .wire(
            self.reach.misread(&old.name, true, true),
            self.enum_witness(&old.name, &new.name, value.number),
        )
        .source()
        .old(value.span, format!("its number was {}", value.number))
        .new_at(found.span, format!("its number is {}", found.number))
        .help(format!("give it the number {} again", value.number))
        .verdict()
    }

    fn value_renamed(&self, old: &Enum, value: &EnumValue, found: &EnumValue) -> Verdict {
        Draft::new(
            Code::EnumValueRenamed,
            format!("the value `{}` has another name", value.name),
        )
        .source()
        .breaks(Category::Json, self.reach.misread(&old.name, true, true))
        .old(
            value.span,
            format!("{} was `{}`", value.number, value.descriptor_name),
        )
        .new_at(found.span, format!("it is `{}`", found.descriptor_name))
        .help("call it as before, or keep both names under `@allow_alias`, the old one first")
        .verdict()
    }

    fn value_gone(&self, old: &'a Enum, new: &'a Enum, value: &EnumValue) -> Verdict {
        let number_reserved = new
            .reserved_numbers
            .iter()
            .any(|range| (range.from..=range.to).contains(&value.number));
        let name_reserved = new.reserved_names.contains(&value.descriptor_name);
        // An alias leaves another name for the number.
        let named = new.values.iter().any(|it| it.number == value.number);
        let retired = (number_reserved || named) && name_reserved;
        let code = if retired {
            Code::EnumValueRetired
        } else {
            Code::EnumValueRemoved
        };
        let number = (!number_reserved && !named).then(|| value.number.to_string());
        let name = (!name_reserved).then(|| format!("{:?}", value.name));
        let missing: Vec<String> = number.into_iter().chain(name).collect();
        let help = if retired {
            "keep it, with `@deprecated(\"why\")`, for as long as anybody may use it".to_owned()
        } else {
            format!(
                "write `reserved {};` in its place, or keep it with `@deprecated(\"why\")`",
                missing.join(", ")
            )
        };
        let misread = self.reach.misread(&old.name, true, false);
        let mut draft = Draft::new(code, format!("the value `{}` is gone", value.name))
            .source()
            .breaks(Category::Json, misread.clone())
            .old(
                value.span,
                format!("it was `{} = {}`", value.name, value.number),
            )
            .new_at(new.span, "this enum has it no more")
            .help(help);
        if !number_reserved && !named {
            draft = draft.wire(
                misread,
                self.enum_witness(&old.name, &new.name, value.number),
            );
        }
        draft.verdict()
    }

    /// A message with the number in a field of the enum: one that both contracts have, or that reads as one of another name.
    fn enum_witness(&self, old: &FullName, new: &FullName, number: i32) -> Option<Witness> {
        let holds = |field: &&Field, name: &FullName| matches!(witness::ty(&field.shape), FieldType::Enum(held) if held == name);
        self.old.messages.iter().find_map(|(name, message)| {
            let message: &'a Message = message;
            let other = self.new.messages.get(name)?;
            let given = [Given::Integer(number.into())];
            // Nobody writes a zero that is the same as nothing.
            let written = |field: &&Field| {
                number != 0
                    || field.oneof.is_some()
                    || !matches!(field.shape, FieldShape::Singular(_))
            };
            let fields = message.fields.iter().filter(written);
            let mut fields = fields.filter(|field| holds(field, old));
            fields.find_map(|field| {
                let mut found = other.fields.iter().filter(|field| holds(field, new));
                found.find(|found| found.number == field.number)?;
                self.both(message, other).given(Side::Old, field, &given)
            })
        })
    }
}

fn named<'e>(declared: &'e Enum, name: &str) -> Option<&'e EnumValue> {
    declared
        .values
        .iter()
        .find(|value| value.descriptor_name == name)
}
