//! The pest parser of `grammar.pest`.
//!
//! What pest's generator makes of the grammar stands in `grammar.in`, and a test holds it to that. So no build script has
//! to build the generator, and what it brings along, before it can read a contract.

pub(super) use made::{Grammar, Rule};

#[expect(
    clippy::all,
    clippy::pedantic,
    dead_code,
    non_camel_case_types,
    non_snake_case,
    unreachable_pub,
    reason = "nobody writes this text"
)]
mod made {
    pub(in crate::syntax) struct Grammar;

    include!("grammar.in");
}
