//! Takes a document's tree apart, and gathers everything that is wrong with it.

use std::collections::HashMap;

use serde::de::DeserializeOwned;

use super::fault::{Fault, Severity};
use super::tree::{Entry, Node, Tree};

/// The most faults that are told of one document: who has more than that begins with the first.
const MAX_FAULTS: usize = 50;

/// What is wrong with a document so far, and where its values stand.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a str,
    faults: Vec<(usize, Fault)>,
    /// By key: where it stands.
    places: HashMap<String, usize>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            faults: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// There is a fault at this byte.
    pub(super) fn fault(&mut self, at: usize, key: &str, message: &str) {
        if self.faults.len() < MAX_FAULTS {
            let fault = Fault::new(Severity::Error, place(self.text, at), key, message);
            self.faults.push((at, fault));
        }
    }

    /// There is a fault in a value that was read.
    pub(super) fn fault_of(&mut self, key: &str, message: &str) {
        let at = self.places.get(key).copied().unwrap_or(0);
        self.fault(at, key, message);
    }

    /// Where the value with this key stands, if it is there.
    pub(super) fn place_of(&self, key: &str) -> Option<(usize, usize)> {
        let at = self.places.get(key)?;
        Some(place(self.text, *at))
    }

    /// Line and character of this byte.
    pub(super) fn place_at(&self, at: usize) -> (usize, usize) {
        place(self.text, at)
    }

    /// Remembers where a value stands.
    pub(super) fn note(&mut self, key: &str, at: usize) {
        self.places.insert(key.to_owned(), at);
    }

    /// A value that is written as one.
    pub(super) fn leaf<T: DeserializeOwned>(&mut self, key: &str, entry: Entry) -> Option<T> {
        self.note(key, entry.at);
        let Some(value) = json(entry.node) else {
            self.fault(entry.at, key, "a table stands where a value belongs");
            return None;
        };
        match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(entry.at, key, &error.to_string());
                None
            }
        }
    }

    /// A table.
    pub(super) fn table(&mut self, key: &str, entry: Entry) -> Option<Vec<Entry>> {
        self.note(key, entry.at);
        let Tree::Table(entries) = entry.node.tree else {
            let message = format!("a value stands where a table belongs: write `[{key}]`");
            self.fault(entry.at, key, &message);
            return None;
        };
        Some(entries)
    }

    /// A list of tables, each with its key.
    pub(super) fn tables(
        &mut self,
        key: &str,
        entry: Entry,
        most: usize,
    ) -> Vec<(String, Vec<Entry>)> {
        let Tree::List(list) = entry.node.tree else {
            let message = format!("this is a list of tables: write `[[{key}]]`");
            self.fault(entry.at, key, &message);
            return Vec::new();
        };
        if list.len() > most {
            let message = format!("there are {}: the limit is {most}", list.len());
            self.fault(entry.at, key, &message);
            return Vec::new();
        }
        let mut tables = Vec::with_capacity(list.len());
        for (index, node) in list.into_iter().enumerate() {
            let key = format!("{key}[{index}]");
            let entry = Entry {
                key: String::new(),
                at: node.at,
                node,
            };
            tables.extend(self.table(&key, entry).map(|entries| (key, entries)));
        }
        tables
    }

    /// There is no such key here; these there are.
    pub(super) fn unknown(&mut self, key: &str, entry: &Entry, known: &[&str]) {
        let message = format!("unknown: there is {}", known.join(", "));
        self.fault(entry.at, key, &message);
    }

    /// All faults, in the order of the text.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        self.faults.sort_by_key(|(at, _)| *at);
        self.faults.into_iter().map(|(_, fault)| fault).collect()
    }
}

/// The key of an entry of a table with this key.
pub(super) fn below(prefix: &str, key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let key = if key.bytes().all(plain) {
        key.to_owned()
    } else {
        format!("{key:?}")
    };
    if prefix.is_empty() {
        key
    } else {
        format!("{prefix}.{key}")
    }
}

fn json(node: Node) -> Option<serde_json::Value> {
    match node.tree {
        Tree::Leaf(value) => Some(value),
        Tree::List(list) => list.into_iter().map(json).collect(),
        Tree::Table(_) => None,
    }
}

/// Line and character of a byte of a text, both from 1.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[start..].chars().count() + 1)
}
