//! The numbers of the fields on a way through messages.

use prost_types::{DescriptorProto, FileDescriptorProto};

use crate::model::{FieldShape, FieldType, FullName, Message, Model};

/// The numbers of the fields that `path` names one after the other, the first in `message`; as many as are there. What leads
/// through Protobuf's own messages is looked up in their files.
pub fn field_numbers(
    model: &Model,
    well_known: &[FileDescriptorProto],
    message: &FullName,
    path: &[String],
) -> Vec<i32> {
    let mut numbers = Vec::with_capacity(path.len());
    let mut at = message.0.to_string();
    for name in path {
        let step = match find(model, &at) {
            Some(message) => declared(message, name),
            None => known(well_known, &at, name),
        };
        let Some((number, next)) = step else {
            break;
        };
        numbers.push(number);
        at = next;
    }
    numbers
}

/// The number of a field, and the message that it holds.
type Step = Option<(i32, String)>;

fn declared(message: &Message, name: &str) -> Step {
    let field = message.fields.iter().find(|field| field.name == name)?;
    let next = match &field.shape {
        FieldShape::Singular(FieldType::Message(name))
        | FieldShape::Optional(FieldType::Message(name)) => name.0.to_string(),
        _ => String::new(),
    };
    Some((field.number, next))
}

fn known(files: &[FileDescriptorProto], message: &str, name: &str) -> Step {
    let simple = message.strip_prefix("google.protobuf.")?;
    let mut messages = files.iter().flat_map(|file| &file.message_type);
    let message: &DescriptorProto = messages.find(|message| message.name() == simple)?;
    let field = message.field.iter().find(|field| field.name() == name)?;
    let next = field.type_name().trim_start_matches('.').to_owned();
    Some((field.number(), next))
}

fn find<'a>(model: &'a Model, name: &str) -> Option<&'a Message> {
    model.files.iter().find_map(|file| {
        name.strip_prefix(&*file.package.0)?.strip_prefix('.')?;
        inside(&file.messages, name)
    })
}

fn inside<'a>(messages: &'a [Message], name: &str) -> Option<&'a Message> {
    messages.iter().find_map(|message| {
        let rest = name.strip_prefix(&*message.name.0)?;
        if rest.is_empty() {
            return Some(message);
        }
        rest.strip_prefix('.')?;
        inside(&message.messages, name)
    })
}
