//! Stand-ins for messages that answer in one step what prost-build asks at every use of a message.
//!
//! Whether a message is `Copy` or `Eq` prost-build finds by walking all that it holds, anew at every field: twenty messages
//! that each hold the next one twice take it a million walks. It keeps the last definition of a name that it is given, so
//! behind the files go stand-ins that hold at most one text and one number.

use std::collections::HashMap;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions};

/// What prost-build would find.
#[derive(Clone, Copy)]
struct Traits {
    copy: bool,
    eq: bool,
}

/// One file of stand-ins for each file, to be generated behind all of them and thrown away.
pub(super) fn stubs(files: &[FileDescriptorProto]) -> Vec<FileDescriptorProto> {
    let mut messages = Vec::new();
    for file in files {
        collect(
            &format!(".{}", file.package()),
            &file.message_type,
            &mut messages,
        );
    }
    let traits = resolve(&messages);
    files
        .iter()
        .map(|file| FileDescriptorProto {
            name: file.name.clone(),
            package: file.package.clone(),
            message_type: stand_ins(&format!(".{}", file.package()), &file.message_type, &traits),
            syntax: file.syntax.clone(),
            ..FileDescriptorProto::default()
        })
        .collect()
}

fn collect<'a>(
    scope: &str,
    messages: &'a [DescriptorProto],
    out: &mut Vec<(String, &'a DescriptorProto)>,
) {
    for message in messages {
        let name = format!("{scope}.{}", message.name());
        collect(&name, &message.nested_type, out);
        out.push((name, message));
    }
}

/// Each message as soon as all that it holds are known; those never known hold themselves, or one that does, in a box.
fn resolve(messages: &[(String, &DescriptorProto)]) -> HashMap<String, Traits> {
    let mut holders: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut unknown: Vec<usize> = Vec::with_capacity(messages.len());
    for (position, (_, message)) in messages.iter().enumerate() {
        let held = message.field.iter().filter(|field| holds(field));
        unknown.push(held.clone().count());
        for field in held {
            holders.entry(field.type_name()).or_default().push(position);
        }
    }
    let mut traits: HashMap<String, Traits> = HashMap::with_capacity(messages.len());
    let mut ready: Vec<usize> = (0..messages.len()).filter(|&at| unknown[at] == 0).collect();
    while let Some(position) = ready.pop() {
        let (name, message) = &messages[position];
        let found = message.field.iter().map(|field| of_field(field, &traits));
        let all = found.fold(
            Traits {
                copy: true,
                eq: true,
            },
            |all, one| Traits {
                copy: all.copy && one.copy,
                eq: all.eq && one.eq,
            },
        );
        traits.insert(name.clone(), all);
        for &holder in holders.get(name.as_str()).into_iter().flatten() {
            unknown[holder] -= 1;
            if unknown[holder] == 0 {
                ready.push(holder);
            }
        }
    }
    traits
}

/// Whether the field is another message within this one.
fn holds(field: &FieldDescriptorProto) -> bool {
    field.r#type() == Type::Message && field.label() != Label::Repeated
}

/// As prost-build judges a field.
fn of_field(field: &FieldDescriptorProto, known: &HashMap<String, Traits>) -> Traits {
    if holds(field) {
        return of_message(field.type_name(), known);
    }
    let repeated = field.label() == Label::Repeated;
    let kind = field.r#type();
    Traits {
        copy: !repeated && !matches!(kind, Type::String | Type::Bytes),
        eq: !matches!(kind, Type::Float | Type::Double | Type::Message),
    }
}

fn of_message(name: &str, known: &HashMap<String, Traits>) -> Traits {
    let boxed = Traits {
        copy: false,
        eq: false,
    };
    known.get(name).copied().unwrap_or(boxed)
}

fn stand_ins(
    scope: &str,
    messages: &[DescriptorProto],
    traits: &HashMap<String, Traits>,
) -> Vec<DescriptorProto> {
    messages
        .iter()
        .filter(|message| {
            !message
                .options
                .as_ref()
                .is_some_and(MessageOptions::map_entry)
        })
        .map(|message| {
            let name = format!("{scope}.{}", message.name());
            let found = of_message(&name, traits);
            let text = (!found.copy).then(|| field("text", 1, Type::String));
            let number = (!found.eq).then(|| field("number", 2, Type::Double));
            DescriptorProto {
                name: message.name.clone(),
                field: text.into_iter().chain(number).collect(),
                nested_type: stand_ins(&name, &message.nested_type, traits),
                ..DescriptorProto::default()
            }
        })
        .collect()
}

fn field(name: &str, number: i32, r#type: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(r#type.into()),
        ..FieldDescriptorProto::default()
    }
}
