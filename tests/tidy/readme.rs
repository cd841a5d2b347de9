//! The README names what there is to choose from, and shows what is true.

use crate::manifest::Manifest;
use crate::source::{SourceFile, files, read};
use crate::{Breach, uphold};

#[test]
fn readme_names_every_feature_of_the_runtime() {
    uphold(
        "Each cargo feature of `callsheet` has a row in README.md: its name in backticks, and what it adds.",
        unnamed(&Manifest::of("runtime"), &read("README.md")),
    );
}

fn unnamed(manifest: &Manifest, readme: &str) -> Vec<Breach> {
    manifest
        .names("features")
        .into_iter()
        .filter(|feature| feature != "default" && !readme.contains(&format!("`{feature}`")))
        .map(|feature| Breach::new("README.md", 0, format!("does not name `{feature}`")))
        .collect()
}

#[test]
fn contract_in_the_readme_is_that_of_the_examples() {
    let contract = read("idl-examples/library/books.rpc");
    assert!(
        read("README.md").contains(&format!("```rpc\n{contract}```\n")),
        "README.md shows idl-examples/library/books.rpc as it is: copy the file into its block"
    );
}

#[test]
fn no_code_in_a_document_escapes_the_compiler() {
    let mut breaches = Vec::new();
    for file in files("", &[".md", ".rs"]) {
        breaches.extend(ignored_blocks(&file));
    }
    uphold(
        "An example that is not compiled goes stale. Make it whole: `no_run` where it would wait, `compile_fail` where it\n\
         shows a mistake, `text` where it is not Rust.",
        breaches,
    );
}

fn ignored_blocks(file: &SourceFile) -> Vec<Breach> {
    let lines = file.text.lines().enumerate();
    lines
        .filter(|(_, line)| {
            let line = line
                .trim_start()
                .trim_start_matches(['/', '!'])
                .trim_start();
            let info = line.strip_prefix("```").unwrap_or_default();
            info.split(',').any(|word| word.trim() == "ignore")
        })
        .map(|(at, _)| Breach::new(&file.path, at + 1, "a block that is not compiled"))
        .collect()
}

#[test]
fn block_that_is_not_compiled_is_found() {
    let check = |text: &str, lines: &[usize]| {
        let file = SourceFile {
            path: "a.md".to_owned(),
            text: text.to_owned(),
        };
        let found: Vec<usize> = ignored_blocks(&file).iter().map(|b| b.line).collect();
        assert_eq!(found, lines, "{text}");
    };
    check("```rust,ignore\n```", &[1]);
    check("text\n/// ```ignore\n", &[2]);
    check("//! ```rust,no_run\n//! ```\nignore", &[]);
}

#[test]
fn feature_without_a_row_is_found() {
    let manifest = Manifest::parse("[features]\ndefault = []\njson = []\ntls = []\n");
    let breaches = unnamed(&manifest, "| `json` | JSON |\ntls");
    assert_eq!(
        breaches,
        [Breach::new("README.md", 0, "does not name `tls`")]
    );
}
