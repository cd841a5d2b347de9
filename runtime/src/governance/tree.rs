//! A document as values with their places in the text, whether it is written as TOML or as JSON.
//!
//! Knows no setting.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use toml::de::{DeTable, DeValue};

/// How deep values may lie within each other: documents need three.
const MAX_DEPTH: usize = 16;

/// A value, and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) tree: Tree,
}

#[derive(Debug)]
pub(super) enum Tree {
    Table(Vec<Entry>),
    List(Vec<Node>),
    Leaf(Value),
}

/// A value of a table, and where its key begins (in JSON: the value).
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: usize,
    pub(super) node: Node,
}

impl Node {
    fn leaf(at: usize, value: impl Into<Value>) -> Self {
        Self {
            at,
            tree: Tree::Leaf(value.into()),
        }
    }
}

/// What cannot be read, and where.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) at: usize,
    pub(super) why: String,
}

/// The table that a text is: JSON if its first visible character is `{`, else TOML.
pub(super) fn read(text: &str) -> Result<Vec<Entry>, Vec<Broken>> {
    if text.trim_start().starts_with('{') {
        of_json(text).map_err(|broken| vec![broken])
    } else {
        of_toml(text)
    }
}

fn of_toml(text: &str) -> Result<Vec<Entry>, Vec<Broken>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let broken = |error: &toml::de::Error| Broken {
            at: error.span().map_or(0, |span| span.start),
            why: format!("this is no TOML: {}", error.message()),
        };
        let mut all: Vec<_> = errors.iter().map(broken).collect();
        all.sort_by_key(|broken| broken.at);
        return Err(all);
    }
    entries(table.into_inner(), 0).map_err(|broken| vec![broken])
}

fn entries(table: DeTable<'_>, depth: usize) -> Result<Vec<Entry>, Broken> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let span = value.span();
        entries.push(Entry {
            at: key.span().start,
            key: key.into_inner().into_owned(),
            node: node(span.start, value.into_inner(), depth + 1)?,
        });
    }
    // Tables sort their keys; what is told of them comes in the order of the text.
    entries.sort_by_key(|entry| entry.at);
    Ok(entries)
}

fn node(at: usize, value: DeValue<'_>, depth: usize) -> Result<Node, Broken> {
    check_depth(at, depth)?;
    Ok(match value {
        DeValue::String(text) => Node::leaf(at, text.into_owned()),
        DeValue::Boolean(flag) => Node::leaf(at, flag),
        DeValue::Datetime(time) => Node::leaf(at, time.to_string()),
        DeValue::Integer(number) => {
            let value = i64::from_str_radix(number.as_str(), number.radix());
            Node::leaf(
                at,
                value.map_err(|_| Broken {
                    at,
                    why: "this number is too large".into(),
                })?,
            )
        }
        // What is no number by JSON's measure is no value of a setting either.
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(value) if value.is_finite() => Node::leaf(at, value),
            _ => Node::leaf(at, number.as_str()),
        },
        DeValue::Array(list) => {
            let list = list.into_iter().map(|value| {
                let start = value.span().start;
                node(start, value.into_inner(), depth + 1)
            });
            Node {
                at,
                tree: Tree::List(list.collect::<Result<_, _>>()?),
            }
        }
        DeValue::Table(table) => Node {
            at,
            tree: Tree::Table(entries(table, depth)?),
        },
    })
}

fn check_depth(at: usize, depth: usize) -> Result<(), Broken> {
    if depth <= MAX_DEPTH {
        return Ok(());
    }
    Err(Broken {
        at,
        why: format!("values lie more than {MAX_DEPTH} deep within each other"),
    })
}

fn of_json(text: &str) -> Result<Vec<Entry>, Broken> {
    let raw = serde_json::from_str::<&RawValue>(text).map_err(|error| Broken {
        at: offset(text, error.line(), error.column()),
        why: format!("this begins with `{{` and is no JSON: {}", bare(&error)),
    })?;
    match json_node(text, raw, 0)?.tree {
        Tree::Table(entries) => Ok(entries),
        // What begins with `{` is one.
        Tree::List(_) | Tree::Leaf(_) => Ok(Vec::new()),
    }
}

fn json_node(text: &str, raw: &RawValue, depth: usize) -> Result<Node, Broken> {
    let at = raw.get().as_ptr().addr() - text.as_ptr().addr();
    check_depth(at, depth)?;
    let broken = |error: serde_json::Error| Broken {
        at,
        why: bare(&error),
    };
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    let tree = match raw.get().as_bytes().first() {
        Some(b'{') => {
            let table = reader.deserialize_map(Pairs).map_err(broken)?;
            let entries = table.into_iter().map(|(key, raw)| {
                let node = json_node(text, raw, depth + 1)?;
                Ok(Entry {
                    key: key.into_owned(),
                    at: node.at,
                    node,
                })
            });
            Tree::Table(entries.collect::<Result<_, _>>()?)
        }
        Some(b'[') => {
            let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(broken)?;
            let list = list.into_iter().map(|raw| json_node(text, raw, depth + 1));
            Tree::List(list.collect::<Result<_, _>>()?)
        }
        _ => Tree::Leaf(serde_json::from_str(raw.get()).map_err(broken)?),
    };
    Ok(Node { at, tree })
}

/// The message of an error without its place, which is told apart.
fn bare(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Where a line and a column in bytes, both from 1, are in a text.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before = text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Reads a JSON object as its pairs, none of which may stand there twice.
struct Pairs;

impl<'de> Visitor<'de> for Pairs {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs: Self::Value = Vec::new();
        let mut met = std::collections::HashSet::new();
        while let Some((key, raw)) = map.next_entry::<Cow<'de, str>, &RawValue>()? {
            if !met.insert(key.clone()) {
                return Err(A::Error::custom(format!("`{key}` stands here twice")));
            }
            pairs.push((key, raw));
        }
        Ok(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every leaf as `line key = value`, or what is broken.
    fn shown(text: &str) -> String {
        fn walk(text: &str, prefix: &str, node: &Node, out: &mut Vec<String>) {
            let line = text[..node.at].matches('\n').count() + 1;
            match &node.tree {
                Tree::Table(entries) => {
                    for entry in entries {
                        walk(text, &format!("{prefix}.{}", entry.key), &entry.node, out);
                    }
                }
                Tree::List(list) => {
                    for (index, node) in list.iter().enumerate() {
                        walk(text, &format!("{prefix}[{index}]"), node, out);
                    }
                }
                Tree::Leaf(value) => out.push(format!("{line} {prefix} = {value}")),
            }
        }
        let mut out = Vec::new();
        match read(text) {
            Ok(entries) => {
                let root = Node {
                    at: 0,
                    tree: Tree::Table(entries),
                };
                walk(text, "", &root, &mut out);
            }
            Err(all) => {
                let show = |one: Broken| {
                    let line = text[..one.at].matches('\n').count() + 1;
                    format!("{line}: {}", one.why)
                };
                out.extend(all.into_iter().map(show));
            }
        }
        out.join("\n")
    }

    #[test]
    fn toml_and_json_of_one_document_are_one_tree() {
        let toml =
            "timeout = \"1s\"\n[retry]\nattempts = 1\non = [\"aborted\"]\n[[rule]]\nshare = 0.5";
        let json = r#"{"timeout": "1s",

            "retry": {"attempts": 1,
            "on": ["aborted"]},
            "rule": [ {"share":0.5} ]}"#;
        insta::assert_snapshot!(shown(toml), @r#"
        1 .timeout = "1s"
        3 .retry.attempts = 1
        4 .retry.on[0] = "aborted"
        6 .rule[0].share = 0.5
        "#);
        insta::assert_snapshot!(shown(json), @r#"
        1 .timeout = "1s"
        3 .retry.attempts = 1
        4 .retry.on[0] = "aborted"
        5 .rule[0].share = 0.5
        "#);
    }

    #[test]
    fn what_is_neither_is_told_where_it_breaks() {
        insta::assert_snapshot!(shown("a = 1\nb = \nc = [1"), @r"
        2: this is no TOML: string values must be quoted, expected literal string
        3: this is no TOML: unclosed array, expected `]`
        ");
        insta::assert_snapshot!(shown("{\"a\": 1,\n\"b\" 2}"), @"2: this begins with `{` and is no JSON: expected `:`");
        insta::assert_snapshot!(shown("a = 1\na = 2"), @"2: this is no TOML: duplicate key");
        insta::assert_snapshot!(shown("{\"a\": 1,\n\"a\": 2}"), @"1: `a` stands here twice");
        insta::assert_snapshot!(shown("timeout: 1s"), @r"
        1: this is no TOML: invalid unquoted key, expected letters, numbers, `-`, `_`
        1: this is no TOML: key with no value, expected `=`
        ");
        insta::assert_snapshot!(shown("a = 99999999999999999999"), @"1: this number is too large");
    }

    #[test]
    fn what_lies_too_deep_is_refused() {
        for deep in [
            format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40)),
            format!("{{\"a\":{}1{}}}", "[".repeat(9000), "]".repeat(9000)),
            format!("a = {}1{}", "[".repeat(40), "]".repeat(40)),
            format!("a = {}1{}", "[".repeat(9000), "]".repeat(9000)),
            format!("{}b = 1", "a.".repeat(40)),
        ] {
            assert!(read(&deep).is_err());
        }
    }
}
