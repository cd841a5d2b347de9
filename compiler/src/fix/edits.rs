//! Edits on text: which of the fixes can be made together, and making them.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic, Fix};
use crate::source::{FileId, SourceMap, Span};

/// What the fixes of one round make of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The new text.
    pub text: String,
    /// The codes of the findings that are mended, by place.
    pub mended: Vec<Code>,
}

/// Makes the fixes of `diagnostics` that do not get in each other's way, the first in the file first, and none that
/// touches a file that `may_change` refuses.
///
/// A fix is made as a whole or not at all. Where a file ends its lines with CRLF, so does the text that is put into it.
pub fn apply(
    sources: &SourceMap,
    diagnostics: &[Diagnostic],
    may_change: &dyn Fn(FileId) -> bool,
) -> BTreeMap<FileId, Edited> {
    let mut fixes: Vec<(&Diagnostic, &Fix)> = diagnostics
        .iter()
        .filter_map(|report| Some((report, report.fix.as_ref()?)))
        .filter(|(_, fix)| fix.edits.iter().all(|(span, _)| may_change(span.file)))
        .collect();
    fixes.sort_by_key(|(report, fix)| (fix.edits.iter().map(|(span, _)| *span).min(), report.code));
    let mut chosen = Chosen::default();
    let mut mended: BTreeMap<FileId, Vec<Code>> = BTreeMap::new();
    for (report, fix) in fixes {
        if chosen.take(fix) {
            mended
                .entry(report.primary.span.file)
                .or_default()
                .push(report.code);
        }
    }
    let files = chosen.files.into_iter();
    let edited = files.map(|(file, edits)| {
        let edited = Edited {
            text: edit(&sources.file(file).text, &edits),
            mended: mended.remove(&file).unwrap_or_default(),
        };
        (file, edited)
    });
    edited.collect()
}

/// Edits that stand in no other's way, per file and by place.
#[derive(Default)]
struct Chosen<'a> {
    files: BTreeMap<FileId, Vec<(Span, &'a str)>>,
}

impl<'a> Chosen<'a> {
    /// Adds all edits of the fix, or none.
    fn take(&mut self, fix: &'a Fix) -> bool {
        let edits = || fix.edits.iter().map(|(span, text)| (*span, text.as_str()));
        // A fix is small, and those before it end mostly before it starts: the last edits are looked at first.
        let clear = edits().all(|new| {
            let known = self.files.get(&new.0.file);
            let mut known = known.into_iter().flatten().rev();
            known
                .by_ref()
                .take_while(|old| old.0.end >= new.0.start)
                .all(|old| together(*old, new))
        });
        let sound = edits().enumerate().all(|(at, edit)| {
            edits().skip(at + 1).all(|other| {
                apart(edit.0, other.0) || edit.0.end == other.0.start || other.0.end == edit.0.start
            })
        });
        if !clear || !sound {
            return false;
        }
        for edit in edits() {
            let list = self.files.entry(edit.0.file).or_default();
            // What two fixes ask for in the same words is made once.
            if !list.contains(&edit) {
                let at = list.partition_point(|(span, _)| *span <= edit.0);
                list.insert(at, edit);
            }
        }
        true
    }
}

/// Whether the edits of two fixes can both be made: there is something between them, or each adds a line of its own, or
/// they are one and the same.
fn together(old: (Span, &str), new: (Span, &str)) -> bool {
    let line = |edit: (Span, &str)| edit.0.start == edit.0.end && edit.1.starts_with('\n');
    apart(old.0, new.0) || old == new || (old.0 == new.0 && line(old) && line(new))
}

/// Whether a character that neither touches stands between them.
fn apart(one: Span, other: Span) -> bool {
    one.file != other.file || one.end < other.start || other.end < one.start
}

/// The text with the edits made, which are in order and disjoint.
fn edit(text: &str, edits: &[(Span, &str)]) -> String {
    let crlf = text.find('\n').is_some_and(|at| text[..at].ends_with('\r'));
    let mut made = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in edits {
        made.push_str(&text[at..span.start as usize]);
        if crlf {
            made.push_str(&new.replace("\r\n", "\n").replace('\n', "\r\n"));
        } else {
            made.push_str(new);
        }
        at = span.end as usize;
    }
    made.push_str(&text[at..]);
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    /// The fixes, each a list of edits, on one file.
    fn check(text: &str, fixes: &[&[(u32, u32, &str)]], expect: &str, mended: usize) {
        let mut sources = SourceMap::default();
        let file = sources.add(Source {
            path: "a.rpc".into(),
            import_path: "a.rpc".into(),
            text: text.into(),
        });
        let reports: Vec<Diagnostic> = fixes
            .iter()
            .map(|edits| {
                let span = Span::new(file, edits[0].0, edits[0].1);
                let report = Diagnostic::new(Code::MissingSemicolon, span, "found");
                edits.iter().fold(report, |report, (start, end, text)| {
                    report.fix(Span::new(file, *start, *end), *text)
                })
            })
            .collect();
        let edited = apply(&sources, &reports, &|_| true);
        let edited = &edited[&file];
        assert_eq!(
            (edited.text.as_str(), edited.mended.len()),
            (expect, mended)
        );
        assert!(apply(&sources, &reports, &|_| false).is_empty());
    }

    #[test]
    fn fixes_apart_are_made_together() {
        check("abcdef", &[&[(4, 5, "E")], &[(0, 1, "A")]], "AbcdEf", 2);
    }

    #[test]
    fn of_fixes_that_overlap_or_touch_the_first_is_made() {
        check("abcdef", &[&[(0, 3, "X")], &[(2, 4, "Y")]], "Xdef", 1);
        check("abcdef", &[&[(0, 2, "X")], &[(2, 4, "Y")]], "Xcdef", 1);
        check("abcdef", &[&[(2, 2, "X")], &[(2, 2, "Y")]], "abXcdef", 1);
    }

    #[test]
    fn a_fix_is_made_whole_or_not_at_all() {
        let crossing: [&[(u32, u32, &str)]; 2] = [&[(0, 1, "A")], &[(0, 1, "X"), (4, 5, "E")]];
        check("abcdef", &crossing, "Abcdef", 1);
    }

    #[test]
    fn lines_added_at_one_place_and_equal_edits_do_not_disturb_each_other() {
        check("ab", &[&[(1, 1, "\nx")], &[(1, 1, "\ny")]], "a\nx\nyb", 2);
        check("ab", &[&[(1, 1, ";")], &[(1, 1, ";")]], "a;b", 2);
    }

    #[test]
    fn what_is_put_in_ends_its_lines_as_the_file_does() {
        check("a\r\nb", &[&[(4, 4, "\nc")]], "a\r\nb\r\nc", 1);
    }
}
