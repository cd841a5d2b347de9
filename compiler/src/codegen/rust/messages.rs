//! Messages, errors and enums as the views that prost's derives work on.

use std::collections::HashMap;
use std::fmt::Write as _;

use callsheet_templates as views;

use crate::codegen::options::{Options, Pattern};
use crate::codegen::{docs, lints};
use crate::model::{
    Deprecation, Enum, Field, FieldShape, FieldType, FullName, Message, Oneof, Scalar,
};

use super::names::{camel, field as field_name, oneof_type, snake, variant};
use super::redact;
use super::shapes::{Shapes, Traits};
use super::types::Scope;

/// Makes the views of one package.
#[derive(Clone, Copy)]
pub(in crate::codegen) struct Writer<'a> {
    scope: Scope<'a>,
    shapes: &'a Shapes,
    options: &'a Options,
}

/// Where a declaration stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    scope: Scope<'a>,
    /// How many modules of the package's file are around it.
    depth: usize,
    /// The innermost module around it.
    module: &'a str,
}

impl Place<'_> {
    fn indent(self) -> String {
        "    ".repeat(self.depth)
    }

    fn inner_indent(self) -> String {
        "    ".repeat(self.depth + 1)
    }
}

impl<'a> Writer<'a> {
    pub(in crate::codegen) fn new(
        scope: Scope<'a>,
        shapes: &'a Shapes,
        options: &'a Options,
    ) -> Self {
        Self {
            scope,
            shapes,
            options,
        }
    }

    /// A message of the package that is not of another crate.
    pub(in crate::codegen) fn message(self, message: &'a Message, module: &str) -> views::Message {
        self.message_at(message, self.outermost(module))
    }

    /// An enum of the package that is not of another crate.
    pub(in crate::codegen) fn enumeration(
        self,
        declared: &Enum,
        module: &str,
    ) -> views::Enumeration {
        self.enumeration_at(declared, self.outermost(module))
    }

    fn outermost<'p>(self, module: &'p str) -> Place<'p>
    where
        'a: 'p,
    {
        Place {
            scope: self.scope,
            depth: 0,
            module,
        }
    }

    fn message_at(self, message: &'a Message, place: Place<'_>) -> views::Message {
        let name = camel(message.name.simple());
        let members = message.members();
        let fields = message.fields.iter().filter(|field| field.oneof.is_none());
        let fields = fields.map(|field| self.field(message, field, place));
        let oneofs = message.oneofs.iter().zip(&members);
        let oneofs =
            oneofs.map(|(oneof, members)| self.oneof_field(message, oneof, members, place));
        let reason = message.deprecated.as_ref().map(|d| &*d.reason);
        let indent = place.indent();
        views::Message {
            docs: documentation(&indent, &message.docs, reason),
            attributes: self.type_attributes(&indent, &message.name.0, &lints::message(&name)),
            derives: derives(self.shapes.of_message(&message.name)),
            own_debug: redact::message_has_secret(message),
            fields: fields.chain(oneofs).collect(),
            module: self.nested(message, &members, place),
            indent,
            name,
        }
    }

    /// The module of what is declared in a message.
    fn nested(
        self,
        message: &'a Message,
        members: &[Vec<&Field>],
        place: Place<'_>,
    ) -> Option<views::Nested> {
        let ours = |name: &FullName| !self.scope.is_foreign(name);
        let name = snake(message.name.simple());
        let inside = Place {
            scope: place.scope.within(&message.name),
            depth: place.depth + 1,
            module: &name,
        };
        let messages = message.messages.iter().filter(|one| ours(&one.name));
        let messages: Vec<_> = messages.map(|one| self.message_at(one, inside)).collect();
        let enums = message.enums.iter().filter(|one| ours(&one.name));
        let enums: Vec<_> = enums.map(|one| self.enumeration_at(one, inside)).collect();
        let oneofs = message.oneofs.iter().zip(members);
        let oneofs: Vec<_> = oneofs
            .map(|(oneof, members)| self.oneof(message, oneof, members, inside))
            .collect();
        if messages.is_empty() && enums.is_empty() && oneofs.is_empty() {
            return None;
        }
        let same = (name == place.module).then_some(lints::SAME_MODULE);
        Some(views::Nested {
            message: message.name.simple().to_owned(),
            attributes: lines(&place.indent(), same),
            messages,
            enums,
            oneofs,
            name,
        })
    }

    fn field(self, message: &Message, field: &Field, place: Place<'_>) -> views::Field {
        let boxed = self.shapes.is_boxed(&message.name, field);
        let (mut prost, r#type) = match &field.shape {
            FieldShape::Singular(one @ FieldType::Message(_)) | FieldShape::Optional(one) => {
                let kind = kind(one, place.scope) + ", optional";
                let one = in_box(place.scope.value(one), boxed);
                (kind, format!("::core::option::Option<{one}>"))
            }
            FieldShape::Singular(one) => (kind(one, place.scope), place.scope.value(one)),
            FieldShape::List(one) => (
                kind(one, place.scope) + ", repeated",
                format!("::std::vec::Vec<{}>", place.scope.value(one)),
            ),
            FieldShape::Map(key, value) => (
                format!(
                    "map = \"{}, {}\"",
                    scalar_kind(*key),
                    entry_kind(value, place.scope)
                ),
                place.scope.field(&field.shape),
            ),
        };
        if boxed {
            prost.push_str(", boxed");
        }
        let _ = write!(prost, ", tag = \"{}\"", field.number);
        self.member(
            field,
            &message.name,
            place,
            prost,
            field_name(field),
            r#type,
        )
    }

    /// A member of a oneof.
    fn variant(self, message: &Message, field: &Field, place: Place<'_>) -> views::Field {
        let (FieldShape::Singular(one)
        | FieldShape::Optional(one)
        | FieldShape::List(one)
        | FieldShape::Map(_, one)) = &field.shape;
        let kind = match one {
            FieldType::Scalar(scalar) => scalar_kind(*scalar).to_owned(),
            other => kind(other, place.scope),
        };
        let boxed = self.shapes.is_boxed(&message.name, field);
        let prost = format!("{kind}, tag = \"{}\"", field.number);
        let r#type = in_box(place.scope.value(one), boxed);
        self.member(
            field,
            &message.name,
            place,
            prost,
            camel(&field.name),
            r#type,
        )
    }

    fn member(
        self,
        field: &Field,
        holder: &FullName,
        place: Place<'_>,
        prost: String,
        name: String,
        r#type: String,
    ) -> views::Field {
        let indent = place.inner_indent();
        let of = || holder.child(&field.name);
        views::Field {
            docs: documentation(&indent, &field.docs, None),
            attributes: self.member_attributes(&indent, field.deprecated.as_ref(), of),
            prost,
            name,
            r#type,
        }
    }

    /// The field that holds a oneof.
    fn oneof_field(
        self,
        message: &Message,
        oneof: &Oneof,
        members: &[&Field],
        place: Place<'_>,
    ) -> views::Field {
        let path = format!(
            "{}::{}",
            snake(message.name.simple()),
            oneof_type(message, oneof)
        );
        let tags: Vec<String> = members.iter().map(|one| one.number.to_string()).collect();
        let indent = place.inner_indent();
        views::Field {
            docs: documentation(&indent, &oneof.docs, None),
            attributes: self.member_attributes(&indent, None, || message.name.child(&oneof.name)),
            prost: format!("oneof = \"{path}\", tags = \"{}\"", tags.join(", ")),
            name: snake(&oneof.name),
            r#type: format!("::core::option::Option<{path}>"),
        }
    }

    fn oneof(
        self,
        message: &Message,
        oneof: &Oneof,
        members: &[&Field],
        place: Place<'_>,
    ) -> views::Oneof {
        let traits = members
            .iter()
            .map(|field| self.shapes.of_field(&message.name, field));
        let members: Vec<_> = members
            .iter()
            .map(|field| (self.variant(message, field, place), field.redact))
            .collect();
        let variants: Vec<String> = members.iter().map(|(one, _)| one.name.clone()).collect();
        let lints = lints::oneof(&camel(&oneof.name), &variants);
        let indent = place.indent();
        views::Oneof {
            docs: documentation(&indent, &oneof.docs, None),
            attributes: self.type_attributes(&indent, &message.name.child(&oneof.name).0, &lints),
            derives: derives(traits.fold(Traits::ALL, Traits::and)),
            own_debug: members.iter().any(|(_, secret)| *secret),
            name: oneof_type(message, oneof),
            members: members.into_iter().map(|(one, _)| one).collect(),
            indent,
        }
    }

    fn enumeration_at(self, declared: &Enum, place: Place<'_>) -> views::Enumeration {
        let name = declared.name.simple();
        let indent = place.indent();
        let inner = place.inner_indent();
        // Values that share a number share its variant; `aliases` gives the others their names in Rust.
        let mut by_number: HashMap<i32, String> = HashMap::with_capacity(declared.values.len());
        let mut values = Vec::with_capacity(declared.values.len());
        let mut names = Vec::with_capacity(declared.values.len());
        let mut variants = Vec::with_capacity(declared.values.len());
        for value in &declared.values {
            let own = variant(name, &value.descriptor_name);
            let first = by_number.entry(value.number).or_insert_with(|| {
                values.push(views::Value {
                    docs: documentation(&inner, &value.docs, None),
                    attributes: self.member_attributes(&inner, value.deprecated.as_ref(), || {
                        declared.name.child(&value.name)
                    }),
                    name: own.clone(),
                    contract_name: value.descriptor_name.clone(),
                    number: value.number,
                });
                own.clone()
            });
            names.push(views::ValueName {
                contract_name: value.descriptor_name.clone(),
                variant: first.clone(),
            });
            variants.push(own);
        }
        let deprecated = declared.values.iter().any(|one| one.deprecated.is_some());
        let reason = declared.deprecated.as_ref().map(|d| &*d.reason);
        let lints = lints::enumeration(&camel(name), &variants);
        views::Enumeration {
            docs: documentation(&indent, &declared.docs, reason),
            attributes: self.type_attributes(&indent, &declared.name.0, &lints),
            name_attributes: lines(&indent, [lints::names(deprecated)]),
            name: camel(name),
            values,
            names,
            display: !self.derives_display(&declared.name),
            indent,
        }
    }

    /// Whether the options derive what would be generated otherwise.
    fn derives_display(self, name: &FullName) -> bool {
        matching(&self.options.derives, &name.0)
            .any(|path| path.rsplit(':').next() == Some("Display"))
    }

    fn type_attributes(self, indent: &str, name: &str, lints: &str) -> String {
        let mut out = lines(indent, [lints]);
        let derives: Vec<&str> = matching(&self.options.derives, name).collect();
        if !derives.is_empty() {
            out += &lines(indent, [format!("#[derive({})]", derives.join(", "))]);
        }
        out + &lines(indent, matching(&self.options.attributes, name))
    }

    fn member_attributes(
        self,
        indent: &str,
        deprecation: Option<&Deprecation>,
        name: impl FnOnce() -> FullName,
    ) -> String {
        let reason = deprecation.map(|one| docs::deprecated(&one.reason));
        let mut out = lines(indent, reason);
        if !self.options.field_attributes.is_empty() {
            let name = name();
            out += &lines(indent, matching(&self.options.field_attributes, &name.0));
        }
        out
    }
}

fn documentation(indent: &str, lines: &[String], deprecated: Option<&str>) -> String {
    if lines.is_empty() && deprecated.is_none() {
        return String::new();
    }
    let text = match deprecated {
        None => docs::comment(lines),
        Some(_) => docs::comment(&docs::with_deprecation(lines.to_vec(), deprecated)),
    };
    if indent.is_empty() {
        return text;
    }
    self::lines(indent, text.lines())
}

/// Each line behind `indent` and with its end.
fn lines<T: AsRef<str>>(indent: &str, lines: impl IntoIterator<Item = T>) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(indent);
        out.push_str(line.as_ref());
        out.push('\n');
    }
    out
}

fn matching<'a>(all: &'a [(Pattern, String)], name: &str) -> impl Iterator<Item = &'a str> {
    all.iter()
        .filter(move |(pattern, _)| pattern.matches(name))
        .map(|(_, text)| text.as_str())
}

fn derives(traits: Traits) -> String {
    let copy = if traits.copy { ", Copy" } else { "" };
    let eq = if traits.eq { ", Eq, Hash" } else { "" };
    format!("Clone{copy}, PartialEq{eq}")
}

fn in_box(path: String, boxed: bool) -> String {
    if boxed {
        format!("::std::boxed::Box<{path}>")
    } else {
        path
    }
}

/// What prost calls a field of the type.
fn kind(one: &FieldType, scope: Scope<'_>) -> String {
    match one {
        FieldType::Scalar(Scalar::Bytes) => "bytes = \"bytes\"".to_owned(),
        FieldType::Scalar(scalar) => scalar_kind(*scalar).to_owned(),
        FieldType::Enum(name) => format!("enumeration = \"{}\"", scope.path(name)),
        FieldType::Message(_) => "message".to_owned(),
    }
}

/// What prost calls a map's value of the type.
fn entry_kind(one: &FieldType, scope: Scope<'_>) -> String {
    match one {
        FieldType::Scalar(scalar) => scalar_kind(*scalar).to_owned(),
        FieldType::Enum(name) => format!("enumeration({})", scope.path(name)),
        FieldType::Message(_) => "message".to_owned(),
    }
}

fn scalar_kind(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Bool => "bool",
        Scalar::Int32 => "int32",
        Scalar::Int64 => "int64",
        Scalar::Uint32 => "uint32",
        Scalar::Uint64 => "uint64",
        Scalar::Sint32 => "sint32",
        Scalar::Sint64 => "sint64",
        Scalar::Fixed32 => "fixed32",
        Scalar::Fixed64 => "fixed64",
        Scalar::Sfixed32 => "sfixed32",
        Scalar::Sfixed64 => "sfixed64",
        Scalar::Float => "float",
        Scalar::Double => "double",
        Scalar::String => "string",
        Scalar::Bytes => "bytes",
    }
}
