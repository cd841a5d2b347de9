//! What one release of a service rests on.

use std::collections::BTreeSet;

use super::{Frozen, Surface, is_well_known};
use crate::model::{
    Docs, Enum, Error, FieldShape, FieldType, FullName, Message, Release, Service, Window,
};

/// The service as it is at `release`, with every message, error and enum that a call of it can carry.
pub fn freeze(surface: &Surface<'_>, service: &Service, release: Release) -> Frozen {
    let mut methods: Vec<_> = service.methods_at(release).cloned().collect();
    methods.sort_by(|left, right| left.name.cmp(&right.name));
    let mut open: Vec<FullName> = Vec::new();
    for method in &mut methods {
        method.window = Window {
            added: release,
            removed: None,
        };
        open.push(method.request.message.clone());
        open.push(method.reply.clone());
        open.extend(method.throws.iter().cloned());
    }
    let mut frozen = Frozen {
        release,
        service: Service {
            releases: vec![release],
            methods,
            ..service.clone()
        },
        messages: Vec::new(),
        errors: Vec::new(),
        enums: Vec::new(),
    };
    let mut seen: BTreeSet<FullName> = BTreeSet::new();
    while let Some(name) = open.pop() {
        if is_well_known(&name) || !seen.insert(name.clone()) {
            continue;
        }
        if let Some(declared) = surface.enums.get(&name) {
            frozen.enums.push(Enum::clone(declared));
        } else if let Some(message) = surface.messages.get(&name) {
            open.extend(
                message
                    .fields
                    .iter()
                    .filter_map(|field| named(&field.shape)),
            );
            let message = alone(message);
            match surface.codes.get(&name) {
                Some(&code) => frozen.errors.push(Error { message, code }),
                None => frozen.messages.push(message),
            }
        }
    }
    frozen
        .messages
        .sort_by(|left, right| left.name.cmp(&right.name));
    frozen
        .errors
        .sort_by(|left, right| left.message.name.cmp(&right.message.name));
    frozen
        .enums
        .sort_by(|left, right| left.name.cmp(&right.name));
    frozen
}

/// The message or enum that a field holds.
fn named(shape: &FieldShape) -> Option<FullName> {
    let (FieldShape::Singular(ty)
    | FieldShape::Optional(ty)
    | FieldShape::List(ty)
    | FieldShape::Map(_, ty)) = shape;
    match ty {
        FieldType::Scalar(_) => None,
        FieldType::Enum(name) | FieldType::Message(name) => Some(name.clone()),
    }
}

/// A message without what is nested in it.
fn alone(message: &Message) -> Message {
    Message {
        name: message.name.clone(),
        docs: Docs::default(),
        deprecated: None,
        fields: message.fields.clone(),
        oneofs: message.oneofs.clone(),
        messages: Vec::new(),
        enums: Vec::new(),
        reserved_numbers: message.reserved_numbers.clone(),
        reserved_names: message.reserved_names.clone(),
        span: message.span,
    }
}
