//! The Rust text that the Callsheet compiler generates: views and the templates that print them.
//!
//! A view is a plain value of final strings; a template reads its fields and calls nothing. Names, types and decisions
//! are made by the compiler. The templates stand in `templates/`, and `templates/package.rs` is their table of contents. Rust needs
//! no escaping, which each view says beside its template.

mod modules;
mod package;
mod service;

pub use modules::{Module, Modules};
pub use package::{
    Alias, Aliases, Constant, DebugImpl, Group, GroupEnum, Merge, Name, Package, Validation,
};
pub use service::{Major, Method, Service, TypedError, Variant};
