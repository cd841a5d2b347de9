//! The files of one compilation and the places in them.
//!
//! Knows text and offsets. Must not know where text comes from: reading is `host`'s.

use std::sync::Arc;

/// Names one file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte; `start <= end`.
    pub end: u32,
}

impl Span {
    /// Where nothing is written: the place of what the compiler has built in. It is never shown.
    pub const NOWHERE: Self = Self {
        file: FileId(u32::MAX),
        start: 0,
        end: 0,
    };

    /// The range `start..end` of `file`.
    pub fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The smallest span that covers `self` and `other`, both of one file.
    pub fn to(self, other: Self) -> Self {
        Self {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The empty span behind the last byte.
    pub fn behind(self) -> Self {
        Self {
            start: self.end,
            ..self
        }
    }

    /// The empty span before the first byte.
    pub fn before(self) -> Self {
        Self {
            end: self.start,
            ..self
        }
    }
}

/// One file: what it is called and what it holds.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the user sees it, relative to where the command ran, with `/`.
    pub path: Arc<str>,
    /// The path from its import root, with `/`: what an `import` names, and what decides the package.
    pub import_path: Arc<str>,
    /// The text, without a leading byte-order mark. At most [`Source::MAX_BYTES`].
    pub text: Arc<str>,
}

impl Source {
    /// Largest file that is read: spans are 32 bits, and no contract is written at this size by hand.
    pub const MAX_BYTES: usize = 16 << 20;
}

/// All files of one compilation, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<Source>,
}

impl SourceMap {
    /// Adds a file and names it.
    pub fn add(&mut self, source: Source) -> FileId {
        let id = u32::try_from(self.files.len()).expect("fewer than 2^32 files");
        self.files.push(source);
        FileId(id)
    }

    /// The file that `id` names.
    pub fn file(&self, id: FileId) -> &Source {
        &self.files[id.0 as usize]
    }

    /// Every file with its name.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        (0u32..).map(FileId).zip(&self.files)
    }

    /// The text of a span.
    pub fn text(&self, span: Span) -> &str {
        &self.file(span.file).text[span.start as usize..span.end as usize]
    }
}
