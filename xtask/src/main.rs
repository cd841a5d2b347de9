//! The developers' tasks: `cargo xtask test`.

fn main() {}
