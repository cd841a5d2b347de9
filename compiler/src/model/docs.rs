//! Documentation, read from its source when somebody asks for it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::source::Span;

/// What the author says of a declaration: lines, top to bottom, without markers and common indentation; none where there
/// is no documentation. Most of a contract is documentation, and checking one needs none of it: it stays in the source
/// until the first look.
#[derive(Clone, Default)]
pub struct Docs(Option<Arc<Said>>);

struct Said {
    /// The text of the file.
    source: Arc<str>,
    /// The comments, in order.
    comments: Arc<[Span]>,
    read: Read,
    lines: OnceLock<Vec<String>>,
}

/// Reads the lines of comments from the text of their file.
type Read = fn(&[Span], &str) -> Vec<String>;

impl Docs {
    /// What `read` finds in `comments` of the file with the text `source`.
    pub(crate) fn new(source: &Arc<str>, comments: &Arc<[Span]>, read: Read) -> Self {
        Self(Some(Arc::new(Said {
            source: source.clone(),
            comments: comments.clone(),
            read,
            lines: OnceLock::new(),
        })))
    }
}

impl Deref for Docs {
    type Target = [String];

    fn deref(&self) -> &[String] {
        match &self.0 {
            Some(said) => said
                .lines
                .get_or_init(|| (said.read)(&said.comments, &said.source)),
            None => &[],
        }
    }
}

impl fmt::Debug for Docs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for Docs {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Docs {}
