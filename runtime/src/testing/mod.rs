//! What proves that an extension keeps its promises: suites for tests, ours and those of third parties.
//!
//! Behind the feature `testing`; nothing in a program that runs names it.

pub mod registry;
