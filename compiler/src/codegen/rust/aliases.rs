//! Enum values that share a number: Rust has one variant, and a constant for each further name.

use std::collections::HashMap;

use callsheet_templates as views;

use crate::codegen::docs;
use crate::model::{Enum, Message};

use super::names::variant;
use super::types::Scope;

/// The aliases of the enums in a message, at any depth.
pub(in crate::codegen) fn of_message(
    scope: Scope<'_>,
    message: &Message,
    out: &mut Vec<views::Aliases>,
) {
    out.extend(
        message
            .enums
            .iter()
            .filter_map(|nested| of_enum(scope, nested)),
    );
    for nested in &message.messages {
        of_message(scope, nested, out);
    }
}

/// The aliases of an enum, if it has any.
pub(in crate::codegen) fn of_enum(scope: Scope<'_>, declared: &Enum) -> Option<views::Aliases> {
    let name = declared.name.simple();
    let mut variants: HashMap<i32, String> = HashMap::new();
    let mut aliases = Vec::new();
    for value in &declared.values {
        let own = variant(name, &value.descriptor_name);
        let Some(first) = variants.get(&value.number) else {
            variants.insert(value.number, own);
            continue;
        };
        let deprecated = value.deprecated.as_ref();
        aliases.push(views::Alias {
            docs: docs::comment_or(&value.docs, &format!("The same as `{first}`."), None),
            attributes: deprecated.map_or(String::new(), |deprecation| {
                docs::deprecated(&deprecation.reason) + "\n"
            }),
            name: own,
            variant: first.clone(),
        });
    }
    (!aliases.is_empty()).then(|| views::Aliases {
        path: scope.path(&declared.name),
        aliases,
    })
}
