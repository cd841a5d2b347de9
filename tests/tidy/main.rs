//! The law of the house, as tests: one law, one test, and a message that says what to do.
//!
//! A law is a function from text to breaches, so that each is shown to find a made-up offender before it is trusted with
//! the real files. What clippy can see is in the `clippy.toml` files instead.
#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod dependencies;
mod diagnostics;
mod floors;
mod links;
mod manifest;
mod paths;
mod places;
mod purity;
mod readme;
mod size;
mod snapshots;
mod source;
mod waiting;
mod words;

use std::fmt;

/// A place where a law is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Breach {
    /// Relative to the workspace.
    file: String,
    /// From 1; 0 for the file as a whole.
    line: usize,
    /// What is wrong there.
    what: String,
}

impl Breach {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// Fails with every breach when there is one, under the law and what to do about it.
#[track_caller]
fn uphold(law: &str, mut breaches: Vec<Breach>) {
    breaches.sort();
    breaches.dedup();
    let list: Vec<String> = breaches
        .iter()
        .map(|breach| format!("  {breach}"))
        .collect();
    assert!(list.is_empty(), "{law}\n{}", list.join("\n"));
}

#[test]
fn breaches_are_listed_by_place_under_the_law() {
    let outcome = std::panic::catch_unwind(|| {
        uphold(
            "Do not.",
            vec![
                Breach::new("b.rs", 0, "whole"),
                Breach::new("a.rs", 7, "there"),
            ],
        );
    });
    let panic = outcome.unwrap_err();
    assert_eq!(
        panic.downcast_ref::<String>().unwrap(),
        "Do not.\n  a.rs:7: there\n  b.rs: whole"
    );
}
