//! Messages, errors and enums: prost-build's text, with our documentation and attributes in it.
//!
//! prost-build takes documentation from the source info of a descriptor, searches it for what rustdoc would misread, which
//! takes a third of its time, and changes it on the way; and it applies attributes by prefix, so one on a message reaches
//! all in it. So it gets none of that. What belongs before each declaration is listed in the order in which prost-build
//! prints declarations, and put before them line by line.
//!
//! It searches all that it is given for each field that holds a message, and asks anew what each can derive. So it is given
//! one package at a time, and stand-ins for what the package's messages hold.

use std::collections::{BTreeSet, HashSet};

use prost_build::Module;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use crate::descriptor;
use crate::model::{Deprecation, Enum, Field, File, FullName, Message, PackageName};

use super::options::{Options, matching};
use super::rust::names::{camel, snake, variant};
use super::rust::redact;
use super::shapes::{Shapes, Traits};
use super::{docs, lints};

/// The text of a package, which may be empty.
///
/// # Errors
/// What prost-build says of an extern path that cannot be.
pub(super) fn generate(
    package: &PackageName,
    files: &[&File],
    shapes: &Shapes,
    options: &Options,
) -> Result<String, String> {
    let mut scribe = Scribe {
        options,
        items: Vec::new(),
    };
    for file in files {
        scribe.file(file);
    }
    let descriptors: Vec<FileDescriptorProto> = files
        .iter()
        .map(|file| descriptor::lower_file(file))
        .collect();
    let mut held = BTreeSet::new();
    for descriptor in &descriptors {
        collect_held(&descriptor.message_type, &mut held);
    }
    let stand_ins: Vec<FileDescriptorProto> = held
        .iter()
        .map(|name| stand_in(name, shapes.of(&name[1..])))
        .collect();
    let kept = Module::from_parts([&*package.0]);
    // No package has an empty part in its name.
    let thrown_away = Module::from_parts(["."]);
    let requests = descriptors
        .into_iter()
        .map(|descriptor| (kept.clone(), descriptor))
        .chain(
            stand_ins
                .into_iter()
                .map(|stand_in| (thrown_away.clone(), stand_in)),
        )
        .collect();
    let texts = config(options)
        .generate(requests)
        .map_err(|error| error.to_string())?;
    let text = texts.get(&kept).map_or("", String::as_str);
    Ok(decorate(&package.0, text, &scribe.items))
}

fn config(options: &Options) -> prost_build::Config {
    let mut config = prost_build::Config::new();
    config
        .bytes(["."])
        .prost_path("::callsheet::codegen::prost")
        .prost_types_path("::callsheet::codegen::prost_types");
    for (proto, rust) in &options.extern_paths {
        config.extern_path(proto.as_str(), rust.as_str());
    }
    config
}

/// The full names, dot in front, of the messages that others hold within their own.
fn collect_held(messages: &[DescriptorProto], out: &mut BTreeSet<String>) {
    for message in messages {
        let held = message
            .field
            .iter()
            .filter(|field| field.r#type() == Type::Message && field.label() != Label::Repeated);
        out.extend(held.map(|field| field.type_name().to_owned()));
        collect_held(&message.nested_type, out);
    }
}

/// A message of that name that holds at most one text and one number, and derives what the real one does. prost-build
/// keeps the last definition of a name for this question, and the first for all others.
fn stand_in(name: &str, traits: Traits) -> FileDescriptorProto {
    let (scope, simple) = name.rsplit_once('.').unwrap_or_default();
    let field = |name: &str, number, kind: Type| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        ..FieldDescriptorProto::default()
    };
    let text = (!traits.copy).then(|| field("text", 1, Type::String));
    let number = (!traits.eq).then(|| field("number", 2, Type::Double));
    FileDescriptorProto {
        package: scope.strip_prefix('.').map(str::to_owned),
        message_type: vec![DescriptorProto {
            name: Some(simple.to_owned()),
            field: text.into_iter().chain(number).collect(),
            ..DescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    }
}

/// What belongs before one declaration. A oneof is two: a member of the message, and a type of its own.
#[derive(Default)]
struct Item {
    /// Its documentation, whole lines.
    docs: String,
    attributes: Vec<String>,
    /// Whether its type leaves `Debug` to us.
    own_debug: bool,
}

impl Item {
    fn push(&self, indent: &str, out: &mut String) {
        for line in self.docs.lines() {
            push(out, indent, line);
        }
        for attribute in &self.attributes {
            push(out, indent, attribute);
        }
    }
}

/// prost-build's text with what belongs before each declaration, indented as the code is.
fn decorate(package: &str, text: &str, items: &[Item]) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut items = items.iter();
    let mut current: Option<(&Item, &str)> = None;
    let mut modules = Modules::new(package);
    let mut in_enum = false;
    let mut previous = "";
    for line in text.lines() {
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        if out.ends_with("}\n") && !trimmed.starts_with('}') {
            out.push('\n');
        }
        if trimmed.starts_with("#[derive(") {
            current = items.next().map(|item| (item, indent));
            if let Some((item, _)) = current {
                item.push(indent, &mut out);
            }
            push(&mut out, indent, trimmed);
        } else if trimmed.starts_with("#[prost(prost_path") {
            // The one line that prost-build leaves to a formatter.
            let indent = current.map_or("", |(_, indent)| indent);
            push(&mut out, indent, trimmed);
            if current.is_some_and(|(item, _)| item.own_debug) {
                push(&mut out, indent, "#[prost(skip_debug)]");
            }
        } else if trimmed.starts_with("#[prost(") || (in_enum && trimmed.ends_with(',')) {
            if let Some(item) = items.next() {
                item.push(indent, &mut out);
            }
            push(&mut out, indent, trimmed);
        } else if trimmed == "#[deprecated]" || trimmed.starts_with("// This file is @generated") {
            // Said with its reason by the item; said by the head of the file.
        } else {
            in_enum = trimmed == "#[repr(i32)]" || (in_enum && trimmed != "}");
            if trimmed.starts_with("impl ") {
                push(&mut out, indent, lints::UNUSED);
            }
            if modules.enter(indent, trimmed) {
                push(&mut out, indent, lints::SAME_MODULE);
            }
            match own_name(trimmed, previous) {
                Some(renamed) => push(&mut out, indent, &renamed),
                None => push(&mut out, indent, trimmed),
            }
        }
        previous = trimmed;
    }
    debug_assert!(items.next().is_none(), "declarations are listed as printed");
    out
}

/// The modules around a line, outermost first.
struct Modules(Vec<String>);

impl Modules {
    fn new(package: &str) -> Self {
        Self(package.rsplit('.').next().map(snake).into_iter().collect())
    }

    /// Whether `line` opens a module that is called as the one around it.
    fn enter(&mut self, indent: &str, line: &str) -> bool {
        let name = line
            .strip_prefix("pub mod ")
            .and_then(|rest| rest.strip_suffix(" {"));
        let Some(name) = name else {
            return false;
        };
        // prost-build indents by four blanks for each module.
        self.0.truncate(indent.len() / 4 + 1);
        let same = self.0.last().is_some_and(|outer| outer == name);
        self.0.push(name.to_owned());
        same
    }
}

/// A line of code with our name for a map of enums that is called as a keyword, as `names::field` has it.
fn own_name(line: &str, previous: &str) -> Option<String> {
    line.strip_prefix("pub r#")
        .filter(|_| previous.starts_with("#[prost(map") && previous.contains("enumeration("))
        .and_then(|field| field.split_once(':'))
        .map(|(name, behind)| format!("pub {name}_:{behind}"))
}

fn push(out: &mut String, indent: &str, line: &str) {
    if !line.is_empty() {
        out.push_str(indent);
        out.push_str(line);
    }
    out.push('\n');
}

/// Lists what belongs before declarations, in the order in which prost-build prints these.
struct Scribe<'a> {
    options: &'a Options,
    items: Vec<Item>,
}

impl Scribe<'_> {
    fn file(&mut self, file: &File) {
        let errors = file.errors.iter().map(|error| &error.message);
        for message in file.messages.iter().chain(errors) {
            self.message(message);
        }
        for declared in &file.enums {
            self.enumeration(declared);
        }
    }

    fn message(&mut self, message: &Message) {
        // Of another crate, with all that is in it.
        if self.options.extern_path(&message.name.0).is_some() {
            return;
        }
        let reason = message.deprecated.as_ref().map(|d| &*d.reason);
        self.items.push(Item {
            docs: documentation(&message.docs, reason),
            attributes: self.type_attributes(
                &message.name.0,
                lints::message(&camel(message.name.simple())),
            ),
            own_debug: redact::message_has_secret(message),
        });
        for field in message.fields.iter().filter(|field| field.oneof.is_none()) {
            self.field(message, field);
        }
        for oneof in &message.oneofs {
            self.items.push(Item {
                docs: documentation(&oneof.docs, None),
                attributes: self.field_attributes(|| message.name.child(&oneof.name)),
                ..Item::default()
            });
        }
        for nested in &message.messages {
            self.message(nested);
        }
        for nested in &message.enums {
            self.enumeration(nested);
        }
        for (oneof, members) in message.oneofs.iter().zip(message.members()) {
            let name = message.name.child(&oneof.name);
            let variants: Vec<String> = members.iter().map(|field| camel(&field.name)).collect();
            let lints = lints::oneof(&camel(&oneof.name), &variants);
            self.items.push(Item {
                docs: documentation(&oneof.docs, None),
                attributes: self.type_attributes(&name.0, lints),
                own_debug: redact::oneof_has_secret(&members),
            });
            for field in members {
                self.field(message, field);
            }
        }
    }

    fn field(&mut self, message: &Message, field: &Field) {
        let name = || message.name.child(&field.name);
        let item = self.member(&field.docs, field.deprecated.as_ref(), name);
        self.items.push(item);
    }

    fn enumeration(&mut self, declared: &Enum) {
        if self.options.extern_path(&declared.name.0).is_some() {
            return;
        }
        let reason = declared.deprecated.as_ref().map(|d| &*d.reason);
        let name = declared.name.simple();
        let variants: Vec<String> = declared
            .values
            .iter()
            .map(|value| variant(name, &value.descriptor_name))
            .collect();
        let lints = lints::enumeration(&camel(name), &variants);
        self.items.push(Item {
            docs: documentation(&declared.docs, reason),
            attributes: self.type_attributes(&declared.name.0, lints),
            ..Item::default()
        });
        // A second value of one number has no variant.
        let mut numbers = HashSet::new();
        for value in &declared.values {
            if numbers.insert(value.number) {
                let name = || declared.name.child(&value.name);
                let item = self.member(&value.docs, value.deprecated.as_ref(), name);
                self.items.push(item);
            }
        }
    }

    /// A field or an enum value.
    fn member(
        &self,
        docs: &[String],
        deprecation: Option<&Deprecation>,
        name: impl FnOnce() -> FullName,
    ) -> Item {
        let deprecated = deprecation.map(|one| docs::deprecated(&one.reason));
        Item {
            docs: documentation(docs, None),
            attributes: deprecated
                .into_iter()
                .chain(self.field_attributes(name))
                .collect(),
            ..Item::default()
        }
    }

    fn type_attributes(&self, name: &str, lints: String) -> Vec<String> {
        let derives: Vec<&str> = self.options.derives_of(name).collect();
        let derive = (!derives.is_empty()).then(|| format!("#[derive({})]", derives.join(", ")));
        [lints]
            .into_iter()
            .chain(derive)
            .chain(matching(&self.options.attributes, name).map(str::to_owned))
            .collect()
    }

    fn field_attributes(&self, name: impl FnOnce() -> FullName) -> Vec<String> {
        let all = &self.options.field_attributes;
        if all.is_empty() {
            return Vec::new();
        }
        matching(all, &name().0).map(str::to_owned).collect()
    }
}

fn documentation(lines: &[String], deprecated: Option<&str>) -> String {
    match deprecated {
        None => docs::comment(lines),
        Some(_) => docs::comment(&docs::with_deprecation(lines.to_vec(), deprecated)),
    }
}
