//! How replies of several groups become one, field by field.

use callsheet_templates as views;

use crate::model::{Field, FieldShape, FieldType, Message};

use super::names::{field as field_name, snake};
use super::types::{Scope, is_well_known};

/// `impl Merge` of a message and of those in it, but not of those of another crate.
pub(in crate::codegen) fn merges(scope: Scope<'_>, message: &Message, out: &mut Vec<views::Merge>) {
    let mut statements: Vec<String> = message
        .fields
        .iter()
        .filter(|field| field.oneof.is_none())
        .flat_map(statements_of)
        .collect();
    statements.extend(message.oneofs.iter().map(|oneof| keep(&snake(&oneof.name))));
    let deprecated = message
        .fields
        .iter()
        .any(|field| field.oneof.is_none() && field.deprecated.is_some());
    out.push(views::Merge {
        attributes: if deprecated {
            "#[allow(deprecated, reason = \"a deprecated field is merged too\")]\n".to_owned()
        } else {
            String::new()
        },
        path: scope.path(&message.name),
        other: if statements.is_empty() { "_" } else { "other" }.to_owned(),
        statements,
    });
    for nested in &message.messages {
        merges(scope, nested, out);
    }
}

fn statements_of(field: &Field) -> Vec<String> {
    let name = field_name(field);
    let statement = match &field.shape {
        // The number of an enum is no quantity.
        FieldShape::Singular(FieldType::Enum(_)) => {
            return vec![
                format!("if self.{name} == 0 {{"),
                format!("    self.{name} = other.{name};"),
                "}".to_owned(),
            ];
        }
        FieldShape::Optional(FieldType::Enum(_)) => keep(&name),
        // Two points in time have no sum.
        FieldShape::Singular(FieldType::Message(message))
        | FieldShape::Optional(FieldType::Message(message))
            if is_well_known(message) =>
        {
            keep(&name)
        }
        _ => format!("::callsheet::codegen::Merge::merge(&mut self.{name}, other.{name});"),
    };
    vec![statement]
}

/// What is there stays.
fn keep(name: &str) -> String {
    format!("self.{name} = self.{name}.take().or(other.{name});")
}
