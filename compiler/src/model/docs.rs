//! Documentation, read from its source when somebody asks for it.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use crate::source::Span;

/// What the author says of a declaration: lines, top to bottom, without markers and common indentation; none where there
/// is no documentation. Most of a contract is documentation, and checking one needs none of it: it stays in the source
/// until the first look.
#[derive(Clone, Default)]
pub struct Docs(Option<Said>);

/// One for each declaration, so it holds little beside the lines.
#[derive(Clone)]
struct Said {
    within: Documentation,
    /// Which comments of the file.
    from: u32,
    to: u32,
    lines: OnceLock<Arc<Lines>>,
}

struct Lines(Vec<String>);

/// The documentation of a file, of which each declaration has a part.
#[derive(Clone)]
pub(crate) struct Documentation(Arc<Comments>);

struct Comments {
    /// The text of the file.
    text: Arc<str>,
    /// The comments that document something.
    spans: Arc<[Span]>,
    read: Read,
}

/// Reads the lines of comments from the text of their file.
type Read = fn(&[Span], &str) -> Vec<String>;

impl Documentation {
    /// What `read` finds in the comments at `spans` of the file with this text.
    pub(crate) fn new(text: &Arc<str>, spans: &Arc<[Span]>, read: Read) -> Self {
        Self(Arc::new(Comments {
            text: text.clone(),
            spans: spans.clone(),
            read,
        }))
    }

    /// What these comments say, by position.
    pub(crate) fn part(&self, comments: Range<u32>) -> Docs {
        Docs((!comments.is_empty()).then(|| Said {
            within: self.clone(),
            from: comments.start,
            to: comments.end,
            lines: OnceLock::new(),
        }))
    }
}

impl Said {
    fn read(&self) -> Lines {
        let comments = &self.within.0;
        let range = self.from as usize..self.to as usize;
        let spans = comments.spans.get(range).unwrap_or_default();
        Lines((comments.read)(spans, &comments.text))
    }
}

impl Deref for Docs {
    type Target = [String];

    fn deref(&self) -> &[String] {
        match &self.0 {
            Some(said) => &said.lines.get_or_init(|| Arc::new(said.read())).0,
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
