//! Each snapshot belongs to a test that is there.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{SourceFile, files, root};
use crate::{Breach, uphold};

#[test]
fn every_snapshot_belongs_to_a_test() {
    let sources: BTreeMap<String, String> = crate::source::rust_files()
        .into_iter()
        .map(|file| (file.path, file.text))
        .collect();
    let exists = |path: &str| root().join(path).is_file();
    let generated = generated(&files("idl-examples", &[".rpc"]));
    let mut breaches = Vec::new();
    for folder in crate::source::CRATES {
        for snapshot in files(folder, &[".snap"]) {
            breaches.extend(orphan(&snapshot, &sources, &generated, &exists));
        }
    }
    uphold(
        "The test of this snapshot is gone: delete the file, or restore the test's name.",
        breaches,
    );
}

/// The files that are generated from the examples, as snapshots of them are named: `mod`, `shop.orders`.
fn generated(contracts: &[SourceFile]) -> BTreeSet<String> {
    let packages = contracts.iter().filter_map(|contract| {
        let package = contract
            .text
            .lines()
            .find_map(|line| line.strip_prefix("package "))?;
        Some(package.trim_end_matches(';').to_owned())
    });
    packages.chain(["mod".to_owned()]).collect()
}

/// Why a snapshot belongs to nothing. Its head names the source file, and with `glob!` the input; its file name ends
/// in the test's name, in the name that the assertion gives, or in that of a generated file.
fn orphan(
    snapshot: &SourceFile,
    sources: &BTreeMap<String, String>,
    generated: &BTreeSet<String>,
    exists: &dyn Fn(&str) -> bool,
) -> Option<Breach> {
    let breach = |what: String| Some(Breach::new(&snapshot.path, 0, what));
    let Some(source) = head(&snapshot.text, "source") else {
        return breach("its head names no source".to_owned());
    };
    let Some(text) = sources.get(source) else {
        return breach(format!("its source {source} is not there"));
    };
    if let Some(input) = head(&snapshot.text, "input_file")
        && !exists(input)
    {
        return breach(format!("its input {input} is not there"));
    }
    let name = name(&snapshot.path);
    let declared = [
        format!("fn {name}("),
        format!("fn test_{name}("),
        format!("\"{name}\""),
    ];
    // `name-2` is the second unnamed assertion of `name`.
    let stem = name.rsplit_once('-').map(|(stem, _)| format!("fn {stem}("));
    let known = declared
        .iter()
        .chain(&stem)
        .any(|it| text.contains(it.as_str()));
    if known || generated.contains(name) {
        None
    } else {
        breach(format!("{source} has no test `{name}`"))
    }
}

/// The value of `key` between the two `---` lines.
fn head<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once("---\n")?;
    let (head, _) = rest.split_once("\n---")?;
    head.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
        .map(|value| value.trim_matches('"'))
}

/// `snapshots/suite__module__name@input.rpc.snap` is of `name`.
fn name(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.strip_suffix(".snap").unwrap_or(file);
    let (stem, _) = stem.split_once('@').unwrap_or((stem, ""));
    stem.rsplit("__").next().unwrap_or(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, head: &str, expect: Option<&str>) {
        let sources = BTreeMap::from([(
            "tests/ui.rs".to_owned(),
            "fn parses() { assert_snapshot!(\"named\", x) }".to_owned(),
        )]);
        let snapshot = SourceFile {
            path: path.to_owned(),
            text: format!("---\n{head}\n---\nbody\n"),
        };
        let contract = SourceFile {
            path: "idl-examples/shop/orders.rpc".to_owned(),
            text: "edition 2026;\npackage shop.orders;\n".to_owned(),
        };
        let found = orphan(&snapshot, &sources, &generated(&[contract]), &|input| {
            input == "tests/ui/a.rpc"
        });
        assert_eq!(found.map(|breach| breach.what).as_deref(), expect, "{path}");
    }

    #[test]
    fn snapshots_of_tests_that_are_there_belong() {
        let head = "source: tests/ui.rs\nexpression: x";
        check("tests/snapshots/ui__parses.snap", head, None);
        check("tests/snapshots/ui__parses-2.snap", head, None);
        check("tests/snapshots/ui__named.snap", head, None);
        check("tests/snapshots/ui__shop.orders.snap", head, None);
        let head = "source: tests/ui.rs\ninput_file: tests/ui/a.rpc";
        check("tests/snapshots/ui__parses@a.rpc.snap", head, None);
    }

    #[test]
    fn orphans_are_found() {
        check(
            "tests/snapshots/ui__gone.snap",
            "source: tests/ui.rs",
            Some("tests/ui.rs has no test `gone`"),
        );
        check(
            "tests/snapshots/ui__shop.gone.snap",
            "source: tests/ui.rs",
            Some("tests/ui.rs has no test `shop.gone`"),
        );
        check(
            "tests/snapshots/old__parses.snap",
            "source: tests/old.rs",
            Some("its source tests/old.rs is not there"),
        );
        check(
            "tests/snapshots/ui__parses@b.rpc.snap",
            "source: tests/ui.rs\ninput_file: tests/ui/b.rpc",
            Some("its input tests/ui/b.rpc is not there"),
        );
        check(
            "tests/snapshots/ui__parses.snap",
            "expression: x",
            Some("its head names no source"),
        );
    }
}
