//! The changes of a document, kept beside it: each with its whole text, so that any of them can be set again.

use callsheet::registry::MAX_DOCUMENT_BYTES;
use serde::{Deserialize, Serialize};

/// What the name of a history has behind that of its document.
const SUFFIX: &str = "@history";

/// The most changes that are kept: more than anybody looks back.
const KEPT: usize = 50;

/// The document that holds the history of the one with this name.
pub(super) fn name_of(document: &str) -> String {
    format!("{document}{SUFFIX}")
}

/// Whether this is the name of a history.
pub(super) fn is_history(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// What became of a document, the oldest change first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    pub(super) changes: Vec<Change>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    /// Counts the changes, from 1.
    pub(super) number: u64,
    /// Milliseconds since 1970.
    pub(super) at_unix_ms: u64,
    /// Who made it; empty where nobody said so.
    pub(super) by: String,
    /// Why.
    pub(super) message: String,
    /// The document after it; `None` where it was taken away.
    pub(super) text: Option<String>,
}

impl History {
    /// What a document of a registry says.
    pub(super) fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The change with this number.
    pub(super) fn change(&self, number: u64) -> Option<&Change> {
        self.changes.iter().find(|change| change.number == number)
    }

    /// The change before the one with this number.
    pub(super) fn before(&self, number: u64) -> Option<&Change> {
        let mut before = self.changes.iter().rev();
        before.find(|change| change.number < number)
    }

    /// The document after the last change that is known.
    pub(super) fn last(&self) -> Option<&Change> {
        self.changes.last()
    }

    /// Adds a change; its number is the next one.
    pub(super) fn add(&mut self, change: Change) {
        let number = self.last().map_or(1, |last| last.number + 1);
        self.changes.push(Change { number, ..change });
    }

    /// Its text, with as many changes as fit into a document of a registry, the latest ones.
    pub(super) fn write(&mut self) -> Result<String, serde_json::Error> {
        let surplus = self.changes.len().saturating_sub(KEPT);
        self.changes.drain(..surplus);
        loop {
            let text = serde_json::to_string(self)?;
            if text.len() <= MAX_DOCUMENT_BYTES || self.changes.is_empty() {
                return Ok(text);
            }
            self.changes.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str) -> Change {
        Change {
            number: 0,
            at_unix_ms: 7,
            by: "ops".into(),
            message: String::new(),
            text: Some(text.into()),
        }
    }

    #[test]
    fn changes_are_counted_on_when_old_ones_are_forgotten() {
        let mut history = History::default();
        for number in 1..=KEPT + 3 {
            history.add(change(&format!("timeout = \"{number}s\"")));
        }
        let text = history.write().unwrap();
        let again = History::read(&text).unwrap();
        assert_eq!(again.changes.len(), KEPT);
        assert_eq!(again.changes[0].number, 4);
        assert_eq!(again.last().unwrap().number, 53);
        assert_eq!(again.before(53).unwrap().number, 52);
        assert_eq!(again.before(4), None);
    }

    #[test]
    fn a_history_of_large_documents_fits_into_one() {
        let mut history = History::default();
        for _ in 0..5 {
            history.add(change(&"x".repeat(MAX_DOCUMENT_BYTES / 3)));
        }
        assert!(history.write().unwrap().len() <= MAX_DOCUMENT_BYTES);
        assert_eq!(history.changes.len(), 2);
    }
}
