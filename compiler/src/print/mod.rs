//! Contracts as text: literals, annotations and names as `.rpc` files have them.
//!
//! Knows the model and how the language is spelt; knows no protobuf and no Rust.

mod annotation;
pub mod form;
mod layout;
mod literal;
mod name;

pub use annotation::{Enums, balancer, clustering, compression, priority_word, scalar, status};
pub use annotation::{constant, policy, rules, window};
pub(crate) use annotation::{deprecated, groups, versions};
pub use layout::text;
pub(crate) use literal::string;
pub use name::Symbols;
