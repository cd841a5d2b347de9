//! From text to tree.
//!
//! `scan` reads characters and reports what no grammar can name; `brackets` balances braces; `lean` leaves out what is
//! no token; the `grammar` parses the rest, in pest's `notation`; `parse` and `build` make the tree; `recover` says what is
//! wrong where the grammar gave up.
//! Must not know other files, or what a name means.

pub mod ast;
mod brackets;
mod build;
mod character;
mod comment;
mod expected;
mod foreign;
mod grammar;
mod keyword;
mod lean;
mod lexeme;
mod lines;
mod literal;
mod notation;
mod number;
mod parse;
mod recover;
mod repair;
mod scan;
mod service;
mod statement;
mod value;

pub use comment::Comment;
pub use number::Number;
pub use parse::{KEYWORDS, NEWEST_EDITION, Parsed, parse, parse_with_comments};
pub use scan::MAX_DEPTH;
