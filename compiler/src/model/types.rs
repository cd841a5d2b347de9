//! Messages, enums, errors and constants.

use crate::source::Span;

use super::{Docs, FullName, StatusCode};

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its full name.
    pub name: FullName,
    /// Its documentation.
    pub docs: Docs,
    /// Its deprecation.
    pub deprecated: Option<Deprecation>,
    /// Its fields by position in the source, members of oneofs included.
    pub fields: Vec<Field>,
    /// Its oneofs by position.
    pub oneofs: Vec<Oneof>,
    /// Its nested messages by position.
    pub messages: Vec<Message>,
    /// Its nested enums by position.
    pub enums: Vec<Enum>,
    /// Numbers that must not be used, sorted and disjoint.
    pub reserved_numbers: Vec<ReservedNumbers>,
    /// Names that must not be used, in order.
    pub reserved_names: Vec<String>,
    /// Where it was declared.
    pub span: Span,
}

impl Message {
    /// The members of each oneof, by its position.
    pub fn members(&self) -> Vec<Vec<&Field>> {
        let mut members = vec![Vec::new(); self.oneofs.len()];
        for field in &self.fields {
            if let Some(position) = field.oneof {
                members[position].push(field);
            }
        }
        members
    }
}

/// An error: a message with a status code.
#[derive(Clone, Debug)]
pub struct Error {
    /// Its fields and its name.
    pub message: Message,
    /// Its code.
    pub code: StatusCode,
}

/// A range of reserved numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservedNumbers {
    /// The first.
    pub from: i32,
    /// The last.
    pub to: i32,
}

/// `@deprecated("why")`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// The text.
    pub reason: String,
}

/// A field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub docs: Docs,
    /// Its deprecation.
    pub deprecated: Option<Deprecation>,
    /// Its number, in 1..=536870911.
    pub number: i32,
    /// Its shape and type.
    pub shape: FieldShape,
    /// The oneof it is a member of, as position in [`Message::oneofs`].
    pub oneof: Option<usize>,
    /// Its name in JSON, where `@json` gives one.
    pub json_name: Option<String>,
    /// Whether its value must never be printed.
    pub redact: bool,
    /// What a valid value fulfils.
    pub rules: Vec<Rule>,
    /// Where it was declared.
    pub span: Span,
}

/// How many values a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldShape {
    /// One; a scalar or enum has its zero where it is absent.
    Singular(FieldType),
    /// One or none.
    Optional(FieldType),
    /// Any number, in order.
    List(FieldType),
    /// Any number by key.
    Map(Scalar, FieldType),
}

/// The type of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A scalar.
    Scalar(Scalar),
    /// A declared enum, or `google.protobuf.NullValue`.
    Enum(FullName),
    /// A declared message, or a well-known one (`google.protobuf.Timestamp`).
    Message(FullName),
}

/// Protobuf's scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// `bool`
    Bool,
    /// `int32`
    Int32,
    /// `int64`
    Int64,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `sint32`
    Sint32,
    /// `sint64`
    Sint64,
    /// `fixed32`
    Fixed32,
    /// `fixed64`
    Fixed64,
    /// `sfixed32`
    Sfixed32,
    /// `sfixed64`
    Sfixed64,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `string`
    String,
    /// `bytes`
    Bytes,
}

/// A rule of a field, with its constants resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `@len`: characters, bytes or entries; both ends included.
    Len {
        /// At least.
        min: u64,
        /// At most.
        max: Option<u64>,
    },
    /// `@range`
    Range {
        /// The lower end.
        min: Option<Bound>,
        /// The upper end.
        max: Option<Bound>,
        /// Whether the upper end is included.
        max_inclusive: bool,
    },
    /// `@pattern`, in the `regex` crate's dialect.
    Pattern(String),
    /// `@required`
    Required,
    /// `@one_of` on strings.
    OneOfStrings(Vec<String>),
    /// `@one_of` on integers, and on enums by number.
    OneOfIntegers(Vec<i128>),
    /// `@unique`
    Unique,
}

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// Of an integer.
    Integer(i128),
    /// Of a float.
    Float(f64),
    /// Of a duration, in microseconds.
    Duration(u64),
}

/// A oneof.
#[derive(Clone, Debug)]
pub struct Oneof {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub docs: Docs,
    /// Whether one member must be there.
    pub required: bool,
    /// Where it was declared.
    pub span: Span,
}

/// An enum.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its full name.
    pub name: FullName,
    /// Its documentation.
    pub docs: Docs,
    /// Its deprecation.
    pub deprecated: Option<Deprecation>,
    /// Its values by position; the first is zero.
    pub values: Vec<EnumValue>,
    /// Whether two values may share a number.
    pub allow_alias: bool,
    /// Numbers that must not be used, sorted and disjoint.
    pub reserved_numbers: Vec<ReservedNumbers>,
    /// Names that must not be used, in order, as in the descriptor.
    pub reserved_names: Vec<String>,
    /// Where it was declared.
    pub span: Span,
}

/// A value of an enum.
#[derive(Clone, Debug)]
pub struct EnumValue {
    /// As written: `PLACED`.
    pub name: String,
    /// In the descriptor and JSON: `STATUS_PLACED`.
    pub descriptor_name: String,
    /// Its documentation.
    pub docs: Docs,
    /// Its deprecation.
    pub deprecated: Option<Deprecation>,
    /// Its number.
    pub number: i32,
    /// Where it was declared.
    pub span: Span,
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Its full name.
    pub name: FullName,
    /// Its documentation.
    pub docs: Docs,
    /// Its type and value.
    pub value: ConstantValue,
    /// Where it was declared.
    pub span: Span,
}

/// The value of a constant, within its type.
#[derive(Clone, Debug, PartialEq)]
pub enum ConstantValue {
    /// `bool`
    Bool(bool),
    /// Any integer scalar.
    Integer(Scalar, i128),
    /// `float` or `double`.
    Float(Scalar, f64),
    /// `string`
    String(String),
    /// `bytes`, from a string.
    Bytes(Vec<u8>),
    /// `duration`, in microseconds.
    Duration(u64),
}
