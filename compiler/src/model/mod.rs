//! What the files mean: every name resolved, every default filled in, nothing left to look up.
//!
//! The model is made only from files without errors, so the back end checks nothing again. It knows no syntax, no
//! protobuf descriptor and no Rust.

mod docs;
mod name;
mod service;
mod types;
mod version;

pub use docs::Docs;
pub(crate) use docs::Documentation;
pub use name::{FullName, PackageName};
pub use service::{
    Backoff, Balance, Cluster, Compression, Group, Groups, Method, MethodPolicy, Priority, Request,
    Retry, Service, StatusCode,
};
pub use types::{
    Bound, Constant, ConstantValue, Deprecation, Enum, EnumValue, Error, Field, FieldShape,
    FieldType, Message, Oneof, ReservedNumbers, Rule, Scalar,
};
pub use version::{ParseReleaseError, Release, Window};

use std::sync::Arc;

/// Everything that one compilation means: the files asked for and all that they import, in dependency order
/// (a file stands behind all that it imports; ties by import path).
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// The files.
    pub files: Vec<File>,
}

/// What one file declares.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path from its import root, with `/`.
    pub import_path: Arc<str>,
    /// Its package.
    pub package: PackageName,
    /// `//!` at its head.
    pub docs: Docs,
    /// Import paths of the files it imports, sorted; built-in `google/protobuf/*.proto` it refers to included.
    pub imports: Vec<Arc<str>>,
    /// Top-level messages in order, then the request messages of argument lists in order of their methods.
    pub messages: Vec<Message>,
    /// Top-level enums in order.
    pub enums: Vec<Enum>,
    /// Typed errors in order.
    pub errors: Vec<Error>,
    /// Constants in order.
    pub constants: Vec<Constant>,
    /// Services in order.
    pub services: Vec<Service>,
}
