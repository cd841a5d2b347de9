//! Messages, errors and enums: prost-build's text, with our documentation and attributes in it.
//!
//! prost-build takes documentation from the source info of a descriptor and changes it on the way, and it applies
//! attributes by prefix, so one on a message reaches all in it. So each declaration gets a mark as its documentation, and
//! the mark's line is replaced by what belongs before the declaration.
//!
//! It searches all that it is given for each field that holds a message, and asks anew what each can derive. So it is given
//! one package at a time, and stand-ins for what the package's messages hold.

use std::collections::BTreeSet;

use prost_build::Module;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, SourceCodeInfo};

use crate::descriptor;
use crate::model::{Deprecation, Enum, File, Message, PackageName};

use super::options::{Options, matching};
use super::rust::names::{camel, snake, variant};
use super::rust::redact;
use super::shapes::{Shapes, Traits};
use super::{docs, lints};

/// Marks a declaration in prost-build's text; no documentation comes so far.
const MARK: &str = "/// __rpc_item_";

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
    let mut marks = Marks::default();
    let descriptors: Vec<FileDescriptorProto> = files
        .iter()
        .map(|file| FileDescriptorProto {
            source_code_info: Some(marks.file(file, options)),
            ..descriptor::lower_file(file)
        })
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
    Ok(marks.decorate(&package.0, text))
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

/// What stands before each declaration, by the number of its mark.
#[derive(Default)]
struct Marks {
    items: Vec<Item>,
}

/// What belongs to one declaration. A oneof is two things in Rust: a member of the message, and a type of its own.
#[derive(Default)]
struct Item {
    /// Its documentation.
    docs: Vec<String>,
    /// Attributes of the type it is.
    on_type: Vec<String>,
    /// Attributes of the field or variant it is.
    on_member: Vec<String>,
    /// Whether its type leaves `Debug` to us.
    own_debug: bool,
}

impl Marks {
    fn file(&mut self, file: &File, options: &Options) -> SourceCodeInfo {
        let mut scribe = Scribe {
            marks: self,
            options,
            locations: Vec::new(),
        };
        let errors = file.errors.iter().map(|error| &error.message);
        for (position, message) in file.messages.iter().chain(errors).enumerate() {
            scribe.message(&[4, number(position)], message);
        }
        for (position, declared) in file.enums.iter().enumerate() {
            scribe.enumeration(&[5, number(position)], declared);
        }
        SourceCodeInfo {
            location: scribe.locations,
        }
    }

    /// prost-build's text with what belongs before each declaration, indented as the code is.
    fn decorate(&self, package: &str, text: &str) -> String {
        let mut out = String::with_capacity(text.len() * 2);
        let mut current = None;
        let mut modules = Modules::new(package);
        let mut previous = "";
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let trimmed = line.trim_start();
            let indent = &line[..line.len() - trimmed.len()];
            if out.ends_with("}\n") && !trimmed.starts_with('}') {
                out.push('\n');
            }
            if let Some(item) = trimmed.strip_prefix(MARK).and_then(|mark| self.item(mark)) {
                let is_type = lines
                    .peek()
                    .is_some_and(|next| next.trim_start().starts_with("#[derive("));
                push(&mut out, indent, &item.docs);
                push(
                    &mut out,
                    indent,
                    if is_type {
                        &item.on_type
                    } else {
                        &item.on_member
                    },
                );
                current = Some((item, indent.to_owned()));
            } else if trimmed.starts_with("#[prost(prost_path") {
                // The one line that prost-build leaves to a formatter.
                let indent = current.as_ref().map_or("", |(_, indent)| indent.as_str());
                push(&mut out, indent, &[trimmed.to_owned()]);
                if current.as_ref().is_some_and(|(item, _)| item.own_debug) {
                    push(&mut out, indent, &["#[prost(skip_debug)]".to_owned()]);
                }
            } else if trimmed == "#[deprecated]"
                || trimmed.starts_with("// This file is @generated")
            {
                // Said with its reason by the mark; said by the head of the file.
            } else {
                if trimmed.starts_with("impl ") {
                    push(&mut out, indent, &[lints::UNUSED.to_owned()]);
                }
                if modules.enter(indent, trimmed) {
                    push(&mut out, indent, &[lints::SAME_MODULE.to_owned()]);
                }
                push(&mut out, indent, &[own_name(trimmed, previous)]);
            }
            previous = trimmed;
        }
        out
    }

    fn item(&self, mark: &str) -> Option<&Item> {
        self.items.get(mark.parse::<usize>().ok()?)
    }
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

/// A line of code, with our name for a map of enums that is called as a keyword, as `names::field` has it.
fn own_name(line: &str, previous: &str) -> String {
    let renamed = line
        .strip_prefix("pub r#")
        .filter(|_| previous.starts_with("#[prost(map") && previous.contains("enumeration("))
        .and_then(|field| field.split_once(':'))
        .map(|(name, behind)| format!("pub {name}_:{behind}"));
    renamed.unwrap_or_else(|| line.to_owned())
}

fn push(out: &mut String, indent: &str, lines: &[String]) {
    for line in lines {
        if !line.is_empty() {
            out.push_str(indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// Writes down the marks of one file.
struct Scribe<'a> {
    marks: &'a mut Marks,
    options: &'a Options,
    locations: Vec<Location>,
}

impl Scribe<'_> {
    fn message(&mut self, path: &[i32], message: &Message) {
        let reason = message.deprecated.as_ref().map(|d| &*d.reason);
        self.mark(
            path.to_vec(),
            Item {
                docs: documentation(&message.docs, reason),
                on_type: self.type_attributes(
                    &message.name.0,
                    lints::message(&camel(message.name.simple())),
                ),
                own_debug: redact::message_has_secret(message),
                ..Item::default()
            },
        );
        for (position, field) in message.fields.iter().enumerate() {
            let name = message.name.child(&field.name);
            let item = self.member(&field.docs, field.deprecated.as_ref(), &name.0);
            self.mark(join(path, 2, position), item);
        }
        let members = message.members();
        for (position, (oneof, members)) in message.oneofs.iter().zip(&members).enumerate() {
            let name = message.name.child(&oneof.name);
            let variants: Vec<String> = members.iter().map(|field| camel(&field.name)).collect();
            let lints = lints::oneof(&camel(&oneof.name), &variants);
            self.mark(
                join(path, 8, position),
                Item {
                    docs: documentation(&oneof.docs, None),
                    on_type: self.type_attributes(&name.0, lints),
                    on_member: self.field_attributes(&name.0),
                    own_debug: redact::oneof_has_secret(members),
                },
            );
        }
        for (position, nested) in message.messages.iter().enumerate() {
            self.message(&join(path, 3, position), nested);
        }
        for (position, nested) in message.enums.iter().enumerate() {
            self.enumeration(&join(path, 4, position), nested);
        }
    }

    fn enumeration(&mut self, path: &[i32], declared: &Enum) {
        let reason = declared.deprecated.as_ref().map(|d| &*d.reason);
        let name = declared.name.simple();
        let variants: Vec<String> = declared
            .values
            .iter()
            .map(|value| variant(name, &value.descriptor_name))
            .collect();
        let lints = lints::enumeration(&camel(name), &variants);
        self.mark(
            path.to_vec(),
            Item {
                docs: documentation(&declared.docs, reason),
                on_type: self.type_attributes(&declared.name.0, lints),
                ..Item::default()
            },
        );
        for (position, value) in declared.values.iter().enumerate() {
            let name = declared.name.child(&value.name);
            let item = self.member(&value.docs, value.deprecated.as_ref(), &name.0);
            self.mark(join(path, 2, position), item);
        }
    }

    /// A field or an enum value.
    fn member(&self, docs: &[String], deprecation: Option<&Deprecation>, name: &str) -> Item {
        let deprecated = deprecation.map(|one| docs::deprecated(&one.reason));
        Item {
            docs: documentation(docs, None),
            on_member: deprecated
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

    fn field_attributes(&self, name: &str) -> Vec<String> {
        matching(&self.options.field_attributes, name)
            .map(str::to_owned)
            .collect()
    }

    fn mark(&mut self, path: Vec<i32>, item: Item) {
        let number = self.marks.items.len();
        self.marks.items.push(item);
        self.locations.push(Location {
            path,
            leading_comments: Some(format!("{}{number}", MARK.trim_start_matches('/'))),
            ..Location::default()
        });
    }
}

fn documentation(lines: &[String], deprecated: Option<&str>) -> Vec<String> {
    docs::comment(&docs::with_deprecation(lines.to_vec(), deprecated))
        .lines()
        .map(str::to_owned)
        .collect()
}

fn join(path: &[i32], kind: i32, position: usize) -> Vec<i32> {
    [path, &[kind, number(position)]].concat()
}

fn number(position: usize) -> i32 {
    i32::try_from(position).expect("a source file holds fewer than 2^31 declarations")
}
