//! docs/wire.md against the implementation: each hex example is what our encoder writes and our decoder reads.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking")]

mod examples;
mod session;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The hex examples of the page by name.
fn examples() -> BTreeMap<String, Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/wire.md");
    let page = fs::read_to_string(path).expect("docs/wire.md is there");
    let mut examples = BTreeMap::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("```hex ") else {
            continue;
        };
        let bytes = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .flat_map(|line| {
                line.split(';')
                    .next()
                    .unwrap_or_default()
                    .split_whitespace()
            })
            .map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits"))
            .collect();
        let before = examples.insert(name.to_owned(), bytes);
        assert_eq!(before, None, "two examples are called {name}");
    }
    examples
}

/// Bytes as the page shows them.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(" ")
}
