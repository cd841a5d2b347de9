//! Printing messages that hold secrets.

use callsheet_templates as views;

use crate::model::{Field, FieldShape, FieldType, FullName, Message, Oneof};

use super::names::{bare, camel, field as field_name, oneof_type, snake};
use super::types::Scope;

/// Whether `Debug` of the message must be ours.
pub(in crate::codegen) fn message_has_secret(message: &Message) -> bool {
    message
        .fields
        .iter()
        .any(|field| field.redact && field.oneof.is_none())
}

/// Whether `Debug` of the oneof must be ours.
pub(in crate::codegen) fn oneof_has_secret(members: &[&Field]) -> bool {
    members.iter().any(|field| field.redact)
}

/// `impl Debug` of a message with secrets, of its oneofs, and of the messages in it.
pub(in crate::codegen) fn debugs(
    scope: Scope<'_>,
    message: &Message,
    out: &mut Vec<views::DebugImpl>,
) {
    if message_has_secret(message) {
        out.push(views::DebugImpl {
            attributes: attributes(message.fields.iter().filter(|field| field.oneof.is_none())),
            path: scope.path(&message.name),
            body: message_body(scope, message),
        });
    }
    for (oneof, members) in message.oneofs.iter().zip(message.members()) {
        if oneof_has_secret(&members) {
            out.push(views::DebugImpl {
                attributes: attributes(members.iter().copied()),
                path: oneof_path(scope, message, oneof),
                body: oneof_body(scope, &members),
            });
        }
    }
    for nested in &message.messages {
        debugs(scope, nested, out);
    }
}

fn attributes<'a>(mut printed: impl Iterator<Item = &'a Field>) -> String {
    if printed.any(|field| field.deprecated.is_some()) {
        "#[allow(deprecated, reason = \"a deprecated field is printed too\")]\n".to_owned()
    } else {
        String::new()
    }
}

fn message_body(scope: Scope<'_>, message: &Message) -> Vec<String> {
    let mut body = vec![format!(
        "f.debug_struct(\"{}\")",
        camel(message.name.simple())
    )];
    for field in message.fields.iter().filter(|field| field.oneof.is_none()) {
        let name = field_name(field);
        let value = if field.redact {
            "&::core::format_args!(\"[redacted]\")".to_owned()
        } else {
            shown(scope, field, &name)
        };
        body.push(format!("    .field(\"{}\", {value})", bare(&name)));
    }
    for oneof in &message.oneofs {
        let name = snake(&oneof.name);
        body.push(format!("    .field(\"{}\", &self.{name})", bare(&name)));
    }
    body.push("    .finish()".to_owned());
    body
}

/// A field as its derived `Debug` would print it: enums by name.
fn shown(scope: Scope<'_>, field: &Field, name: &str) -> String {
    match &field.shape {
        FieldShape::Singular(FieldType::Enum(of)) => {
            format!("&{}(self.{name})", named(scope, of))
        }
        FieldShape::Optional(FieldType::Enum(of)) => {
            format!("&self.{name}.map({})", named(scope, of))
        }
        FieldShape::List(FieldType::Enum(of)) => format!(
            "&self.{name}.iter().copied().map({}).collect::<::std::vec::Vec<_>>()",
            named(scope, of)
        ),
        FieldShape::Map(_, FieldType::Enum(of)) => format!(
            "&self.{name}.iter().map(|(key, value)| (key, {}(*value))).collect::<::std::collections::HashMap<_, _>>()",
            named(scope, of)
        ),
        _ => format!("&self.{name}"),
    }
}

fn named(scope: Scope<'_>, of: &FullName) -> String {
    format!("::callsheet::codegen::named::<{}>", scope.path(of))
}

fn oneof_body(scope: Scope<'_>, members: &[&Field]) -> Vec<String> {
    let mut body = vec!["match self {".to_owned()];
    for field in members {
        let variant = camel(&field.name);
        let (pattern, value) = match &field.shape {
            _ if field.redact => ("_", "&::core::format_args!(\"[redacted]\")".to_owned()),
            FieldShape::Singular(FieldType::Enum(of)) => {
                ("value", format!("&{}(*value)", named(scope, of)))
            }
            _ => ("value", "value".to_owned()),
        };
        body.push(format!(
            "    Self::{variant}({pattern}) => f.debug_tuple(\"{variant}\").field({value}).finish(),"
        ));
    }
    body.push("}".to_owned());
    body
}

/// The path of a oneof's enum: `order::Payment`.
pub(super) fn oneof_path(scope: Scope<'_>, message: &Message, oneof: &Oneof) -> String {
    // The path of a type in the message's module, less that type.
    let inside = scope.path(&message.name.child("X"));
    let module = inside.strip_suffix('X').unwrap_or_default();
    format!("{module}{}", oneof_type(message, oneof))
}
