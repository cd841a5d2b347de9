//! Reads the `Cargo.toml` files.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::source::read;

/// A crate's manifest.
pub(crate) struct Manifest(Table);

impl Manifest {
    /// That of the crate in `folder`.
    pub(crate) fn of(folder: &str) -> Self {
        Self::parse(&read(&format!("{folder}/Cargo.toml")))
    }

    pub(crate) fn parse(text: &str) -> Self {
        Self(text.parse().unwrap())
    }

    /// The names in a table such as `dependencies`, those for single targets included.
    pub(crate) fn names(&self, table: &str) -> BTreeSet<String> {
        let targets = self.0.get("target").and_then(Value::as_table);
        let tables = targets.into_iter().flat_map(|targets| targets.values());
        tables
            .filter_map(Value::as_table)
            .chain([&self.0])
            .filter_map(|section| section.get(table)?.as_table())
            .flat_map(|table| table.keys().cloned())
            .collect()
    }
}

#[test]
fn dependencies_for_one_target_count() {
    let manifest = Manifest::parse(
        "[dependencies]\nbytes = \"1\"\n[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n",
    );
    let names: Vec<_> = manifest.names("dependencies").into_iter().collect();
    assert_eq!(names, ["bytes", "libc"]);
}
