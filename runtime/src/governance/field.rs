//! Fields of requests by name, for settings that come while a program runs: where contracts give numbers, these have to be
//! looked up.
//!
//! [`FieldPath`] is for ever, as in generated code. What is read at run time is kept for ever too, once each, and there is a
//! limit to it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};

use crate::contract::FieldPath;
use crate::schema::Schema;

/// How many fields a process remembers: more than contracts have that anybody would tie calls by.
const MOST: usize = 1_000;

/// The longest way to a field, in bytes, and in steps.
const LONGEST: usize = 200;

static KNOWN: Mutex<Vec<FieldPath>> = Mutex::new(Vec::new());

/// The field with these names, `customer.name`, and these numbers; none yet where there is no schema. `None` if there are too
/// many already.
fn interned(names: &str, numbers: &[u32]) -> Option<FieldPath> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let met = known
        .iter()
        .find(|path| path.names == names && path.numbers == numbers);
    if let Some(path) = met {
        return Some(*path);
    }
    if known.len() >= MOST {
        return None;
    }
    let path = FieldPath {
        names: String::leak(names.to_owned()),
        numbers: Vec::leak(numbers.to_vec()),
    };
    known.push(path);
    Some(path)
}

/// The field that is written `.customer.name`, without its numbers.
pub(super) fn named(text: &str) -> Option<FieldPath> {
    let names = text.strip_prefix('.')?;
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if names.len() > LONGEST || !names.split('.').all(is_name) {
        return None;
    }
    interned(names, &[])
}

/// The same field with its numbers, in this message; what is wrong if there is no such field, or calls cannot be tied by it.
pub(super) fn resolved(
    field: FieldPath,
    schema: &Schema,
    message: &str,
) -> Result<FieldPath, String> {
    if !field.numbers.is_empty() {
        return Ok(field);
    }
    let files = FileDescriptorSet::decode(&*schema.encode()).map_err(|error| error.to_string())?;
    let mut messages = HashMap::new();
    for file in &files.file {
        gather(file.package(), &file.message_type, &mut messages);
    }
    let mut of = message.to_owned();
    let mut numbers = Vec::new();
    let mut names = field.names.split('.').peekable();
    while let Some(name) = names.next() {
        let missing = || format!("{of} has no field `{name}`");
        let found = messages.get(of.as_str()).ok_or_else(missing)?;
        let found = found.field.iter().find(|field| field.name() == name);
        let found = found.ok_or_else(missing)?;
        if found.label() == Label::Repeated {
            return Err(format!(
                "`{name}` of {of} is there many times: calls are tied by one value"
            ));
        }
        numbers.push(u32::try_from(found.number()).unwrap_or(0));
        let is_message = matches!(found.r#type(), Type::Message | Type::Group);
        match (is_message, names.peek()) {
            (true, Some(_)) => of = found.type_name().trim_start_matches('.').to_owned(),
            (false, None) => {}
            (true, None) => {
                return Err(format!("`{name}` of {of} is a message: name a field of it"));
            }
            (false, Some(_)) => return Err(format!("`{name}` of {of} is no message")),
        }
    }
    interned(field.names, &numbers).ok_or_else(|| {
        format!("calls were tied by {MOST} fields since the process started: that is the limit")
    })
}

fn gather<'a>(
    prefix: &str,
    messages: &'a [DescriptorProto],
    all: &mut HashMap<String, &'a DescriptorProto>,
) {
    for message in messages {
        let name = if prefix.is_empty() {
            message.name().to_owned()
        } else {
            format!("{prefix}.{}", message.name())
        };
        gather(&name, &message.nested_type, all);
        all.insert(name, message);
    }
}

#[cfg(test)]
mod tests {
    use prost_types::{FieldDescriptorProto, FileDescriptorProto};

    use super::*;

    fn field(name: &str, number: i32, kind: Type) -> FieldDescriptorProto {
        FieldDescriptorProto {
            name: Some(name.into()),
            number: Some(number),
            r#type: Some(kind.into()),
            label: Some(Label::Optional.into()),
            ..FieldDescriptorProto::default()
        }
    }

    fn schema() -> Schema {
        let mut customer = field("customer", 3, Type::Message);
        customer.type_name = Some(".shop.Order.Customer".into());
        let mut tags = field("tags", 4, Type::String);
        tags.label = Some(Label::Repeated.into());
        let order = DescriptorProto {
            name: Some("Order".into()),
            field: vec![field("id", 1, Type::Uint64), customer, tags],
            nested_type: vec![DescriptorProto {
                name: Some("Customer".into()),
                field: vec![field("name", 7, Type::String)],
                ..DescriptorProto::default()
            }],
            ..DescriptorProto::default()
        };
        let file = FileDescriptorProto {
            name: Some("shop.proto".into()),
            package: Some("shop".into()),
            message_type: vec![order],
            ..FileDescriptorProto::default()
        };
        let set = FileDescriptorSet { file: vec![file] };
        Schema::new(Vec::leak(set.encode_to_vec()), &[])
    }

    #[test]
    fn names_become_numbers_by_the_schema() {
        let schema = schema();
        let found = |text: &str| resolved(named(text).unwrap(), &schema, "shop.Order");
        let path = found(".customer.name").unwrap();
        assert_eq!((path.names, path.numbers), ("customer.name", &[3, 7][..]));
        assert_eq!(found(".id").unwrap().numbers, [1]);
        // Once each.
        assert!(std::ptr::eq(
            path.numbers,
            found(".customer.name").unwrap().numbers
        ));
        let told = |text: &str| found(text).unwrap_err();
        insta::assert_snapshot!(told(".nobody"), @"shop.Order has no field `nobody`");
        insta::assert_snapshot!(told(".customer"), @"`customer` of shop.Order is a message: name a field of it");
        insta::assert_snapshot!(told(".id.x"), @"`id` of shop.Order is no message");
        insta::assert_snapshot!(told(".tags"), @"`tags` of shop.Order is there many times: calls are tied by one value");
    }

    #[test]
    fn what_is_no_name_of_a_field_is_refused() {
        for text in ["id", ".", ".a..b", ".1", ".ä", ".a b", ""] {
            assert_eq!(named(text), None, "{text}");
        }
        assert_eq!(named(&format!(".{}", "x".repeat(201))), None);
    }
}
