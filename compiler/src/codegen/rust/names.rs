//! Identifiers. They follow prost-build letter by letter, since its messages and our services name each other.

use crate::case;
use crate::model::{Field, FieldShape, FieldType, Message, Oneof};

/// `placeOrder` → `place_order`, a keyword as a raw identifier.
pub(in crate::codegen) fn snake(name: &str) -> String {
    identifier(case::snake(name).into_owned())
}

/// `place_order` → `PlaceOrder`
pub(in crate::codegen) fn camel(name: &str) -> String {
    identifier(case::upper_camel(name))
}

/// `placeOrder` → `PLACE_ORDER`
pub(in crate::codegen) fn shouty(name: &str) -> String {
    identifier(case::shouty(name))
}

/// A type that is named after a declaration: `Orders` and `Client` → `OrdersClient`.
pub(in crate::codegen) fn derived(name: &str, suffix: &str) -> String {
    identifier(case::upper_camel(name) + suffix)
}

/// A field of a message.
pub(in crate::codegen) fn field(field: &Field) -> String {
    let name = snake(&field.name);
    match (&field.shape, name.strip_prefix("r#")) {
        // prost's derive makes `get_r#type` of it and panics.
        (FieldShape::Map(_, FieldType::Enum(_)), Some(keyword)) => format!("{keyword}_"),
        _ => name,
    }
}

/// A oneof's enum: `Payment`, with `OneOf` behind it where a type declared in the message has that name.
pub(in crate::codegen) fn oneof_type(message: &Message, oneof: &Oneof) -> String {
    let mut name = camel(&oneof.name);
    let messages = message.messages.iter().map(|nested| &nested.name);
    let enums = message.enums.iter().map(|nested| &nested.name);
    if messages
        .chain(enums)
        .any(|nested| camel(nested.simple()) == name)
    {
        name.push_str("OneOf");
    }
    name
}

/// An identifier as it is printed.
pub(in crate::codegen) fn bare(identifier: &str) -> &str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// A method of a client: names that the client has itself get an underscore.
pub(in crate::codegen) fn method(name: &str) -> String {
    let name = snake(name);
    if matches!(name.as_str(), "new" | "blocking") || name.starts_with("with_") {
        format!("{name}_")
    } else {
        name
    }
}

/// The variant of an enum value: `STATUS_PLACED` of `Status` → `Placed`.
pub(in crate::codegen) fn variant(enum_name: &str, descriptor_name: &str) -> String {
    let (prefix, name) = (camel(enum_name), camel(descriptor_name));
    let stripped = name
        .strip_prefix(&prefix)
        .filter(|rest| rest.starts_with(char::is_uppercase))
        .unwrap_or(&name);
    identifier(stripped.to_owned())
}

fn identifier(name: String) -> String {
    match name.as_str() {
        "as" | "break" | "const" | "continue" | "else" | "enum" | "false" | "fn" | "for" | "if"
        | "impl" | "in" | "let" | "loop" | "match" | "mod" | "move" | "mut" | "pub" | "ref"
        | "return" | "static" | "struct" | "trait" | "true" | "type" | "unsafe" | "use"
        | "where" | "while" | "dyn" | "abstract" | "become" | "box" | "do" | "final" | "macro"
        | "override" | "priv" | "typeof" | "unsized" | "virtual" | "yield" | "async" | "await"
        | "try" | "gen" => format!("r#{name}"),
        // Not to be had as raw identifiers; prost-build lists `extern` among them.
        "_" | "super" | "self" | "Self" | "extern" | "crate" => format!("{name}_"),
        _ if name.starts_with(|first: char| first.is_ascii_digit()) => format!("_{name}"),
        _ => name,
    }
}

/// `text` as a string literal.
pub(in crate::codegen) fn literal(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_become_raw_or_get_an_underscore() {
        for (name, expect) in [("type", "r#type"), ("self", "self_"), ("extern", "extern_")] {
            assert_eq!(snake(name), expect);
        }
        assert_eq!(camel("self"), "Self_");
        assert_eq!(camel("_1"), "_1");
    }

    #[test]
    fn a_method_never_hides_what_the_client_has_itself() {
        for (name, expect) in [
            ("new", "new_"),
            ("withGroup", "with_group_"),
            ("within", "within"),
        ] {
            assert_eq!(method(name), expect);
        }
    }

    #[test]
    fn a_variant_loses_the_name_of_its_enum_only_as_a_whole_word() {
        assert_eq!(variant("Status", "STATUS_PLACED"), "Placed");
        assert_eq!(variant("Foo", "FOOBAR"), "Foobar");
        assert_eq!(variant("Status", "STATUS_1"), "Status1");
        assert_eq!(variant("Foo", "FOO_SELF"), "Self_");
    }
}
