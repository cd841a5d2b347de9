//! Messages, enums, errors and constants as `.proto` text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::{
    Constant, Deprecation, Enum, EnumValue, Field, FieldShape, FieldType, File, Message,
    ReservedNumbers,
};
use crate::print;

use super::comment::Comment;
use super::context::Context;
use super::write::Writer;
use super::{HEADER, Written};

/// Where in a `FileDescriptorProto` its parts are.
const FILE_PACKAGE: i32 = 2;
const FILE_MESSAGES: i32 = 4;
const FILE_ENUMS: i32 = 5;
const FILE_SYNTAX: i32 = 12;
/// Where in a `DescriptorProto`.
const MESSAGE_FIELDS: i32 = 2;
const MESSAGE_NESTED: i32 = 3;
const MESSAGE_ENUMS: i32 = 4;
const MESSAGE_ONEOFS: i32 = 8;
/// Where in an `EnumDescriptorProto`.
const ENUM_VALUES: i32 = 2;

/// The largest numbers, which protobuf calls `max`.
const FIELD_MAX: i32 = 536_870_911;
const ENUM_MAX: i32 = i32::MAX;

/// Where names are written.
#[derive(Clone, Copy)]
struct Place<'c, 'm> {
    context: &'c Context<'m>,
    package: &'c str,
}

/// The `.proto` file at `path` of everything in `file` but its services.
pub(super) fn write(context: &Context<'_>, file: &File, path: &str, source_info: bool) -> Written {
    let imports = imports(context, file, path);
    let place = Place {
        context,
        package: &file.package.0,
    };
    let mut out = Writer::new(source_info);
    let declares = !file.messages.is_empty() || !file.enums.is_empty() || !file.errors.is_empty();
    // A comment that nothing follows is lost to every tool.
    let (early, late) = if declares {
        (&[][..], &*file.constants)
    } else {
        (&*file.constants, &[][..])
    };
    head(
        &mut out,
        &file.import_path,
        &file.docs,
        place.package,
        &imports,
        |out| constants(out, early),
    );
    out.blank();
    constants(&mut out, late);
    for (index, one) in (0..).zip(&file.messages) {
        out.blank();
        message(place, &mut out, &[FILE_MESSAGES, index], one, &[]);
    }
    let first = i32::try_from(file.messages.len()).unwrap_or(i32::MAX);
    for (index, error) in (first..).zip(&file.errors) {
        out.blank();
        let mark = format!("error {}", print::status(error.code));
        let steps = [FILE_MESSAGES, index];
        message(place, &mut out, &steps, &error.message, &[mark]);
    }
    for (index, one) in (0..).zip(&file.enums) {
        out.blank();
        enumeration(&mut out, &[FILE_ENUMS, index], one);
    }
    let (text, info) = out.finish();
    Written {
        text,
        imports,
        info,
    }
}

/// The lines at the head of a file, up to its imports.
pub(super) fn head(
    out: &mut Writer,
    source: &str,
    docs: &[String],
    package: &str,
    imports: &[String],
    before_package: impl FnOnce(&mut Writer),
) {
    out.line(format_args!("{HEADER} from {source}. Do not edit."));
    out.blank();
    out.element(&[FILE_SYNTAX], &Comment::of(docs), None, |out| {
        out.line(format_args!("syntax = \"proto3\";"));
    });
    out.blank();
    before_package(out);
    out.blank();
    out.element(&[FILE_PACKAGE], &Comment::default(), None, |out| {
        out.line(format_args!("package {package};"));
    });
    out.blank();
    for import in imports {
        out.line(format_args!("import {};", quoted(import)));
    }
}

/// Each as a comment of its own.
fn constants(out: &mut Writer, constants: &[Constant]) {
    for constant in constants {
        out.blank();
        let mark = print::constant(constant);
        out.comment(&Comment::of(&constant.docs).mark(&[mark]));
        out.blank();
    }
}

fn message(
    place: Place<'_, '_>,
    out: &mut Writer,
    steps: &[i32],
    message: &Message,
    marks: &[String],
) {
    let comment = Comment::of(&message.docs)
        .deprecated(reason(message.deprecated.as_ref()))
        .mark(marks);
    out.element(steps, &comment, None, |out| {
        out.block(format_args!("message {}", message.name.simple()), |out| {
            body(place, out, message);
        });
    });
}

fn body(place: Place<'_, '_>, out: &mut Writer, of: &Message) {
    if of.deprecated.is_some() {
        out.line(format_args!("option deprecated = true;"));
    }
    // Before the fields, so that the entry messages of maps stand behind them, as in our descriptors.
    for (index, nested) in (0..).zip(&of.messages) {
        out.blank();
        message(place, out, &[MESSAGE_NESTED, index], nested, &[]);
    }
    for (index, one) in (0..).zip(&of.enums) {
        out.blank();
        enumeration(out, &[MESSAGE_ENUMS, index], one);
    }
    if !of.messages.is_empty() || !of.enums.is_empty() {
        out.blank();
    }
    let fields: Vec<(i32, &Field)> = (0..).zip(&of.fields).collect();
    let mut rest = &fields[..];
    while let [(index, one), behind @ ..] = rest {
        let Some(position) = one.oneof else {
            field(place, out, of, *index, one);
            rest = behind;
            continue;
        };
        let member = |(_, field): &&(i32, &Field)| field.oneof == Some(position);
        let (members, behind) = rest.split_at(rest.iter().take_while(member).count());
        oneof(place, out, of, position, members);
        rest = behind;
    }
    let ranges = ranges(&of.reserved_numbers, FIELD_MAX);
    reserved(out, &ranges, &of.reserved_names);
}

fn oneof(
    place: Place<'_, '_>,
    out: &mut Writer,
    of: &Message,
    position: usize,
    members: &[(i32, &Field)],
) {
    let oneof = &of.oneofs[position];
    let required = oneof.required.then(|| "@required".to_owned());
    let comment = Comment::of(&oneof.docs).mark(&required.into_iter().collect::<Vec<_>>());
    let index = i32::try_from(position).unwrap_or(i32::MAX);
    // The members are elements of the message: their places do not lie in the oneof's.
    out.element(&[MESSAGE_ONEOFS, index], &comment, None, |out| {
        out.line(format_args!("oneof {} {{", oneof.name));
    });
    out.inside(|out| {
        for (index, member) in members {
            field(place, out, of, *index, member);
        }
    });
    out.line(format_args!("}}"));
}

fn field(place: Place<'_, '_>, out: &mut Writer, of: &Message, index: i32, field: &Field) {
    let comment = Comment::of(&field.docs).deprecated(reason(field.deprecated.as_ref()));
    let name = |one: &FieldType| type_name(place, &of.name.0, one);
    let typed = match &field.shape {
        FieldShape::Singular(one) => name(one),
        FieldShape::Optional(one) => format!("optional {}", name(one)),
        FieldShape::List(one) => format!("repeated {}", name(one)),
        FieldShape::Map(key, value) => {
            format!("map<{}, {}>", print::scalar(*key), name(value))
        }
    };
    let mut options = Vec::new();
    if field.deprecated.is_some() {
        options.push("deprecated = true".to_owned());
    }
    if let Some(name) = &field.json_name {
        options.push(format!("json_name = {}", quoted(name)));
    }
    let mut words = print::rules(field, &place.context.enums);
    if field.redact {
        words.push("@redact".to_owned());
    }
    let trailing = Comment::default().mark(&words);
    out.element(&[MESSAGE_FIELDS, index], &comment, Some(&trailing), |out| {
        out.line(format_args!(
            "{typed} {} = {}{};{}",
            field.name,
            field.number,
            bracketed(&options),
            behind(&trailing)
        ));
    });
}

fn enumeration(out: &mut Writer, steps: &[i32], of: &Enum) {
    let comment = Comment::of(&of.docs).deprecated(reason(of.deprecated.as_ref()));
    out.element(steps, &comment, None, |out| {
        out.block(format_args!("enum {}", of.name.simple()), |out| {
            if of.allow_alias {
                out.line(format_args!("option allow_alias = true;"));
            }
            if of.deprecated.is_some() {
                out.line(format_args!("option deprecated = true;"));
            }
            for (index, one) in (0..).zip(&of.values) {
                value(out, index, one);
            }
            let ranges = ranges(&of.reserved_numbers, ENUM_MAX);
            reserved(out, &ranges, &of.reserved_names);
        });
    });
}

fn value(out: &mut Writer, index: i32, value: &EnumValue) {
    let comment = Comment::of(&value.docs).deprecated(reason(value.deprecated.as_ref()));
    let options: Vec<String> = value
        .deprecated
        .iter()
        .map(|_| "deprecated = true".to_owned())
        .collect();
    out.element(&[ENUM_VALUES, index], &comment, None, |out| {
        let (name, number) = (&value.descriptor_name, value.number);
        out.line(format_args!("{name} = {number}{};", bracketed(&options)));
    });
}

fn reserved(out: &mut Writer, ranges: &[String], names: &[String]) {
    if !ranges.is_empty() {
        out.line(format_args!("reserved {};", ranges.join(", ")));
    }
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        out.line(format_args!("reserved {};", names.join(", ")));
    }
}

fn ranges(ranges: &[ReservedNumbers], max: i32) -> Vec<String> {
    let written = |range: &ReservedNumbers| match *range {
        ReservedNumbers { from, to } if from == to => from.to_string(),
        ReservedNumbers { from, to } if to == max => format!("{from} to max"),
        ReservedNumbers { from, to } => format!("{from} to {to}"),
    };
    ranges.iter().map(written).collect()
}

fn type_name(place: Place<'_, '_>, scope: &str, one: &FieldType) -> String {
    match one {
        FieldType::Scalar(scalar) => print::scalar(*scalar).to_owned(),
        FieldType::Enum(name) | FieldType::Message(name) => place
            .context
            .symbols
            .written(place.package, scope, &name.0)
            .into_owned(),
    }
}

fn reason(deprecated: Option<&Deprecation>) -> Option<&str> {
    deprecated.map(|deprecated| &*deprecated.reason)
}

fn bracketed(options: &[String]) -> String {
    if options.is_empty() {
        String::new()
    } else {
        format!(" [{}]", options.join(", "))
    }
}

/// A comment of one line at the end of another.
fn behind(comment: &Comment) -> String {
    comment
        .lines
        .first()
        .map_or_else(String::new, |line| format!(" // {line}"))
}

/// A string literal of protobuf.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_control() => {
                let mut bytes = [0; 4];
                for byte in letter.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\{byte:03o}");
                }
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// The files that declare what the file's fields name.
fn imports(context: &Context<'_>, file: &File, path: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let errors = file.errors.iter().map(|error| &error.message);
    for message in file.messages.iter().chain(errors) {
        homes(context, message, &mut found);
    }
    found.remove(path);
    found.into_iter().map(str::to_owned).collect()
}

fn homes<'m>(context: &Context<'m>, message: &Message, found: &mut BTreeSet<&'m str>) {
    for field in &message.fields {
        let (FieldShape::Singular(one)
        | FieldShape::Optional(one)
        | FieldShape::List(one)
        | FieldShape::Map(_, one)) = &field.shape;
        if let FieldType::Enum(name) | FieldType::Message(name) = one {
            found.extend(context.home(name));
        }
    }
    for nested in &message.messages {
        homes(context, nested, found);
    }
}
