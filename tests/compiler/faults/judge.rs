//! Faults put into files, and which of them were told.
//!
//! A fault counts as a mistake if its file alone with it has an error. Faults are independent where neither the statements
//! that they change nor those that their own reports point at meet. Of faults injected together, one is told if an error
//! that tells no other points at it, first or by a label: at a statement that it changes, at the head of the block around
//! it where it changes what the block holds, or at a name that it takes away or brings.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use callsheet_build::diagnostic::{Diagnostic, Label, render};
use callsheet_build::driver::Analysis;

use super::corpus::{Unit, check};
use super::inject::Fault;
use super::text::Shape;

/// What a check of damaged files said.
pub(crate) struct Outcome {
    /// `None` where it panicked.
    analysis: Option<Analysis>,
    /// Findings that the undamaged files do not have, lints among them.
    pub(crate) reports: usize,
    /// The errors among them.
    pub(crate) errors: usize,
}

impl Outcome {
    pub(crate) fn panicked(&self) -> bool {
        self.analysis.is_none()
    }

    fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        let all = self
            .analysis
            .iter()
            .flat_map(|analysis| &analysis.diagnostics);
        all.filter(|report| report.is_error())
    }

    /// The new findings as people see them.
    pub(crate) fn shown(&self, unit: &Unit) -> String {
        let Some(analysis) = &self.analysis else {
            return "panic\n".to_owned();
        };
        let new: Vec<Diagnostic> = analysis
            .diagnostics
            .iter()
            .filter(|report| is_new(unit, report))
            .cloned()
            .collect();
        render::human(&new, &analysis.sources, false)
    }
}

fn is_new(unit: &Unit, report: &Diagnostic) -> bool {
    !unit.lints.contains(&(report.code, report.message.clone()))
}

/// Checks `unit` with the faults.
pub(crate) fn damaged(unit: &Unit, faults: &[&Fault]) -> Outcome {
    let mut loader = unit.loader.clone();
    for (index, file) in unit.files.iter().enumerate() {
        let edits = edits(faults, index);
        if edits.is_empty() {
            continue;
        }
        let mut text = file.source.clone();
        for (range, with) in edits.iter().rev() {
            text.replace_range((*range).clone(), with);
        }
        loader.files.insert(file.path.clone(), text);
    }
    let analysis = catch_unwind(AssertUnwindSafe(|| check(&unit.entry, &loader))).ok();
    let all = analysis.iter().flat_map(|analysis| &analysis.diagnostics);
    let new: Vec<&Diagnostic> = all.filter(|report| is_new(unit, report)).collect();
    Outcome {
        reports: new.len(),
        errors: new.iter().filter(|report| report.is_error()).count(),
        analysis,
    }
}

/// The edits of one file, in order.
fn edits<'f>(faults: &[&'f Fault], file: usize) -> Vec<&'f (std::ops::Range<usize>, String)> {
    let here = faults.iter().filter(|fault| fault.file == file);
    let mut edits: Vec<_> = here.flat_map(|fault| &fault.edits).collect();
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    edits
}

/// Where an offset of the undamaged text stands in the damaged one; `behind` what is inserted there, or before it.
fn forward(edits: &[&(std::ops::Range<usize>, String)], offset: usize, behind: bool) -> usize {
    let mut moved = offset;
    for (range, with) in edits {
        if range.end < offset || range.end == offset && (behind || !range.is_empty()) {
            moved = moved + with.len() - range.len();
        } else if range.start < offset {
            moved = moved + with.len() - (offset - range.start);
        }
    }
    moved
}

/// The places that the errors of a single fault point at, as statements of the undamaged files.
pub(crate) fn footprint(unit: &Unit, fault: &Fault, alone: &Outcome) -> BTreeSet<(usize, usize)> {
    let mut found: BTreeSet<(usize, usize)> = fault
        .statements
        .iter()
        .map(|statement| (fault.file, *statement))
        .collect();
    // Without its import, nothing of a file is checked.
    for statement in &fault.statements {
        let file = &unit.files[fault.file];
        let tokens = file.statements[*statement].tokens.clone();
        for token in tokens.filter(|token| file.tokens[*token].shape == Shape::Text) {
            found.extend(unit.imported(file.word(token).trim_matches('"')));
        }
    }
    let Some(analysis) = &alone.analysis else {
        return found;
    };
    for label in alone.errors().flat_map(labels) {
        let path = &analysis.sources.file(label.span.file).import_path;
        let Some(file) = unit.files.iter().position(|file| *file.path == **path) else {
            continue;
        };
        let edits = edits(&[fault], file);
        for place in [label.span.start, label.span.end] {
            // The first undamaged offset that comes to stand there, or behind.
            let text = &unit.files[file];
            let offset = (0..=text.tokens.len())
                .map(|token| {
                    text.tokens
                        .get(token)
                        .map_or(text.source.len(), |token| token.at.end)
                })
                .find(|offset| forward(&edits, *offset, true) >= place as usize);
            let offset = offset.unwrap_or(text.source.len());
            found.insert((file, text.statement_at(offset)));
        }
    }
    found
}

fn labels(report: &Diagnostic) -> impl Iterator<Item = &Label> {
    std::iter::once(&report.primary).chain(&report.labels)
}

/// Whether an error points at a fault, where `faults` were injected.
fn tells(
    unit: &Unit,
    analysis: &Analysis,
    faults: &[&Fault],
    fault: &Fault,
    error: &Diagnostic,
) -> bool {
    let file = &unit.files[fault.file];
    let edits = edits(faults, fault.file);
    labels(error).any(|label| {
        let source = analysis.sources.file(label.span.file);
        let shown = analysis.sources.text(label.span);
        // A report of a whole block names nothing in it.
        if !shown.contains('\n') {
            let named = text_words(shown);
            if fault
                .words
                .iter()
                .any(|word| named.contains(&word.as_str()))
            {
                return true;
            }
        }
        if *source.import_path != *file.path {
            return false;
        }
        let (start, end) = (label.span.start as usize, label.span.end as usize);
        let at = fault.statements.iter().any(|statement| {
            let around = file.around(*statement);
            forward(&edits, around.start, false) <= end
                && start <= forward(&edits, around.end, true)
        });
        let head = fault.heads.iter().any(|head| {
            let tokens = &file.statements[*head].tokens;
            let from = file.tokens[tokens.start].at.start;
            let to = file.tokens[tokens.end - 1].at.end;
            forward(&edits, from, false) <= start && end <= forward(&edits, to, true)
        });
        at || head
    })
}

/// The words, strings and releases of a piece of text. What is damaged may not be cut into tokens otherwise.
fn text_words(shown: &str) -> Vec<&str> {
    let words = shown.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
    let parts = words.clone().flat_map(|word| word.split('.'));
    words.chain(parts).chain([shown]).collect()
}

/// Which of the faults injected together are told, each by an error of its own.
pub(crate) fn told(unit: &Unit, faults: &[&Fault], outcome: &Outcome) -> Vec<bool> {
    let Some(analysis) = &outcome.analysis else {
        return vec![false; faults.len()];
    };
    let errors: Vec<&Diagnostic> = outcome.errors().collect();
    let edges: Vec<Vec<usize>> = faults
        .iter()
        .map(|fault| {
            let of =
                |(_, error): &(usize, &&Diagnostic)| tells(unit, analysis, faults, fault, error);
            errors
                .iter()
                .enumerate()
                .filter(of)
                .map(|(at, _)| at)
                .collect()
        })
        .collect();
    // A largest matching, by augmenting paths.
    let mut owner: Vec<Option<usize>> = vec![None; errors.len()];
    for fault in 0..faults.len() {
        augment(fault, &edges, &mut owner, &mut vec![false; errors.len()]);
    }
    (0..faults.len())
        .map(|fault| owner.contains(&Some(fault)))
        .collect()
}

fn augment(
    fault: usize,
    edges: &[Vec<usize>],
    owner: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for &error in &edges[fault] {
        if std::mem::replace(&mut seen[error], true) {
            continue;
        }
        let free = match owner[error] {
            None => true,
            Some(other) => augment(other, edges, owner, seen),
        };
        if free {
            owner[error] = Some(fault);
            return true;
        }
    }
    false
}

/// What a fault makes of its lines, for people.
pub(crate) fn describe(unit: &Unit, fault: &Fault) -> String {
    let file = &unit.files[fault.file];
    let (first, _) = &fault.edits[0];
    let line = file.source[..first.start].matches('\n').count() + 1;
    let edits: Vec<String> = fault
        .edits
        .iter()
        .map(|(range, with)| {
            let old = &file.source[range.clone()];
            let short = |text: &str| text.chars().take(60).collect::<String>();
            format!("{:?} -> {:?}", short(old), short(with))
        })
        .collect();
    let shown = file.source.lines().nth(line - 1).unwrap_or_default();
    format!(
        "{} ({}) at {}:{line}: {}\n    {}",
        fault.kind.name(),
        fault.class,
        file.path,
        edits.join(", "),
        shown.trim()
    )
}
