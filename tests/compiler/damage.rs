//! Damaged contracts: whatever is missing or too many, there is a finding and never a panic.

use std::path::Path;

use callsheet_build::driver::analyse;
use callsheet_build::resolve::MemoryLoader;
use proptest::prelude::*;

use super::{parse, transcript};

pub(crate) fn examples() -> Vec<(String, String)> {
    contracts("../idl-examples")
}

/// Every contract below a folder, by import path.
pub(crate) fn contracts(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of examples") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rpc") {
                found.push((
                    path.strip_prefix(&root)
                        .expect("below the root")
                        .display()
                        .to_string(),
                    std::fs::read_to_string(&path).expect("an example"),
                ));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// The tokens of a text that are no comments, roughly: words, strings, single symbols.
pub(crate) fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("ends. */").map_or_else(
                || rest.find("*/").expect("a closed comment") + 2,
                |end| end + 8,
            )
        } else if let Some(raw) = rest.strip_prefix("r\"") {
            raw.find('"').expect("a closed string") + 3
        } else if let Some(inner) = rest.strip_prefix('"') {
            let mut escaped = false;
            let close = inner.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            close.expect("a closed string") + 2
        } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
            let mut before = ' ';
            let end = rest.char_indices().find(|(at, c)| {
                let sign = *c == '-' && before == 'e';
                let fraction =
                    *c == '.' && rest[at + 1..].starts_with(|c: char| c.is_ascii_digit());
                before = *c;
                !(word(*c) || sign || fraction)
            });
            end.map_or(rest.len(), |(at, _)| at)
        } else if rest.starts_with(word) {
            rest.find(|c| !word(c)).unwrap_or(rest.len())
        } else {
            rest.chars().next().expect("a closed string").len_utf8()
        };
        let comment = rest.starts_with("//") || rest.starts_with("/*");
        if !comment && !rest.starts_with(char::is_whitespace) {
            tokens.push(at..at + length);
        }
        at += length;
    }
    tokens
}

#[test]
fn the_examples_are_clean() {
    let files: Vec<(String, String)> = examples();
    for (path, _) in &files {
        let analysis = analyse(
            &mut MemoryLoader::new(files.clone()),
            std::slice::from_ref(path),
        );
        let found = transcript::of(&analysis);
        assert!(
            found.is_empty() && analysis.model.is_some(),
            "{path}:\n{found}"
        );
    }
}

/// Damages every token of every example with `damage` (text, start and end of the token). At most one thing is found
/// each time, and at least one where `must` says so of the token.
fn check(damage: impl Fn(&str, usize, usize) -> String, must: impl Fn(&str) -> bool) {
    let mut wrong: Vec<String> = Vec::new();
    for (name, text) in examples() {
        for token in tokens(&text) {
            let word = &text[token.clone()];
            let (found, _) = parse::parse(&name, &damage(&text, token.start, token.end));
            if found.len() > 1 || found.is_empty() && must(word) {
                let found = found
                    .iter()
                    .map(|one| format!("{} {}", one.primary.span.start, one.message));
                let found: Vec<String> = found.collect();
                wrong.push(format!("{name}: `{word}` at {}: {found:#?}", token.start));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_lost_token_is_found_once() {
    let must = [
        "{", "}", ":", "(", "<", ">", "@", "enum", "service", "rpc", "package", "import",
        "edition", "oneof",
    ];
    check(
        |text, start, end| format!("{}{}", &text[..start], &text[end..]),
        |word| must.contains(&word),
    );
}

#[test]
fn a_doubled_token_is_found_once() {
    let must = [";", "{", "}", ":", "(", "<", ">", "=", "?", "@", "[", "]"];
    check(
        |text, start, end| format!("{} {}", &text[..end], &text[start..]),
        |word| must.contains(&word),
    );
}

#[test]
fn a_file_cut_anywhere_never_panics() {
    for (name, text) in examples() {
        for (at, _) in text.char_indices().step_by(7) {
            parse::parse(&name, &text[..at]);
        }
    }
}

const SOUP: [&str; 58] = [
    "message",
    "enum",
    "error",
    "service",
    "const",
    "oneof",
    "reserved",
    "rpc",
    "versions",
    "groups",
    "edition",
    "package",
    "import",
    "stream",
    "throws",
    "map",
    "returns",
    "repeated",
    "optional",
    "struct",
    "mesage",
    "a",
    "B",
    "int32",
    "1",
    "1.0",
    "0x",
    "5sec",
    "800ms",
    "\"s\"",
    "r\"s\"",
    "\"",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ";",
    ",",
    ":",
    "=",
    "?",
    "@",
    ".",
    "..",
    "..=",
    "->",
    "-",
    "/// doc\n",
    "//! doc\n",
    "// c\n",
    "/* c */",
    "/*",
    "\n",
    "§",
];

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in any::<String>()) {
        parse::parse("any.rpc", &text);
    }

    #[test]
    fn any_soup_of_tokens_gets_an_answer(soup in proptest::collection::vec(proptest::sample::select(&SOUP[..]), 0..60)) {
        parse::parse("soup.rpc", &soup.join(" "));
    }
}
