//! Messages and their fields.

use std::collections::HashMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};

use super::{Source, marks};
use crate::print::form::{Field, Item, Member, Message, Oneof};
use crate::print::string;

const FIELDS: i32 = 2;
const NESTED: i32 = 3;
const ENUMS: i32 = 4;
const EXTENSION_RANGES: i32 = 5;
const EXTENSIONS: i32 = 6;
const OPTIONS: i32 = 7;
const ONEOFS: i32 = 8;
const ONEOF_OPTIONS: i32 = 2;
const FIELD_OPTIONS: i32 = 8;
const JSON_NAME: i32 = 10;

/// The largest number of a field.
const MOST: i32 = 536_870_911;

impl Source<'_, '_> {
    /// A message at the top of a file, which may be an error.
    pub(super) fn message(&mut self, path: &[i32], scope: &str, message: &DescriptorProto) -> Item {
        Item::Message(self.nested_message(path, scope, message))
    }

    fn nested_message(&mut self, path: &[i32], scope: &str, message: &DescriptorProto) -> Message {
        let options = message.options.clone().unwrap_or_default();
        // The mark of an error is not one of its annotations.
        let said = self.comments.said(path, options.deprecated());
        let code = said.marks.iter().find_map(|mark| marks::error(mark));
        let mut above = said.above;
        for mark in said
            .marks
            .iter()
            .filter(|mark| marks::error(mark).is_none())
        {
            match marks::annotations(mark) {
                Some(annotations) => above.annotations.extend(annotations),
                None => self.note(path, format!("`callsheet: {mark}` is not understood")),
            }
        }
        let known = |annotation: &String| annotation.starts_with("@deprecated(");
        if options.deprecated() && !above.annotations.iter().any(known) {
            let reason = said.deprecated.as_deref().unwrap_or("no reason is given");
            above.annotations.push(crate::print::deprecated(reason));
        }
        if options.message_set_wire_format() {
            self.note(
                path,
                "`message_set_wire_format` is not kept: the encoding differs",
            );
        }
        self.custom_options(path, OPTIONS, "MessageOptions");
        for (index, _) in (0..).zip(&message.extension_range) {
            let path = [path, &[EXTENSION_RANGES, index]].concat();
            self.note(
                &path,
                "extension numbers are not kept: there are no extensions",
            );
        }
        self.extensions(path, EXTENSIONS, &message.extension);
        Message {
            above,
            name: message.name().to_owned(),
            code: code.map(str::to_owned),
            members: self.members(path, scope, message),
        }
    }

    pub(super) fn extensions(
        &mut self,
        path: &[i32],
        step: i32,
        extensions: &[FieldDescriptorProto],
    ) {
        for (index, one) in (0..).zip(extensions) {
            let path = [path, &[step, index]].concat();
            let what = format!(
                "the extension `{}` of `{}` is left out: there are no extensions",
                one.name(),
                one.extendee().trim_start_matches('.')
            );
            self.note(&path, what);
        }
    }

    fn members(&mut self, path: &[i32], scope: &str, message: &DescriptorProto) -> Vec<Member> {
        let entries: HashMap<&str, &DescriptorProto> = message
            .nested_type
            .iter()
            .filter(|nested| is_map_entry(nested))
            .map(|nested| (nested.name(), nested))
            .collect();
        let mut members: Vec<Member> = Vec::new();
        // Where each oneof stands among the members.
        let mut oneofs: HashMap<i32, usize> = HashMap::new();
        let mut dropped = Vec::new();
        for (index, field) in (0..).zip(&message.field) {
            let path_of_field = [path, &[FIELDS, index]].concat();
            let Some(made) = self.field(&path_of_field, scope, field, &entries) else {
                dropped.push(field.number());
                continue;
            };
            match field.oneof_index {
                Some(oneof) if !field.proto3_optional() => {
                    let position = *oneofs.entry(oneof).or_insert_with(|| {
                        members.push(Member::Oneof(Oneof::default()));
                        members.len() - 1
                    });
                    if let Member::Oneof(oneof) = &mut members[position] {
                        oneof.fields.push(made);
                    }
                }
                _ => members.push(Member::Field(made)),
            }
        }
        for (index, position) in oneofs {
            let path = [path, &[ONEOFS, index]].concat();
            let above = self.above(&path, false);
            self.custom_options(&path, ONEOF_OPTIONS, "OneofOptions");
            let declared = usize::try_from(index).ok();
            let declared = declared.and_then(|index| message.oneof_decl.get(index));
            if let (Member::Oneof(oneof), Some(declared)) = (&mut members[position], declared) {
                oneof.above = above;
                declared.name().clone_into(&mut oneof.name);
            }
        }
        let ranges = message.reserved_range.iter();
        let mut reserved: Vec<String> = ranges
            .map(|range| self::range(range.start(), (range.end() - 1).min(MOST)))
            .collect();
        reserved.extend(dropped.iter().map(i32::to_string));
        reserved.extend(message.reserved_name.iter().map(|name| string(name)));
        if !reserved.is_empty() {
            members.push(Member::Reserved(reserved));
        }
        for (index, nested) in (0..).zip(&message.nested_type) {
            if !is_map_entry(nested) {
                let path = [path, &[NESTED, index]].concat();
                let scope = format!("{scope}.{}", nested.name());
                let nested = self.nested_message(&path, &scope, nested);
                members.push(Member::Message(nested));
            }
        }
        for (index, one) in (0..).zip(&message.enum_type) {
            let path = [path, &[ENUMS, index]].concat();
            let one = self.enumeration(&path, one);
            members.push(Member::Enum(one));
        }
        members
    }

    /// A field; nothing where its encoding has no counterpart.
    fn field(
        &mut self,
        path: &[i32],
        scope: &str,
        field: &FieldDescriptorProto,
        entries: &HashMap<&str, &DescriptorProto>,
    ) -> Option<Field> {
        if field.r#type() == Type::Group {
            let what = format!(
                "the group `{}` is left out, its number reserved: groups are encoded otherwise",
                field.name()
            );
            self.note(path, what);
            return None;
        }
        let options = field.options.clone().unwrap_or_default();
        let mut above = self.above(path, options.deprecated());
        if self.comments.has(&[path, &[JSON_NAME]].concat()) {
            let json = format!("@json({})", string(field.json_name()));
            let end = above
                .annotations
                .iter()
                .position(|annotation| annotation.starts_with("@deprecated("))
                .unwrap_or(above.annotations.len());
            above.annotations.insert(end, json);
        }
        let one = self.type_of(scope, field);
        if self.catalogue.is_unknown(field.type_name()) {
            let what = format!(
                "`{}` holds a `{}` as `{one}`, encoded alike: no contract knows that type",
                field.name(),
                field.type_name().trim_start_matches('.')
            );
            self.note(path, what);
        }
        let entry = match field.r#type() {
            Type::Message => entries.get(field.type_name().rsplit('.').next().unwrap_or_default()),
            _ => None,
        };
        let map = entry.and_then(|entry| match &entry.field[..] {
            [key, value] => Some((self.type_of(scope, key), self.type_of(scope, value))),
            _ => None,
        });
        let ty = match (map, field.label()) {
            (Some((key, value)), _) => format!("map<{key}, {value}>"),
            (None, Label::Repeated) => format!("[{one}]"),
            (None, Label::Required) => {
                let what = format!(
                    "`{}` is optional with the rule `@required`: its absence is found when the message is checked, \
                     not when it is read",
                    field.name()
                );
                self.note(path, what);
                above.annotations.insert(0, "@required".to_owned());
                format!("{one}?")
            }
            (None, Label::Optional) if self.is_optional(field) => format!("{one}?"),
            (None, Label::Optional) => one,
        };
        if let Some(default) = &field.default_value {
            let what = format!(
                "the default `{}` of `{}` is not kept: absent fields are absent",
                default.escape_debug(),
                field.name()
            );
            self.note(path, what);
        }
        self.field_options(path, field, &options);
        self.custom_options(path, FIELD_OPTIONS, "FieldOptions");
        Some(Field {
            above,
            name: field.name().to_owned(),
            ty,
            number: field.number(),
        })
    }

    /// Whether a field of one value says whether it is there, where its type alone does not.
    fn is_optional(&self, field: &FieldDescriptorProto) -> bool {
        if self.file.syntax() == "proto3" {
            field.proto3_optional()
        } else {
            field.oneof_index.is_none() && field.r#type() != Type::Message
        }
    }

    fn type_of(&mut self, scope: &str, field: &FieldDescriptorProto) -> String {
        match field.r#type() {
            Type::Message if self.catalogue.is_unknown(field.type_name()) => "bytes".to_owned(),
            Type::Enum if self.catalogue.is_unknown(field.type_name()) => "int32".to_owned(),
            Type::Message | Type::Enum | Type::Group => self.type_name(scope, field.type_name()),
            Type::Bool => "bool".to_owned(),
            Type::Int32 => "int32".to_owned(),
            Type::Int64 => "int64".to_owned(),
            Type::Uint32 => "uint32".to_owned(),
            Type::Uint64 => "uint64".to_owned(),
            Type::Sint32 => "sint32".to_owned(),
            Type::Sint64 => "sint64".to_owned(),
            Type::Fixed32 => "fixed32".to_owned(),
            Type::Fixed64 => "fixed64".to_owned(),
            Type::Sfixed32 => "sfixed32".to_owned(),
            Type::Sfixed64 => "sfixed64".to_owned(),
            Type::Float => "float".to_owned(),
            Type::Double => "double".to_owned(),
            Type::String => "string".to_owned(),
            Type::Bytes => "bytes".to_owned(),
        }
    }

    /// A type as it is written in `scope`; its contract is imported.
    fn type_name(&mut self, scope: &str, name: &str) -> String {
        let (written, import) = self.catalogue.written(&self.package, scope, name);
        self.used.extend(import);
        written
    }
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    let options = message.options.as_ref();
    options.is_some_and(prost_types::MessageOptions::map_entry)
}

/// `7` or `9..=11`
pub(super) fn range(from: i32, to: i32) -> String {
    if from == to {
        from.to_string()
    } else {
        format!("{from}..={to}")
    }
}
