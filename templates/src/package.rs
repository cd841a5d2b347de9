//! The views of a package: what stands beside its services.

use askama::Template;

use crate::Major;

/// One package: the root of the templates.
#[derive(Clone, Debug, Template)]
#[template(path = "package.rs", escape = "none")]
pub struct Package {
    /// The first line, by which generated files are known.
    pub header: String,
    /// The number of the joint between generated code and runtime.
    pub contract: u32,
    /// Its messages, errors and enums, as text.
    pub messages: String,
    /// The second names of enum values.
    pub aliases: Vec<Aliases>,
    /// The paths of enums that print themselves by the names of their values.
    pub displays: Vec<String>,
    /// What tells the full names of its messages.
    pub names: Vec<Name>,
    /// What prints messages with secrets.
    pub debugs: Vec<DebugImpl>,
    /// How its messages merge.
    pub merges: Vec<Merge>,
    /// What its messages have to keep.
    pub validations: Vec<Validation>,
    /// Its constants.
    pub constants: Vec<Constant>,
    /// The groups of its services.
    pub groups: Vec<GroupEnum>,
    /// The descriptors of its own files as a byte string literal.
    pub descriptor_set: String,
    /// The schemas of the packages that it imports: `super::common::FILE_DESCRIPTOR_SET`.
    pub imported_schemas: Vec<String>,
    /// Its services, by major.
    pub majors: Vec<Major>,
}

/// Values of one enum whose numbers have a variant already.
#[derive(Clone, Debug)]
pub struct Aliases {
    /// The enum.
    pub path: String,
    /// One constant each.
    pub aliases: Vec<Alias>,
}

/// A second name of an enum value.
#[derive(Clone, Debug)]
pub struct Alias {
    /// Doc comment, whole lines.
    pub docs: String,
    /// Attribute lines, each with its end, or none.
    pub attributes: String,
    /// Its name: `Canceled`.
    pub name: String,
    /// The variant it stands for: `Cancelled`.
    pub variant: String,
}

/// `impl prost::Name`
#[derive(Clone, Debug)]
pub struct Name {
    /// The message: `order::Card`.
    pub path: String,
    /// Its last name: `Card`.
    pub name: String,
    /// Its package: `shop.orders`.
    pub package: String,
    /// Its full name, where package and last name do not make it.
    pub full_name: Option<String>,
}

/// `impl Debug` of a message or oneof with a field that is never printed.
#[derive(Clone, Debug)]
pub struct DebugImpl {
    /// Attribute lines, each with its end, or none.
    pub attributes: String,
    /// The type: `order::Payment`.
    pub path: String,
    /// The expression behind the head of the function, as lines.
    pub body: Vec<String>,
}

/// `impl Merge`
#[derive(Clone, Debug)]
pub struct Merge {
    /// Attribute lines, each with its end, or none.
    pub attributes: String,
    /// The message.
    pub path: String,
    /// How the parameter is called; `_` where nothing uses it.
    pub other: String,
    /// Its statements, line by line.
    pub statements: Vec<String>,
}

/// `impl Validate`
#[derive(Clone, Debug)]
pub struct Validation {
    /// Attribute lines, each with its end, or none.
    pub attributes: String,
    /// The message.
    pub path: String,
    /// Its checks, as lines.
    pub statements: Vec<String>,
}

/// A constant.
#[derive(Clone, Debug)]
pub struct Constant {
    /// Doc comment, whole lines.
    pub docs: String,
    /// Attribute lines, each with its end, or none.
    pub attributes: String,
    /// `MAX_ITEMS`
    pub name: String,
    /// `u32`
    pub r#type: String,
    /// `500`
    pub value: String,
}

/// The groups of one service as an enum.
#[derive(Clone, Debug)]
pub struct GroupEnum {
    /// `Orders`
    pub service: String,
    /// `OrdersGroup`
    pub name: String,
    /// What it derives.
    pub derives: String,
    /// Attribute lines, each with its end, or none.
    pub attributes: String,
    /// The named groups.
    pub groups: Vec<Group>,
    /// The variant of groups named at deployment time, if they may be.
    pub open: Option<String>,
}

/// One group.
#[derive(Clone, Debug)]
pub struct Group {
    /// `Wholesale`
    pub variant: String,
    /// `wholesale`
    pub name: String,
}
