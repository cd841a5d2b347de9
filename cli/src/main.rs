//! The Callsheet command line.

fn main() {}
