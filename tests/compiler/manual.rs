//! The examples of the reference are files that mean something.

use callsheet_build::driver::analyse;
use callsheet_build::resolve::MemoryLoader;

use crate::{pages, transcript};

/// The file that examples import.
const COMMON: &str =
    "edition 2026;\npackage shop.common;\n\nmessage Invoice { number: string = 1; }\n";

#[test]
fn every_example_of_the_reference_is_clean() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/language.md");
    let manual = std::fs::read_to_string(path).expect("the reference");
    let mut count = 0;
    for example in manual.split("\n```rpc\n").skip(1) {
        let text = example.split("\n```").next().expect("an end").to_owned() + "\n";
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
        count += 1;
    }
    assert!(count > 10, "the examples of the reference were not found");
}
