//! The Callsheet compiler.
