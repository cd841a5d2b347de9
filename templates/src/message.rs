//! The views of messages, errors and enums: what prost's derives turn into code.

use askama::Template;

/// A message, and what is declared in it.
#[derive(Clone, Debug, Template)]
#[template(path = "message.rs")]
pub struct Message {
    /// The blanks before each of its lines.
    pub indent: String,
    /// Doc comment, whole lines with their blanks.
    pub docs: String,
    /// Attribute lines, each with its blanks and its end.
    pub attributes: String,
    /// What it derives beside prost's own: `Clone, PartialEq, Eq, Hash`.
    pub derives: String,
    /// Whether `Debug` is left to us.
    pub own_debug: bool,
    /// `Order`
    pub name: String,
    /// Its fields, and one for each oneof.
    pub fields: Vec<Field>,
    /// What is declared in it, if anything is.
    pub module: Option<Nested>,
}

/// A field, or a member of a oneof.
#[derive(Clone, Debug)]
pub struct Field {
    /// Doc comment, whole lines with their blanks.
    pub docs: String,
    /// Attribute lines, each with its blanks and its end.
    pub attributes: String,
    /// What prost is told of it: `string, optional, tag = "3"`.
    pub prost: String,
    /// `note`; a member's is a variant: `Card`.
    pub name: String,
    /// `::core::option::Option<::std::string::String>`
    pub r#type: String,
}

/// The module of what is declared in a message.
#[derive(Clone, Debug)]
pub struct Nested {
    /// The message in the contract.
    pub message: String,
    /// Attribute lines, each with its blanks and its end, or none.
    pub attributes: String,
    /// `order`
    pub name: String,
    /// The messages in it.
    pub messages: Vec<Message>,
    /// The enums in it.
    pub enums: Vec<Enumeration>,
    /// Its oneofs as enums.
    pub oneofs: Vec<Oneof>,
}

/// A oneof as an enum.
#[derive(Clone, Debug, Template)]
#[template(path = "oneof.rs")]
pub struct Oneof {
    /// The blanks before each of its lines.
    pub indent: String,
    /// Doc comment, whole lines with their blanks.
    pub docs: String,
    /// Attribute lines, each with its blanks and its end.
    pub attributes: String,
    /// What it derives beside prost's own.
    pub derives: String,
    /// Whether `Debug` is left to us.
    pub own_debug: bool,
    /// `Payment`
    pub name: String,
    /// Its members.
    pub members: Vec<Field>,
}

/// An enum.
#[derive(Clone, Debug, Template)]
#[template(path = "enumeration.rs")]
pub struct Enumeration {
    /// The blanks before each of its lines.
    pub indent: String,
    /// Doc comment, whole lines with their blanks.
    pub docs: String,
    /// Attribute lines, each with its blanks and its end.
    pub attributes: String,
    /// Attribute line of what tells its names, with its blanks and its end.
    pub name_attributes: String,
    /// `Status`
    pub name: String,
    /// Its values, one for each number.
    pub values: Vec<Value>,
    /// All names of its values.
    pub names: Vec<ValueName>,
    /// Whether it prints itself by the names of its values.
    pub display: bool,
}

/// A value of an enum.
#[derive(Clone, Debug)]
pub struct Value {
    /// Doc comment, whole lines with their blanks.
    pub docs: String,
    /// Attribute lines, each with its blanks and its end.
    pub attributes: String,
    /// The variant: `Placed`.
    pub name: String,
    /// Its name in descriptors and JSON: `STATUS_PLACED`.
    pub contract_name: String,
    /// Its number.
    pub number: i32,
}

/// A name of an enum's value. One number may have several.
#[derive(Clone, Debug)]
pub struct ValueName {
    /// In descriptors and JSON: `STATUS_PLACED`.
    pub contract_name: String,
    /// The variant of its number: `Placed`.
    pub variant: String,
}
