//! Configuration documents that a registry keeps beside the instances.
//!
//! Knows nothing of what a document says: it is text with a name, and whoever changes it names the text that it takes the
//! place of.

use std::fmt;
use std::sync::Arc;

use super::BoxFuture;
use super::error::{Error, ErrorKind};
use super::instance::shown;
use super::snapshot::Freshness;
use super::watch::{Publisher, Publishers, Subscription, View};

/// The largest document, in bytes: the smallest limit of the registries is 1 MiB for a value with all around it
/// (`ZooKeeper`), and a document that people edit has a few KiB.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

const MAX_NAME: usize = 200;

/// Tells one text of a document from any other. Compared for equality only; every registry has its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision(String);

impl Revision {
    /// One that a registry tells by this.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// What the registry tells it by.
    pub fn token(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A document as a registry holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it says.
    pub text: String,
    /// Which text it is.
    pub revision: Revision,
}

/// What must stand in the place of a document for a change of it to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything, or nothing.
    Any,
    /// Nothing.
    Absent,
    /// This text.
    Revision(Revision),
}

impl Expected {
    /// Whether `found` is what is expected.
    pub fn admits(&self, found: Option<&Revision>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Revision(revision) => found == Some(revision),
        }
    }
}

/// The documents of a registry.
///
/// Names are like ids: letters, digits, `-`, `_`, `@` and inner dots, such as the full name of a service.
pub trait Documents: Send + Sync {
    /// The document with this name; `None` if there is none.
    fn get(&self, name: &str) -> BoxFuture<'_, Result<Option<Document>, Error>>;

    /// Writes the document in one step if what stands there is as expected.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if it is not; nothing is changed then.
    fn put(
        &self,
        name: &str,
        text: &str,
        expected: Expected,
    ) -> BoxFuture<'_, Result<Revision, Error>>;

    /// Removes the document in one step if what stands there is as expected.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if it is not; nothing is changed then.
    fn remove(&self, name: &str, expected: Expected) -> BoxFuture<'_, Result<(), Error>>;

    /// The names of the documents that are there, sorted.
    fn names(&self) -> BoxFuture<'_, Result<Vec<String>, Error>>;

    /// A live view of the document with this name.
    fn watch(&self, name: &str) -> DocumentWatch;
}

/// A live view of one document.
pub type DocumentWatch = Subscription<DocumentView>;

/// What a back end tells the watchers of one document.
pub type DocumentFeed = Publisher<DocumentView>;

/// The feeds of one registry, one per document that somebody watches.
pub type DocumentFeeds = Publishers<DocumentView>;

/// What a registry says of a document at one time. Immutable; cheap to clone.
#[derive(Clone, Debug)]
pub struct DocumentView {
    name: Arc<str>,
    document: Option<Arc<Document>>,
    revision: u64,
    freshness: Freshness,
}

impl DocumentView {
    /// The name of the document.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document; `None` while there is none.
    pub fn document(&self) -> Option<&Arc<Document>> {
        self.document.as_ref()
    }

    /// How far this may be trusted.
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Counts the changes that this view has seen; 0 before the first answer.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

impl View for DocumentView {
    type News = Option<Document>;

    fn pending(name: &str) -> Self {
        Self {
            name: name.into(),
            document: None,
            revision: 0,
            freshness: Freshness::Pending,
        }
    }

    fn next(&self, found: Option<Document>) -> Self {
        let same = self.revision > 0 && self.document.as_deref() == found.as_ref();
        Self {
            name: Arc::clone(&self.name),
            document: if same {
                self.document.clone()
            } else {
                found.map(Arc::new)
            },
            revision: self.revision + u64::from(!same),
            freshness: Freshness::Current,
        }
    }

    fn stale(&self, error: Error) -> Self {
        Self {
            freshness: Freshness::Stale(error),
            ..self.clone()
        }
    }

    fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}

/// Whether a document may have this name.
///
/// # Errors
/// [`ErrorKind::Record`], of the registry at this address.
pub fn check_document_name(registry: &str, name: &str) -> Result<(), Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'@' | b'.');
    if name.is_empty() || name.len() > MAX_NAME || name.starts_with('.') || !name.bytes().all(fits)
    {
        return Err(Error::new(
            ErrorKind::Record,
            registry,
            format!(
                "document `{}`: name it by 1 to {MAX_NAME} letters, digits, `-`, `_`, `@` or dots, the first no dot",
                shown(name)
            ),
        ));
    }
    Ok(())
}

/// Whether a document may say this under this name.
///
/// # Errors
/// [`ErrorKind::Record`], of the registry at this address.
pub fn check_document(registry: &str, name: &str, text: &str) -> Result<(), Error> {
    check_document_name(registry, name)?;
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(Error::new(
            ErrorKind::Record,
            registry,
            format!(
                "document `{name}` has {} bytes: the limit is {MAX_DOCUMENT_BYTES}",
                text.len()
            ),
        ));
    }
    Ok(())
}

/// What a change is refused with that expected something else.
pub fn conflict(registry: &str, name: &str) -> Error {
    Error::new(
        ErrorKind::Conflict,
        registry,
        format!(
            "document `{name}` has been changed by somebody else: read it again, and change that"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_counts_changes_and_keeps_the_last_text_through_an_outage() {
        let document = |text: &str| {
            Some(Document {
                text: text.into(),
                revision: Revision::new(text),
            })
        };
        let none = DocumentView::pending("a").next(None);
        assert_eq!((none.revision(), none.document()), (1, None));
        let one = none.next(document("x")).next(document("x"));
        assert_eq!(one.revision(), 2);
        let stale = one.stale(Error::new(ErrorKind::Unavailable, "x:", "gone"));
        assert_eq!(stale.document().unwrap().text, "x");
        assert_eq!(stale.next(document("x")).revision(), 2);
        assert_eq!(stale.next(None).revision(), 3);
    }

    #[test]
    fn names_that_lead_elsewhere_and_endless_texts_are_refused() {
        for name in ["", "../x", "a/b", ".x", "a b", "ä"] {
            assert!(check_document_name("x:", name).is_err(), "{name}");
        }
        let long = "x".repeat(MAX_DOCUMENT_BYTES + 1);
        let error = check_document("x:", "shop.orders.Orders@3", &long).unwrap_err();
        insta::assert_snapshot!(error, @"registry `x:`: document `shop.orders.Orders@3` has 262145 bytes: the limit is 262144");
    }
}
