//! The text of a lock file: one fact a line; declarations by name, what is in them in the order of the source.

use std::fmt::Write as _;

use super::{Frozen, Lock};
use crate::model::{
    Balance, Bound, Enum, Error, FieldShape, FieldType, Groups, Message, Method, ReservedNumbers,
    Rule, Scalar, Service, StatusCode,
};

/// The first line, for people.
const HEAD: &str = "# What was released and must stay as it was. Written by `callsheet release`.\n";

impl Lock {
    /// The format that [`Lock::text`] writes and [`Lock::parse`] reads.
    pub const VERSION: u32 = 1;

    /// The file's text. The same releases give the same text.
    pub fn text(&self) -> String {
        let mut text = format!("{HEAD}callsheet lock {}\n", Self::VERSION);
        for frozen in &self.releases {
            text.push('\n');
            write_frozen(&mut text, frozen);
        }
        text
    }
}

fn write_frozen(text: &mut String, frozen: &Frozen) {
    let service = &frozen.service;
    let _ = writeln!(text, "release {} {}", service.name, frozen.release);
    write_groups(text, &service.groups);
    write_methods(text, service);
    for error in &frozen.errors {
        write_error(text, error);
    }
    for message in &frozen.messages {
        let _ = writeln!(text, "    message {}", message.name);
        write_members(text, message);
    }
    for declared in &frozen.enums {
        write_enum(text, declared);
    }
}

fn write_groups(text: &mut String, groups: &Groups) {
    let mut names: Vec<&str> = groups.named.iter().map(|group| &*group.name).collect();
    if groups.open {
        names.push("..");
    }
    let _ = writeln!(text, "    groups {}", names.join(", "));
}

fn write_methods(text: &mut String, service: &Service) {
    for method in &service.methods {
        let _ = writeln!(text, "    {}", rpc(method));
    }
}

/// A method as one line.
fn rpc(method: &Method) -> String {
    let how = match (method.request.stream, method.request.arguments) {
        (true, _) => "stream ",
        (false, true) => "arguments ",
        (false, false) => "",
    };
    let stream = if method.reply_stream { "stream " } else { "" };
    let mut line = format!(
        "rpc {}({how}{}) -> {stream}{}",
        method.name, method.request.message, method.reply
    );
    if !method.throws.is_empty() {
        let names: Vec<&str> = method.throws.iter().map(|name| &*name.0).collect();
        let _ = write!(line, " throws {}", names.join(", "));
    }
    let policy = &method.policy;
    if policy.oneway {
        line.push_str(" @oneway");
    }
    if policy.idempotent {
        line.push_str(" @idempotent");
    }
    if let Some(bytes) = policy.max_size {
        let _ = write!(line, " @max_size({bytes})");
    }
    if let Some(Balance::ConsistentHash(path)) = &policy.balance {
        let _ = write!(line, " @consistent_hash(.{})", path.join("."));
    }
    line
}

fn write_error(text: &mut String, error: &Error) {
    let _ = writeln!(
        text,
        "    error {}({})",
        error.message.name,
        code_name(error.code)
    );
    write_members(text, &error.message);
}

/// The name of a status code in sources.
pub(super) fn code_name(code: StatusCode) -> &'static str {
    let known = StatusCode::ALL.iter().find(|(known, _)| *known == code);
    known.map_or("", |(_, name)| name)
}

fn write_members(text: &mut String, message: &Message) {
    for oneof in &message.oneofs {
        if oneof.required {
            let _ = writeln!(text, "        oneof {} @required", oneof.name);
        }
    }
    for field in &message.fields {
        let _ = write!(
            text,
            "        {}: {} = {}",
            field.name,
            shape(&field.shape),
            field.number
        );
        if let Some(oneof) = field.oneof.and_then(|place| message.oneofs.get(place)) {
            let _ = write!(text, " in {}", oneof.name);
        }
        if let Some(name) = &field.json_name {
            let _ = write!(text, " @json({})", quoted(name));
        }
        for rule in &field.rules {
            let _ = write!(text, " {}", rule_text(rule));
        }
        text.push('\n');
    }
    write_reserved(text, &message.reserved_numbers, &message.reserved_names);
}

fn write_enum(text: &mut String, declared: &Enum) {
    let _ = writeln!(text, "    enum {}", declared.name);
    for value in &declared.values {
        let _ = writeln!(text, "        {} = {}", value.descriptor_name, value.number);
    }
    write_reserved(text, &declared.reserved_numbers, &declared.reserved_names);
}

fn write_reserved(text: &mut String, numbers: &[ReservedNumbers], names: &[String]) {
    let ranges = numbers.iter().map(|range| {
        if range.from == range.to {
            range.from.to_string()
        } else {
            format!("{}..={}", range.from, range.to)
        }
    });
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    for entry in ranges.chain(sorted.into_iter().map(|name| quoted(name))) {
        let _ = writeln!(text, "        reserved {entry}");
    }
}

/// The type of a field as sources have it, with full names: `map<string, shop.orders.Item>`.
pub fn shape(shape: &FieldShape) -> String {
    match shape {
        FieldShape::Singular(ty) => field_type(ty).to_owned(),
        FieldShape::Optional(ty) => format!("{}?", field_type(ty)),
        FieldShape::List(ty) => format!("[{}]", field_type(ty)),
        FieldShape::Map(key, ty) => format!("map<{}, {}>", scalar(*key), field_type(ty)),
    }
}

/// The type of one value: a scalar's word or a full name.
pub fn field_type(ty: &FieldType) -> &str {
    match ty {
        FieldType::Scalar(one) => scalar(*one),
        FieldType::Enum(name) | FieldType::Message(name) => &name.0,
    }
}

/// The words of scalars.
pub(super) const SCALARS: [(Scalar, &str); 15] = [
    (Scalar::Bool, "bool"),
    (Scalar::Int32, "int32"),
    (Scalar::Int64, "int64"),
    (Scalar::Uint32, "uint32"),
    (Scalar::Uint64, "uint64"),
    (Scalar::Sint32, "sint32"),
    (Scalar::Sint64, "sint64"),
    (Scalar::Fixed32, "fixed32"),
    (Scalar::Fixed64, "fixed64"),
    (Scalar::Sfixed32, "sfixed32"),
    (Scalar::Sfixed64, "sfixed64"),
    (Scalar::Float, "float"),
    (Scalar::Double, "double"),
    (Scalar::String, "string"),
    (Scalar::Bytes, "bytes"),
];

/// The word of a scalar.
pub fn scalar(wanted: Scalar) -> &'static str {
    let known = SCALARS.iter().find(|(known, _)| *known == wanted);
    known.map_or("", |(_, word)| word)
}

/// A rule as sources have it, constants resolved.
pub fn rule_text(rule: &Rule) -> String {
    match rule {
        Rule::Len { min, max: None } => format!("@len({min}..)"),
        Rule::Len {
            min,
            max: Some(max),
        } => format!("@len({min}..={max})"),
        Rule::Range {
            min,
            max,
            max_inclusive,
        } => {
            let end = |bound: &Option<Bound>| bound.as_ref().map_or(String::new(), bound_text);
            let dots = if *max_inclusive && max.is_some() {
                "..="
            } else {
                ".."
            };
            format!("@range({}{dots}{})", end(min), end(max))
        }
        Rule::Pattern(pattern) => format!("@pattern({})", quoted(pattern)),
        Rule::Required => "@required".to_owned(),
        Rule::OneOfStrings(choices) => {
            let choices: Vec<String> = choices.iter().map(|choice| quoted(choice)).collect();
            format!("@one_of({})", choices.join(", "))
        }
        Rule::OneOfIntegers(choices) => {
            let choices: Vec<String> = choices.iter().map(i128::to_string).collect();
            format!("@one_of({})", choices.join(", "))
        }
        Rule::Unique => "@unique".to_owned(),
    }
}

fn bound_text(bound: &Bound) -> String {
    match bound {
        Bound::Integer(number) => number.to_string(),
        // With a dot or an exponent, so that it is read as a float again.
        Bound::Float(number) => format!("{number:?}"),
        Bound::Duration(micros) => format!("{micros}us"),
    }
}

/// A string in quotes, on one line.
fn quoted(text: &str) -> String {
    // Strings always serialize.
    serde_json::to_string(text).unwrap_or_default()
}
