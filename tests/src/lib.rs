//! What the tests of several crates share.

/// The README, whose examples are compiled as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}
