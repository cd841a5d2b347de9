//! The compiler on whole files: manual pages, the corpus of mistakes, damaged and hostile input.

mod check;
mod damage;
mod limits;
mod manual;
mod pages;
mod parse;
mod transcript;
