//! Rust's side of the contract: names, paths of types, and the views that the templates print.

pub(super) mod aliases;
mod calls;
pub(super) mod constants;
pub(super) mod displays;
pub(super) mod merge;
pub(super) mod names;
mod patterns;
mod policy;
pub(super) mod redact;
pub(super) mod rules;
pub(super) mod services;
pub(super) mod types;
