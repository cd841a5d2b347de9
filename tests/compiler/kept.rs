//! What searches for inputs that break the compiler kept: every law of the fuzzing programs holds for all of it, without a fuzzer.

use std::path::{Path, PathBuf};

#[expect(
    unreachable_pub,
    reason = "elsewhere this is a library, whose programs are searches"
)]
#[path = "../fuzz/src/lib.rs"]
mod laws;

/// Inputs, and bytes of all of them, that are worth keeping: golden data that people still look at.
const MOST: usize = 300;
const LARGEST: usize = 300_000;

fn kept() -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")];
    let mut inputs = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the corpus") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(&path);
                let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                inputs.push((path, text));
            }
        }
    }
    inputs.sort();
    inputs
}

#[test]
fn every_law_holds_for_every_kept_input() {
    let inputs = kept();
    for folder in ["broke", "parse", "check", "generate", "breaking"] {
        let has = inputs
            .iter()
            .any(|(path, _)| path.parent().is_some_and(|parent| parent.ends_with(folder)));
        assert!(has, "nothing is kept in {folder}");
    }
    for (path, text) in &inputs {
        for law in [laws::parse, laws::check, laws::generate, laws::breaking] {
            // A panic of a law says what is wrong, and not with which input.
            let held = std::panic::catch_unwind(|| law(text.as_bytes()));
            assert!(held.is_ok(), "broken by {}", path.display());
        }
    }
}

#[test]
fn what_is_kept_is_small() {
    let inputs = kept();
    let bytes: usize = inputs.iter().map(|(_, text)| text.len()).sum();
    assert!(
        inputs.len() <= MOST && bytes <= LARGEST,
        "{} inputs, {bytes} bytes: keep what covers something new, with `cargo xtask fuzz --keep`",
        inputs.len()
    );
}
