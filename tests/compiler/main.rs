//! The compiler on whole files: manual pages, the corpus of mistakes, damaged and hostile input.

mod check;
mod converge;
mod damage;
mod facts;
mod faults;
mod grammar;
mod hostile;
mod kept;
mod limits;
mod manual;
mod model;
mod pages;
mod parse;
mod planted;
mod sink;
mod terminal;
mod transcript;
