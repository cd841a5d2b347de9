//! The text itself.

use std::path::Path;

use callsheet_build::codegen::{Files, Options};
use callsheet_build::driver;
use callsheet_build::host::{DiskLoader, ImportRoots};
use callsheet_build::model::Model;

/// What the contracts below a folder of this repository mean.
pub(crate) fn model(folder: &str) -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let roots = ImportRoots::new([&folder]).expect("a folder of contracts");
    let entries = roots.entries(&[&folder]).expect("contracts");
    let analysis = driver::analyse(&mut DiskLoader::new(roots), &entries);
    analysis
        .model
        .unwrap_or_else(|| panic!("{:?}", analysis.diagnostics))
}

fn generate(folder: &str) -> Files {
    driver::generate(&model(folder), &Options::default()).expect("default options")
}

/// The text with a word in the place of the descriptor set, which `descriptors` looks at.
fn without_descriptor_set(text: &str) -> String {
    let start = "::callsheet::codegen::Schema::new(\n    b\"";
    let Some((before, rest)) = text.split_once(start) else {
        return text.to_owned();
    };
    let (_, behind) = rest.split_once("\",\n").expect("the end of the literal");
    format!("{before}{start}…\",\n{behind}")
}

#[test]
fn every_example_generates_what_the_snapshots_show() {
    for (name, text) in generate("../idl-examples").0 {
        insta::with_settings!({ snapshot_suffix => name.trim_end_matches(".rs") }, {
            insta::assert_snapshot!(without_descriptor_set(&text));
        });
    }
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    assert_eq!(generate("idl"), generate("idl"));
}

#[test]
fn generated_text_names_one_path_and_uses_nothing() {
    for (name, text) in generate("../idl-examples").0 {
        for (number, line) in text.lines().enumerate() {
            let code = line.trim_start();
            let place = format!("{name}:{}: {line}", number + 1);
            assert!(!code.starts_with("use "), "{place}");
            assert_eq!(line.trim_end(), line, "{place}");
            for (at, _) in line.match_indices("callsheet::") {
                let said = &line[at..];
                let absolute = line[..at].ends_with("::");
                assert!(
                    absolute && said.starts_with("callsheet::codegen"),
                    "{place}"
                );
            }
        }
    }
}
