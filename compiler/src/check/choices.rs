//! `@one_of`: strings, integers, enum values.

use std::collections::HashMap;
use std::hash::Hash;

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ConstantValue, FieldShape, FieldType, FullName, Rule, Scalar};
use crate::resolve::{Want, well_known};
use crate::source::Span;
use crate::syntax::ast::{Path, Value, ValueKind};

use super::annotations::Given;
use super::enums::descriptor_name;
use super::rules::entry;
use super::values::{Plain, integer_range, written};
use super::{Check, Place, alternatives};

/// Whether `@one_of` fits the field.
pub(super) fn has_choices(shape: &FieldShape) -> bool {
    match entry(shape) {
        Some(FieldType::Scalar(Scalar::String)) => true,
        Some(FieldType::Scalar(scalar)) => integer_range(*scalar).is_some(),
        Some(FieldType::Enum(name)) => well_known(&name.0).is_none(),
        Some(FieldType::Message(_)) | None => false,
    }
}

impl Check<'_> {
    pub(super) fn one_of(
        &mut self,
        place: Place<'_>,
        shape: &FieldShape,
        given: &Given<'_>,
    ) -> Option<Rule> {
        let (mut strings, mut known_strings) = (Vec::new(), HashMap::new());
        let (mut integers, mut known_integers) = (Vec::new(), HashMap::new());
        for value in &given.rest {
            match entry(shape)? {
                FieldType::Enum(name) => {
                    if let Some(number) = self.enum_choice(place, name, value) {
                        self.choose(&mut known_integers, &mut integers, number, value.span);
                    }
                }
                FieldType::Scalar(scalar) => {
                    match self.fitted(place, Plain::Scalar(*scalar), value) {
                        Some(ConstantValue::String(text)) => {
                            self.choose(&mut known_strings, &mut strings, text, value.span);
                        }
                        Some(ConstantValue::Integer(_, number)) => {
                            self.choose(&mut known_integers, &mut integers, number, value.span);
                        }
                        _ => {}
                    }
                }
                FieldType::Message(_) => {}
            }
        }
        match entry(shape)? {
            FieldType::Scalar(Scalar::String) => Some(Rule::OneOfStrings(strings)),
            _ => Some(Rule::OneOfIntegers(integers)),
        }
    }

    fn choose<T: Eq + Hash + Clone>(
        &mut self,
        seen: &mut HashMap<T, Span>,
        chosen: &mut Vec<T>,
        value: T,
        span: Span,
    ) {
        if let Some(first) = seen.get(&value) {
            let report =
                Diagnostic::new(Code::DuplicateArgument, span, "this choice is listed twice")
                    .label("again here")
                    .also(*first, "first here")
                    .help("keep one of them");
            self.report(self.without(report, span));
            return;
        }
        seen.insert(value.clone(), span);
        chosen.push(value);
    }

    /// The number of the enum value that `value` names: `PLACED` or `Status.PLACED`.
    fn enum_choice(&mut self, place: Place<'_>, name: &FullName, value: &Value) -> Option<i128> {
        let ValueKind::Name(path) = &value.kind else {
            self.wrong_type(value, written(&value.kind), "the name of an enum value");
            return None;
        };
        if let [scope @ .., _] = &path.parts[..]
            && let (Some(first), Some(last)) = (scope.first(), scope.last())
        {
            let written = Path {
                absolute: path.absolute,
                parts: scope.to_vec(),
                span: first.span.to(last.span),
            };
            let id = self.resolve(place, &written, Want::Type)?;
            if self.names.decl(id).name != *name {
                let found = self.names.decl(id).name.clone();
                self.unknown_value(value.span, name, &found.0);
                return None;
            }
        }
        let word = &*path.parts.last()?.text;
        let item = self.enum_called(name)?;
        let bare = item
            .annotations
            .iter()
            .any(|annotation| &*annotation.name.text == "bare_names");
        let found = item.values.iter().find(|value| {
            &*value.name.text == word
                || descriptor_name(&item.name.text, &value.name.text, bare) == word
        });
        if let Some(found) = found {
            return Some(found.number.value);
        }
        let file = self
            .names
            .at(item.name.span)
            .and_then(|id| self.names.decl(id).file);
        if file.is_some_and(|file| self.lost_in(file, item.span)) {
            return None;
        }
        self.unknown_value(value.span, name, word);
        None
    }

    fn unknown_value(&mut self, span: Span, name: &FullName, word: &str) {
        let Some(item) = self.enum_called(name) else {
            return;
        };
        let values = item.values.iter().map(|value| &*value.name.text);
        let near = self.near.find(word, values.clone());
        let help = match near {
            Some(near) => format!("write `{near}`"),
            None => format!("its values are {}", alternatives(values.take(12))),
        };
        self.report(
            Diagnostic::new(
                Code::UnknownEnumValue,
                span,
                format!("`{word}` is no value of the enum `{name}`"),
            )
            .label("unknown value")
            .also(item.name.span, "the enum")
            .help(help),
        );
    }
}
