//! What generators make, committed: the parser of the grammar and the code of the templates. So no build script has to build
//! the generators. `cargo xtask bless` writes both.

use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The views that templates print, with the template of each.
const TEMPLATES: [(&str, &str); 3] = [
    ("Modules", "modules.rs"),
    ("Module", "module.rs"),
    ("Package", "package.rs"),
];

#[test]
fn the_parser_is_what_pest_makes_of_the_grammar() {
    let grammar = fs::read_to_string(root("compiler/src/syntax/grammar.pest")).unwrap();
    let derive = format!("#[grammar_inline = {grammar:?}] pub struct Grammar;");
    let made = pest_generator::derive_parser(derive.parse().unwrap(), false);
    let mut text = String::new();
    // Indentation would be half of it.
    for line in printed(made).lines() {
        text.push_str(line.trim_start());
        text.push('\n');
    }
    is_committed("compiler/src/syntax/grammar.in", "grammar.pest", &text);
}

#[test]
fn the_code_of_the_templates_is_what_askama_makes_of_them() {
    let mut text = String::new();
    for (view, template) in TEMPLATES {
        let derive = format!("#[template(path = {template:?})] struct {view};");
        let askama = || "use ::askama;".parse().unwrap();
        let made = askama_derive::derive_template(derive.parse().unwrap(), askama);
        text.push_str(&printed(made));
    }
    is_committed("templates/src/made.in", "templates/rust", &text);
}

/// Writes the text where it belongs if that is asked for, and looks whether it is there.
fn is_committed(path: &str, from: &str, text: &str) {
    let text = format!(
        "// Made from {from}. Do not edit: change that, and run `cargo xtask bless`.\n{text}"
    );
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(root(path), &text).unwrap();
    }
    let committed = fs::read_to_string(root(path)).unwrap_or_default();
    assert!(
        committed == text,
        "{path} is not what is made from {from}: run `cargo xtask bless`"
    );
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn printed(tokens: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(plain(tokens)).unwrap())
}

/// Without levels of lints: where the text is included, they are set with a reason. And without paths of this machine, by
/// which a macro would tell that a file has changed.
fn plain(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) if allows(&group) => {
                while kept.last().is_some_and(is_mark) {
                    kept.pop();
                }
            }
            TokenTree::Group(group) => {
                let inner = plain(group.stream());
                kept.push(Group::new(group.delimiter(), inner).into());
            }
            TokenTree::Ident(word) if word == "include_bytes" => {
                // From `const _: …` to its semicolon.
                while kept.pop().is_some_and(|last| last.to_string() != "const") {}
                let _ = tokens.find(|token| token.to_string() == ";");
            }
            token => kept.push(token),
        }
    }
    kept.into_iter().collect()
}

/// `[allow(…)]`
fn allows(group: &Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket
        && first.is_some_and(|first| first.to_string() == "allow")
}

/// What stands before the brackets of an attribute: `#` or `#!`.
fn is_mark(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if matches!(mark.as_char(), '#' | '!'))
}
