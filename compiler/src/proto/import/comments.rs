//! Comments and places, by the path of what they belong to.

use std::collections::HashMap;

use prost_types::FileDescriptorProto;
use prost_types::source_code_info::Location;

use super::super::{HEADER, MARK};
use super::marks;
use crate::print::form::Above;

const SYNTAX: [i32; 1] = [12];
const PACKAGE: [i32; 1] = [2];

/// What is known of the places of a file.
pub(super) struct Comments<'d> {
    by_path: HashMap<&'d [i32], &'d Location>,
    /// Behind each path, the steps that have a place of their own.
    options: HashMap<&'d [i32], Vec<i32>>,
    all: &'d [Location],
}

/// What stands above something, taken apart.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) above: Above,
    /// The lines that say what protobuf has no words for, without their mark.
    pub(super) marks: Vec<String>,
    /// Why it is deprecated, where a paragraph of its own says so.
    pub(super) deprecated: Option<String>,
}

/// What stands at the head of a file, and between its statements.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) above: Above,
    pub(super) constants: Vec<(Above, String)>,
}

impl<'d> Comments<'d> {
    pub(super) fn new(file: &'d FileDescriptorProto) -> Self {
        let all = file
            .source_code_info
            .as_ref()
            .map_or(&[][..], |info| &info.location);
        let mut by_path = HashMap::new();
        let mut options: HashMap<&[i32], Vec<i32>> = HashMap::new();
        for location in all {
            // Only options have numbers that large; the setting of a part of one has a longer path.
            let option = location.path.iter().rposition(|step| *step >= 1000);
            if let Some(at) = option {
                let (prefix, steps) = location.path.split_at(at);
                options.entry(prefix).or_default().push(steps[0]);
            }
            // An option that is given piece by piece has several: the first one is where it starts.
            by_path.entry(&*location.path).or_insert(location);
        }
        Self {
            by_path,
            options,
            all,
        }
    }

    /// Line and column from 1, of what stands at `path` or of the nearest thing around it.
    pub(super) fn place(&self, mut path: &[i32]) -> (i32, i32) {
        loop {
            if let Some(location) = self.by_path.get(path)
                && let [line, column, ..] = location.span[..]
            {
                return (line + 1, column + 1);
            }
            match path.split_last() {
                Some((_, outer)) => path = outer,
                None => return (0, 0),
            }
        }
    }

    /// Whether something was written at `path`.
    pub(super) fn has(&self, path: &[i32]) -> bool {
        self.by_path.contains_key(path)
    }

    /// The numbers of the options at `prefix`, in order.
    pub(super) fn options(&self, prefix: &[i32]) -> impl Iterator<Item = i32> {
        let numbers = self.options.get(prefix).map_or(&[][..], Vec::as_slice);
        numbers.iter().copied()
    }

    /// What stands around the thing at `path`.
    pub(super) fn said(&self, path: &[i32], deprecated: bool) -> Said {
        let Some(location) = self.by_path.get(path) else {
            return Said::default();
        };
        let mut said = Said::default();
        let detached = location.leading_detached_comments.iter();
        said.above.comments = detached
            .map(|comment| lines(comment))
            .filter(|lines| constant(lines).is_none())
            .collect();
        let mut docs = lines(location.leading_comments());
        take_marks(&mut docs, &mut said.marks);
        let reason = |mark: &String| mark.contains("@deprecated(");
        if deprecated && !said.marks.iter().any(reason) {
            said.deprecated = take_reason(&mut docs);
        }
        let mut trailing = lines(location.trailing_comments());
        take_marks(&mut trailing, &mut said.marks);
        if !docs.is_empty() && !trailing.is_empty() {
            docs.push(String::new());
        }
        docs.append(&mut trailing);
        said.above.docs = docs;
        said
    }

    /// What documents the file, its other comments, and the constants in them.
    pub(super) fn head(&self) -> Head {
        let mut head = Head::default();
        let mut seen = 0;
        for location in self.all {
            for comment in &location.leading_detached_comments {
                if let Some((above, statement)) = constant(&lines(comment)) {
                    head.constants.push((above, statement));
                }
            }
        }
        for path in [&SYNTAX[..], &PACKAGE[..]] {
            let Some(location) = self.by_path.get(path) else {
                continue;
            };
            let generated = HEADER.trim_start_matches("// ");
            for comment in &location.leading_detached_comments {
                let block = lines(comment);
                let ours = block
                    .first()
                    .is_some_and(|line| line.starts_with(generated));
                if !ours && constant(&block).is_none() {
                    head.above.comments.push(block);
                }
            }
            let leading = lines(location.leading_comments()).into_iter();
            let leading: Vec<String> = leading.map(unguarded).collect();
            if seen == 0 && !leading.is_empty() {
                head.above.docs = leading;
                seen += 1;
            } else if !leading.is_empty() {
                head.above.comments.push(leading);
            }
        }
        head
    }
}

/// The lines of a comment, without the blank that follows `//`.
fn lines(comment: &str) -> Vec<String> {
    let mut lines: Vec<String> = comment
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned())
        .collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    while lines.first().is_some_and(String::is_empty) {
        lines.remove(0);
    }
    lines
}

/// Takes the lines with a mark out of documentation, with the empty line before each.
fn take_marks(docs: &mut Vec<String>, marks: &mut Vec<String>) {
    let mut kept: Vec<String> = Vec::new();
    for line in docs.drain(..) {
        match line.strip_prefix(MARK) {
            Some(mark) => {
                marks.push(mark.trim().to_owned());
                if kept.last().is_some_and(String::is_empty) {
                    kept.pop();
                }
            }
            None => kept.push(unguarded(line)),
        }
    }
    *docs = kept;
}

/// Documentation that looks like a mark, without the backslash that the export put before it.
fn unguarded(line: String) -> String {
    match line.strip_prefix('\\') {
        Some(rest) if rest.trim_start_matches('\\').starts_with(MARK) => rest.to_owned(),
        _ => line,
    }
}

/// Takes the last paragraph where it says why something is deprecated.
fn take_reason(docs: &mut Vec<String>) -> Option<String> {
    let start = docs
        .iter()
        .rposition(String::is_empty)
        .map_or(0, |empty| empty + 1);
    let paragraph = docs.get(start..)?.join(" ");
    let reason = paragraph.strip_prefix("Deprecated: ")?.trim().to_owned();
    docs.truncate(start.saturating_sub(1));
    (!reason.is_empty()).then_some(reason)
}

/// The constant that a comment holds.
fn constant(block: &[String]) -> Option<(Above, String)> {
    let statement = marks::constant(block.last()?.strip_prefix(MARK)?.trim())?;
    let documented = block[..block.len() - 1].iter().cloned();
    let mut docs: Vec<String> = documented.map(unguarded).collect();
    if docs.last().is_some_and(String::is_empty) {
        docs.pop();
    }
    let above = Above {
        docs,
        ..Above::default()
    };
    Some((above, statement))
}
