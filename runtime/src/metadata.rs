//! Metadata: what travels beside a message.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// Pairs of a key and a text or binary value, in the order in which they were added.
///
/// Keys are 1 to 64 characters of `a-z 0-9 . _ -`; several entries may share one. The number of entries and their bytes
/// are bounded where they leave or enter a process, with the limit in the error.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Most calls carry none: one word that needs no work. What is here is not empty.
    entries: Option<Box<Entries>>,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Entries(Vec<(Cow<'static, str>, Value)>);

/// A value of [`Metadata`].
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// UTF-8 without control characters.
    Text(Cow<'static, str>),
    /// Any bytes.
    Binary(Bytes),
}

/// Why a pair cannot be metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMetadata {
    key: String,
    reason: &'static str,
}

impl Metadata {
    /// The most characters of a key.
    pub const MAX_KEY: usize = 64;

    /// No entries.
    pub const fn new() -> Self {
        Self { entries: None }
    }

    #[inline]
    fn entries(&self) -> &[(Cow<'static, str>, Value)] {
        self.entries.as_deref().map_or(&[], |entries| &entries.0)
    }

    /// Keeps the entries for which `keep` says so.
    fn retain(&mut self, keep: impl FnMut(&(Cow<'static, str>, Value)) -> bool) {
        if let Some(entries) = &mut self.entries {
            entries.0.retain(keep);
            if entries.0.is_empty() {
                self.entries = None;
            }
        }
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.entries.is_none()
    }

    /// The first text under `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.all(key).find_map(|value| match value {
            Value::Text(text) => Some(&**text),
            Value::Binary(_) => None,
        })
    }

    /// The first bytes under `key`.
    pub fn binary(&self, key: &str) -> Option<&Bytes> {
        self.all(key).find_map(|value| match value {
            Value::Text(_) => None,
            Value::Binary(bytes) => Some(bytes),
        })
    }

    /// Every value under `key`.
    pub fn all<'a, 'k>(&'a self, key: &'k str) -> impl Iterator<Item = &'a Value> + use<'a, 'k> {
        self.iter()
            .filter(move |(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Every entry in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries().iter().map(|(key, value)| (&**key, value))
    }

    /// Adds an entry and keeps those of the same key.
    ///
    /// # Errors
    /// A key or text that breaks the rules of [`Metadata`] or [`Value`].
    pub fn append(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Value>,
    ) -> Result<(), InvalidMetadata> {
        let (key, value) = (key.into(), value.into());
        if let Some(reason) = objection(&key, &value) {
            return Err(InvalidMetadata {
                key: key.escape_default().take(Self::MAX_KEY).collect(),
                reason,
            });
        }
        self.entries.get_or_insert_default().0.push((key, value));
        Ok(())
    }

    /// Adds an entry in the place of all of the same key.
    ///
    /// # Errors
    /// As [`Metadata::append`]; nothing is removed then.
    pub fn insert(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Value>,
    ) -> Result<(), InvalidMetadata> {
        let before = self.len();
        let key = key.into();
        self.append(key.clone(), value)?;
        let mut position = 0;
        self.retain(|(name, _)| {
            position += 1;
            position > before || *name != key
        });
        Ok(())
    }

    /// Adds every entry of `other`.
    pub fn extend(&mut self, other: &Self) {
        if let Some(more) = &other.entries {
            let entries = &mut self.entries.get_or_insert_default().0;
            entries.extend_from_slice(&more.0);
        }
    }

    /// Takes out every entry of `key`.
    pub fn remove(&mut self, key: &str) {
        self.retain(|(name, _)| name != key);
    }
}

/// Why the pair may not be, if so.
fn objection(key: &str, value: &Value) -> Option<&'static str> {
    if key.is_empty() || key.len() > Metadata::MAX_KEY {
        return Some("a key has 1 to 64 characters");
    }
    if !key
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
    {
        return Some("a key holds only a-z 0-9 . _ -");
    }
    match value {
        Value::Text(text) if text.chars().any(char::is_control) => {
            Some("a text holds no control characters; send bytes instead")
        }
        _ => None,
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes.into())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Binary(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for InvalidMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metadata `{}`: {}", self.key, self.reason)
    }
}

impl std::error::Error for InvalidMetadata {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insert_takes_the_place_of_all_of_its_key() {
        let mut metadata = Metadata::new();
        metadata.append("tenant", "a").unwrap();
        metadata.append("tenant", "b").unwrap();
        metadata.append("trace", vec![1, 2]).unwrap();
        metadata.insert("tenant", "c").unwrap();
        assert_eq!(metadata.all("tenant").count(), 1);
        assert_eq!(metadata.text("tenant"), Some("c"));
        assert_eq!(metadata.binary("trace").unwrap().as_ref(), [1, 2]);
    }

    #[test]
    fn what_is_taken_out_again_leaves_nothing() {
        let mut metadata = Metadata::new();
        metadata.append("tenant", "a").unwrap();
        metadata.remove("trace");
        assert_eq!(metadata.len(), 1);
        metadata.remove("tenant");
        assert!(metadata.is_empty());
        assert_eq!(metadata, Metadata::new());
    }

    #[test]
    fn what_could_forge_another_entry_is_refused() {
        let mut metadata = Metadata::new();
        for (key, text) in [
            ("", "x"),
            ("A", "x"),
            ("a b", "x"),
            ("a\n", "x"),
            ("a", "x\ny"),
        ] {
            assert!(metadata.append(key, text).is_err(), "{key:?} {text:?}");
        }
        assert!(metadata.append("k".repeat(65), "x").is_err());
        assert!(metadata.insert("a", "x\0").is_err());
        assert!(metadata.is_empty());
    }
}
