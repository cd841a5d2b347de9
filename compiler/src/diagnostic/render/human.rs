//! rustc's layout: the lines in question, underlined.

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet,
};

use super::place::Places;
use super::{acts, clean, ordered};
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::{FileId, SourceMap, Span};

/// Most bytes of a file that are laid out for one finding. Labels further apart get excerpts of their own, and a line
/// that is longer is only named: nobody reads it, and its layout would cost more than its parsing.
const EXCERPT: usize = 16 << 10;

/// The findings as rustc shows them, a blank line behind each. Lints are called warnings there. `colour` asks for ANSI
/// escapes.
pub fn human(diagnostics: &[Diagnostic], sources: &SourceMap, colour: bool) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut layout = Layout {
        sources,
        places: Places::new(sources),
    };
    let mut text = String::new();
    for diagnostic in ordered(diagnostics) {
        text.push_str(&renderer.render(&layout.report(diagnostic)));
        text.push_str("\n\n");
    }
    text
}

struct Layout<'a> {
    sources: &'a SourceMap,
    places: Places<'a>,
}

/// Lines of a file, ready to be shown: as long as they were.
struct Excerpt {
    text: String,
    path: String,
    /// Offset in the file.
    start: usize,
    /// Number of the first line.
    line: usize,
}

impl Layout<'_> {
    fn report(&mut self, diagnostic: &Diagnostic) -> Vec<Group<'static>> {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Lint => Level::WARNING,
        };
        let title = level
            .primary_title(clean(&diagnostic.message))
            .id(diagnostic.code.as_str());
        let mut group = title.elements(Vec::<Snippet<'static, Annotation<'static>>>::new());
        for (index, labels) in self.clusters(diagnostic).into_iter().enumerate() {
            group = self.show(group, &labels, index == 0);
        }
        for note in &diagnostic.notes {
            group = group.element(Level::NOTE.message(clean(note)));
        }
        let edit = self.edit(diagnostic);
        match (&diagnostic.help, edit) {
            (Some(help), Some(snippet)) => {
                vec![
                    group,
                    Level::HELP.secondary_title(clean(help)).element(snippet),
                ]
            }
            (Some(help), None) => vec![group.element(Level::HELP.message(clean(help)))],
            _ => vec![group],
        }
    }

    /// The labels in excerpts: one per file, the place itself first, or one per label if they stand far apart.
    fn clusters<'d>(&mut self, diagnostic: &'d Diagnostic) -> Vec<Vec<&'d Label>> {
        let mut files: Vec<(FileId, Vec<&Label>)> =
            vec![(diagnostic.primary.span.file, vec![&diagnostic.primary])];
        for label in &diagnostic.labels {
            match files.iter_mut().find(|(file, _)| *file == label.span.file) {
                Some((_, labels)) => labels.push(label),
                None => files.push((label.span.file, vec![label])),
            }
        }
        let mut clusters = Vec::new();
        for (_, labels) in files {
            let spans: Vec<Span> = labels.iter().map(|label| label.span).collect();
            if self.excerpt(&spans).is_some() {
                clusters.push(labels);
            } else {
                clusters.extend(labels.into_iter().map(|label| vec![label]));
            }
        }
        clusters
    }

    fn show(&mut self, group: Group<'static>, labels: &[&Label], first: bool) -> Group<'static> {
        let spans: Vec<Span> = labels.iter().map(|label| label.span).collect();
        let Some(excerpt) = self.excerpt(&spans) else {
            return labels.iter().fold(group, |group, label| {
                let place = self.places.place(label.span);
                let path = clean(&self.sources.file(label.span.file).path);
                group.element(
                    Origin::path(path)
                        .line(place.line)
                        .char_column(place.column),
                )
            });
        };
        let annotations = labels.iter().enumerate().map(|(index, label)| {
            let kind = if first && index == 0 {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let text = Some(clean(&label.text)).filter(|text| !text.is_empty());
            kind.span(excerpt.within(label.span)).label(text)
        });
        let annotations: Vec<Annotation<'static>> = annotations.collect();
        group.element(
            Snippet::source(excerpt.text)
                .line_start(excerpt.line)
                .path(excerpt.path)
                .annotations(annotations),
        )
    }

    /// The lines that hold `spans`, all of one file, if they are few enough to be shown.
    fn excerpt(&mut self, spans: &[Span]) -> Option<Excerpt> {
        let first = spans.first()?;
        let source = self.sources.file(first.file);
        let start = spans.iter().map(|span| span.start).min()? as usize;
        let end = spans.iter().map(|span| span.end).max()? as usize;
        let lines = self.places.lines(first.file);
        let (from, to) = (lines.line(start), lines.line(end));
        let range = lines.range(&source.text, from, to);
        (range.len() <= EXCERPT).then(|| Excerpt {
            text: visible(&source.text[range.clone()]),
            path: clean(&source.path),
            start: range.start,
            line: from + 1,
        })
    }

    /// The lines as they are once the fix is made.
    fn edit(&mut self, diagnostic: &Diagnostic) -> Option<Snippet<'static, Patch<'static>>> {
        let edits = &diagnostic.fix.as_ref()?.edits;
        let spans: Vec<Span> = edits.iter().map(|(span, _)| *span).collect();
        let one_file = spans.iter().all(|span| span.file == spans[0].file);
        let excerpt = if one_file {
            self.excerpt(&spans)?
        } else {
            return None;
        };
        let patches: Vec<Patch<'static>> = edits
            .iter()
            .map(|(span, new)| Patch::new(excerpt.within(*span), visible(new)))
            .collect();
        Some(
            Snippet::source(excerpt.text)
                .line_start(excerpt.line)
                .path(excerpt.path)
                .patches(patches),
        )
    }
}

impl Excerpt {
    fn within(&self, span: Span) -> std::ops::Range<usize> {
        let inside = |offset: u32| {
            (offset as usize)
                .saturating_sub(self.start)
                .min(self.text.len())
        };
        inside(span.start)..inside(span.end)
    }
}

/// The text with a stand-in of the same length for each character that a terminal might act on, so that offsets stay. The
/// carriage return of a line end would be drawn as a symbol: it is nobody's mistake, so a blank stands in.
fn visible(text: &str) -> String {
    let mut characters = text.chars().peekable();
    let mut shown = String::with_capacity(text.len());
    while let Some(c) = characters.next() {
        let line_end = c == '\r' && matches!(characters.peek(), None | Some('\n'));
        shown.push(match c.len_utf8() {
            _ if line_end => ' ',
            _ if matches!(c, '\n' | '\t') || !acts(c) => c,
            1 => '?',
            2 => '\u{bf}',
            _ => '\u{fffd}',
        });
    }
    shown
}
