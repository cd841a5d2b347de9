//! Lines of text, and where in it the elements of a descriptor stand.

use std::fmt::{self, Write as _};

use prost_types::SourceCodeInfo;
use prost_types::source_code_info::Location;

use super::comment::Comment;

/// A `.proto` text that grows line by line.
#[derive(Debug)]
pub(super) struct Writer {
    out: String,
    line: i32,
    depth: usize,
    /// The path of the element that is being written, as `SourceCodeInfo` has it.
    path: Vec<i32>,
    locations: Option<Vec<Location>>,
}

impl Writer {
    pub(super) fn new(source_info: bool) -> Self {
        Self {
            out: String::new(),
            line: 0,
            depth: 0,
            path: Vec::new(),
            locations: source_info.then(Vec::new),
        }
    }

    /// One line at the depth of the blocks that are open.
    pub(super) fn line(&mut self, text: fmt::Arguments<'_>) {
        for _ in 0..self.depth {
            self.out.push_str("  ");
        }
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(text);
        self.out.push('\n');
        self.line += 1;
    }

    /// An empty line, unless a block has just been opened or there is one already.
    pub(super) fn blank(&mut self) {
        let opened = self.out.ends_with("{\n") || self.out.ends_with("\n\n");
        if !opened && !self.out.is_empty() {
            self.out.push('\n');
            self.line += 1;
        }
    }

    /// A comment of whole lines.
    pub(super) fn comment(&mut self, comment: &Comment) {
        for line in &comment.lines {
            if line.is_empty() {
                self.line(format_args!("//"));
            } else {
                self.line(format_args!("// {line}"));
            }
        }
    }

    /// An element: `steps` lead to it from the one around it. Its comment stands before it.
    pub(super) fn element(
        &mut self,
        steps: &[i32],
        comment: &Comment,
        trailing: Option<&Comment>,
        write: impl FnOnce(&mut Self),
    ) {
        self.comment(comment);
        self.path.extend(steps);
        let place = self.locations.as_ref().map(Vec::len);
        let (line, column) = (self.line, self.column());
        if let Some(locations) = &mut self.locations {
            locations.push(Location {
                path: self.path.clone(),
                leading_comments: comment.as_source_info(),
                trailing_comments: trailing.and_then(Comment::as_source_info),
                ..Location::default()
            });
        }
        write(self);
        let end = self.last_column();
        let last = self.line - 1;
        if let (Some(locations), Some(place)) = (&mut self.locations, place) {
            locations[place].span = if last == line {
                vec![line, column, end]
            } else {
                vec![line, column, last, end]
            };
        }
        self.path.truncate(self.path.len() - steps.len());
    }

    /// What stands between braces.
    pub(super) fn block(&mut self, head: fmt::Arguments<'_>, write: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.line(format_args!("{head} {{"));
        let opened = self.out.len();
        self.inside(write);
        if self.out.ends_with("\n\n") {
            self.out.pop();
            self.line -= 1;
        }
        if self.out.len() == opened {
            // Nothing inside: one line.
            self.out.truncate(start);
            self.line -= 1;
            self.line(format_args!("{head} {{}}"));
        } else {
            self.line(format_args!("}}"));
        }
    }

    /// One step deeper.
    pub(super) fn inside(&mut self, write: impl FnOnce(&mut Self)) {
        self.depth += 1;
        write(self);
        self.depth -= 1;
    }

    fn column(&self) -> i32 {
        i32::try_from(self.depth * 2).unwrap_or(i32::MAX)
    }

    /// Where the last line ends.
    fn last_column(&self) -> i32 {
        if self.locations.is_none() {
            return 0;
        }
        let text = self.out.trim_end_matches('\n');
        let start = text.rfind('\n').map_or(0, |end| end + 1);
        i32::try_from(text.len() - start).unwrap_or(i32::MAX)
    }

    /// The text, and what is known of its places.
    pub(super) fn finish(self) -> (String, Option<SourceCodeInfo>) {
        let info = self.locations.map(|mut location| {
            let whole = Location {
                span: vec![0, 0, self.line, 0],
                ..Location::default()
            };
            location.insert(0, whole);
            SourceCodeInfo { location }
        });
        (self.out, info)
    }
}
