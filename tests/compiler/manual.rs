//! The examples of the reference are files that mean something.

use callsheet_build::driver::analyse;
use callsheet_build::resolve::MemoryLoader;

use crate::{pages, transcript};

/// The file that examples import.
const COMMON: &str =
    "edition 2026;\npackage shop.common;\n\nmessage Invoice { number: string = 1; }\n";

fn read(path: &str) -> String {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("a file of the repository")
}

fn examples() -> Vec<String> {
    let manual = read("docs/language.md");
    let examples = manual.split("\n```rpc\n").skip(1);
    examples
        .map(|example| example.split("\n```").next().expect("an end").to_owned() + "\n")
        .collect()
}

#[test]
fn every_example_of_the_reference_is_clean() {
    let examples = examples();
    assert!(
        examples.len() > 10,
        "the examples of the reference were not found"
    );
    for text in examples {
        let path = pages::path_of(&text);
        let files = [
            (path.clone(), text.clone()),
            ("shop/common.rpc".to_owned(), COMMON.to_owned()),
        ];
        let analysis = analyse(&mut MemoryLoader::new(files), &[path]);
        let found = transcript::of(&analysis);
        assert!(
            found.is_empty() && analysis.model.is_some(),
            "{text}\n{found}"
        );
    }
}

#[test]
fn every_word_and_annotation_has_an_example() {
    let grammar = read("compiler/src/syntax/grammar.rs");
    let words = grammar
        .lines()
        .filter_map(|line| {
            line.trim_start()
                .strip_prefix("kw_")?
                .split_whitespace()
                .next()
        })
        .map(|word| format!("{word} "));
    let table = read("compiler/src/check/table.rs");
    let annotations: Vec<String> = table
        .split(" spec(")
        .chain(table.split(" name: "))
        .filter_map(|spec| spec.trim_start().strip_prefix('"')?.split_once('"'))
        .map(|(name, _)| format!("@{name}"))
        .collect();
    assert!(annotations.len() > 20, "{annotations:?}");
    let examples = examples().concat();
    let missing: Vec<String> = words
        .chain(annotations)
        .filter(|construct| !examples.contains(construct.as_str()))
        .collect();
    assert!(missing.is_empty(), "without an example: {missing:?}");
}
