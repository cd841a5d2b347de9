//! What no file of ours says: attributes that silence, and modules without a word about what they hold.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::{SourceFile, rust_files, tokens};
use crate::{Breach, uphold};

#[test]
fn no_test_is_ignored() {
    uphold(
        "A test runs or is not there. Give it what it needs, or delete it.",
        attributes("ignore", &rust_files()),
    );
}

#[test]
fn no_lint_is_silenced_with_allow() {
    uphold(
        "Write `#[expect(lint, reason = \"…\")]`, which ends when its reason does, or mend what the lint says.",
        attributes("allow", &rust_files()),
    );
}

#[test]
fn every_module_says_what_it_holds() {
    let mut files = rust_files();
    files.retain(|file| !file.path.contains("/examples/"));
    uphold(
        "A file opens with `//!`: what it holds, and what it must not know.",
        without_documentation(&files),
    );
}

/// Where an attribute has `word` as its name, or as what a `cfg_attr` turns it into.
fn attributes(word: &str, files: &[SourceFile]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        let mut lines = Vec::new();
        find(word, file.tokens(), &mut lines);
        for line in lines {
            breaches.push(Breach::new(&file.path, line, format!("#[{word}…]")));
        }
    }
    breaches
}

fn find(word: &str, stream: TokenStream, lines: &mut Vec<usize>) {
    let mut after_hash = false;
    for tree in stream {
        match &tree {
            TokenTree::Punct(mark) if mark.as_char() == '#' => after_hash = true,
            // The `!` of an inner attribute.
            TokenTree::Punct(mark) if after_hash && mark.as_char() == '!' => {}
            TokenTree::Group(group) => {
                if after_hash && group.delimiter() == Delimiter::Bracket {
                    attribute(word, group.stream(), lines);
                } else {
                    find(word, group.stream(), lines);
                }
                after_hash = false;
            }
            _ => after_hash = false,
        }
    }
}

fn attribute(word: &str, stream: TokenStream, lines: &mut Vec<usize>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    match trees.as_slice() {
        [TokenTree::Ident(name), ..] if name == word => lines.push(name.span().start().line),
        [TokenTree::Ident(name), TokenTree::Group(group)] if name == "cfg_attr" => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let comma =
                |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ',');
            for part in inner.split(comma).skip(1) {
                attribute(word, part.iter().cloned().collect(), lines);
            }
        }
        _ => {}
    }
}

fn without_documentation(files: &[SourceFile]) -> Vec<Breach> {
    files
        .iter()
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| Breach::new(&file.path, 1, "no `//!`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(word: &str, text: &str) -> Vec<usize> {
        tokens(text).unwrap();
        let file = SourceFile {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        };
        let breaches = attributes(word, &[file]);
        breaches.iter().map(|breach| breach.line).collect()
    }

    #[test]
    fn ignored_tests_are_found() {
        assert_eq!(lines("ignore", "#[test]\n#[ignore]\nfn t() {}"), [2]);
        assert_eq!(
            lines("ignore", "mod m { #[ignore = \"slow\"] fn t() {} }"),
            [1]
        );
        assert_eq!(
            lines("ignore", "// #[ignore]\nfn ignore(x: [u8; 1]) {}"),
            [0; 0]
        );
    }

    #[test]
    fn allowed_lints_are_found() {
        assert_eq!(lines("allow", "#![allow(dead_code)]"), [1]);
        assert_eq!(
            lines("allow", "#[cfg_attr(test, allow(dead_code))]\nfn f() {}"),
            [1]
        );
        assert_eq!(lines("allow", "let x = \"#[allow(dead_code)]\";"), [0; 0]);
        assert_eq!(
            lines("allow", "#[expect(dead_code, reason = \"r\")] fn f() {}"),
            [0; 0]
        );
    }

    #[test]
    fn module_without_documentation_is_found() {
        let file = |text: &str| SourceFile {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(without_documentation(&[file("use std::fmt;\n")]).len(), 1);
        assert_eq!(without_documentation(&[file("//! Holds a.\n")]).len(), 0);
    }
}
