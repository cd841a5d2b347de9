//! The Rust text that the Callsheet compiler generates.
