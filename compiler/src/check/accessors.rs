//! Accessors: what prost writes beside the fields of a message, where two of them meet.
//!
//! Known only once types are: it is enums and optional fields that have them.

use rustc_hash::FxHashMap;

use crate::case;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Field, FieldShape, FieldType, File, Message};

use super::Check;

impl Check<'_> {
    /// Reports fields of one message whose accessors have one name.
    pub(super) fn accessors(&mut self, file: &File) {
        let errors = file.errors.iter().map(|error| &error.message);
        for message in file.messages.iter().chain(errors) {
            self.accessors_of(message);
        }
    }

    fn accessors_of(&mut self, message: &Message) {
        let mut known: FxHashMap<String, &Field> = FxHashMap::default();
        for field in &message.fields {
            for name in accessors(field) {
                if let Some(first) = known.insert(name.clone(), field)
                    // Two fields of one name are reported as such.
                    && first.name != field.name
                {
                    self.out.push(clash(first, field, &name));
                }
            }
        }
        for nested in &message.messages {
            self.accessors_of(nested);
        }
    }
}

/// The methods that a field gives its message in Rust.
fn accessors(field: &Field) -> Vec<String> {
    let prefixes: &[&str] = match &field.shape {
        _ if field.oneof.is_some() => &[],
        FieldShape::Singular(FieldType::Enum(_)) | FieldShape::Optional(FieldType::Enum(_)) => {
            &["", "set_"]
        }
        FieldShape::Optional(FieldType::Scalar(_)) => &[""],
        FieldShape::List(FieldType::Enum(_)) => &["", "push_"],
        FieldShape::Map(_, FieldType::Enum(_)) => &["get_", "insert_"],
        _ => &[],
    };
    if prefixes.is_empty() {
        return Vec::new();
    }
    let name = case::snake(&field.name);
    prefixes
        .iter()
        .map(|prefix| format!("{prefix}{name}"))
        .collect()
}

fn clash(first: &Field, second: &Field, name: &str) -> Diagnostic {
    Diagnostic::new(
        Code::GeneratedClash,
        second.span,
        format!(
            "the fields `{}` and `{}` both give their message a method `{name}` in Rust",
            first.name, second.name
        ),
    )
    .label("this field")
    .also(first.span, "and this one")
    .help("rename one of them")
}
