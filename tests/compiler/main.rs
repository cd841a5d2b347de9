//! The compiler on whole files: manual pages, and the corpus of mistakes.

mod check;
mod manual;
mod pages;
mod transcript;
