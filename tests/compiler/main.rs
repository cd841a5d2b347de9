//! The compiler on whole files: manual pages, the corpus of mistakes, damaged and hostile input.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod check;
mod damage;
mod fixes;
mod limits;
mod manual;
mod model;
mod pages;
mod parse;
mod transcript;
