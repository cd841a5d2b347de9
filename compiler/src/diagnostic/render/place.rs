//! Lines and columns.

use std::collections::HashMap;

use crate::source::{FileId, SourceMap, Span};

/// Where a span stands: 1-based, columns in Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
}

/// The lines of the files that were asked about, counted once.
pub(super) struct Places<'a> {
    sources: &'a SourceMap,
    files: HashMap<FileId, Lines>,
}

/// The lines of one file.
pub(super) struct Lines {
    /// Offset of the first byte of each line.
    starts: Vec<usize>,
    /// Characters before each block of [`BLOCK`] bytes, so that a column costs the same on a line of any length.
    characters: Vec<usize>,
}

/// Bytes that are counted anew for each column.
const BLOCK: usize = 1 << 10;

impl<'a> Places<'a> {
    pub(super) fn new(sources: &'a SourceMap) -> Self {
        Self {
            sources,
            files: HashMap::new(),
        }
    }

    pub(super) fn lines(&mut self, file: FileId) -> &Lines {
        let text = &self.sources.file(file).text;
        self.files.entry(file).or_insert_with(|| Lines::new(text))
    }

    pub(super) fn place(&mut self, span: Span) -> Place {
        let text = self.sources.file(span.file).text.clone();
        let lines = self.lines(span.file);
        let (line, column) = lines.position(&text, span.start as usize);
        let (end_line, end_column) = lines.position(&text, span.end as usize);
        Place {
            line,
            column,
            end_line,
            end_column,
        }
    }
}

impl Lines {
    fn new(text: &str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let mut characters = vec![0];
        let mut count = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            count += block.iter().filter(|byte| starts_character(**byte)).count();
            characters.push(count);
        }
        Self {
            starts: std::iter::once(0)
                .chain(newlines.map(|(at, _)| at + 1))
                .collect(),
            characters,
        }
    }

    /// The index of the line that holds `offset`.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// The bytes of the lines `first..=last`, without the last line end.
    pub(super) fn range(&self, text: &str, first: usize, last: usize) -> std::ops::Range<usize> {
        let end = self
            .starts
            .get(last + 1)
            .map_or(text.len(), |next| next - 1);
        self.starts[first]..end
    }

    fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let line = self.line(offset);
        let column = self.before(text, offset) - self.before(text, self.starts[line]);
        (line + 1, column + 1)
    }

    /// Characters that start before `offset`.
    fn before(&self, text: &str, offset: usize) -> usize {
        let block = offset / BLOCK;
        let rest = &text.as_bytes()[block * BLOCK..offset];
        self.characters[block] + rest.iter().filter(|byte| starts_character(**byte)).count()
    }
}

fn starts_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn columns_count_characters() {
        let text = "aä\nöb\n";
        let lines = Lines::new(text);
        assert_eq!(lines.position(text, 0), (1, 1));
        assert_eq!(lines.position(text, 3), (1, 3));
        assert_eq!(lines.position(text, 6), (2, 2));
        assert_eq!(lines.position(text, text.len()), (3, 1));
    }

    #[test]
    fn columns_beyond_a_block_are_the_same() {
        let text = "ä".repeat(5000);
        let lines = Lines::new(&text);
        assert_eq!(lines.position(&text, 8000), (1, 4001));
    }
}
