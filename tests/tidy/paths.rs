//! Reads the paths out of Rust tokens: `crate::wire::{Frame, head::Head}` names two.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path as it is written in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its names; a `*` at the end is left out.
    pub(crate) segments: Vec<String>,
    /// The inline modules around it: `tests`.
    pub(crate) inside: Vec<String>,
    /// From 1.
    pub(crate) line: usize,
}

/// Every path of two names or more, and every `use` of one.
pub(crate) fn paths(stream: TokenStream) -> Vec<Written> {
    let mut reader = Reader::default();
    reader.walk(stream);
    reader.found
}

#[derive(Default)]
struct Reader {
    inside: Vec<String>,
    found: Vec<Written>,
}

impl Reader {
    fn walk(&mut self, stream: TokenStream) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            match (tree, trees.get(at + 1), trees.get(at + 2)) {
                (TokenTree::Ident(word), Some(TokenTree::Ident(name)), Some(body))
                    if word == "mod" && braces(body).is_some() =>
                {
                    self.inside.push(name.to_string());
                    self.walk(braces(body).map(Group::stream).unwrap_or_default());
                    self.inside.pop();
                    at += 3;
                }
                (TokenTree::Ident(word), _, _) if word == "use" => {
                    at = self.path(&trees, at + 1, &[], 1);
                }
                (TokenTree::Ident(_), _, _) => at = self.path(&trees, at, &[], 2),
                (TokenTree::Group(group), _, _) => {
                    self.walk(group.stream());
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// Reads the path that starts at `at`, keeps it if it has at least `least` names, and returns where it ends.
    fn path(
        &mut self,
        trees: &[TokenTree],
        mut at: usize,
        prefix: &[String],
        least: usize,
    ) -> usize {
        let mut segments = prefix.to_vec();
        let line = trees.get(at).map_or(0, |tree| tree.span().start().line);
        // `::std::fs` names what `std::fs` does.
        if separator(trees, at) {
            at += 2;
        }
        loop {
            match trees.get(at) {
                Some(TokenTree::Ident(name)) => segments.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.branches(group, &segments);
                    return at + 1;
                }
                // `*`, or the `<` of a generic argument.
                _ => break,
            }
            at += 1;
            if !separator(trees, at) {
                break;
            }
            at += 2;
        }
        if segments.len() >= least {
            self.found.push(Written {
                segments,
                inside: self.inside.clone(),
                line,
            });
        }
        at.max(1)
    }

    /// `{self, a::B, c::*}` behind `prefix`.
    fn branches(&mut self, group: &Group, prefix: &[String]) {
        let trees: Vec<TokenTree> = group.stream().into_iter().collect();
        let comma = |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ',');
        for branch in trees.split(comma).filter(|branch| !branch.is_empty()) {
            self.path(branch, 0, prefix, 1);
        }
    }
}

fn separator(trees: &[TokenTree], at: usize) -> bool {
    let colon =
        |tree: Option<&TokenTree>| matches!(tree, Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(trees.get(at)) && colon(trees.get(at + 1))
}

fn braces(tree: &TokenTree) -> Option<&Group> {
    match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    }
}

#[test]
fn every_way_to_write_a_path_is_read() {
    let text = "\
use crate::wire::{Frame, head::{Head, self}};
use tokio;
use ::std::fs;
mod tests {
    use super::*;
    fn f(x: &crate::model::Name) { let y = std::env::var(\"crate::not::this\"); }
}
// crate::not::this
/// [`crate::not::this`]
fn g() { a::<crate::b::C>(); macro_call!(crate::d::E, 1) }
";
    let found: Vec<(String, usize)> = paths(crate::source::tokens(text).unwrap())
        .into_iter()
        .map(|path| {
            let inside = path.inside.join("/");
            (format!("{inside} {}", path.segments.join("::")), path.line)
        })
        .collect();
    let expect = [
        (" crate::wire::Frame", 1),
        (" crate::wire::head::Head", 1),
        (" crate::wire::head::self", 1),
        (" tokio", 2),
        (" std::fs", 3),
        ("tests super", 5),
        ("tests crate::model::Name", 6),
        ("tests std::env::var", 6),
        (" crate::b::C", 10),
        (" crate::d::E", 10),
    ];
    for (path, line) in expect {
        assert!(
            found.contains(&(path.to_owned(), line)),
            "{path} at {line} is not in {found:#?}"
        );
    }
    assert!(found.iter().all(|(path, _)| !path.contains("not::this")));
}
