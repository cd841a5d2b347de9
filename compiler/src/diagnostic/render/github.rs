//! Workflow commands of GitHub Actions: findings become annotations of the lines they are about.

use std::fmt::Write as _;

use super::place::Places;
use super::{clean, ordered};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::SourceMap;

/// `::error file=…,line=…,endLine=…,col=…,endColumn=…,title=…::message`, one line each; lints are `::warning`.
///
/// Lines and columns start at 1; columns count Unicode scalar values. The end of a column is said only where it is on the
/// same line, as GitHub wants it. The other places, notes and help are lines of the message.
pub fn github(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut places = Places::new(sources);
    let mut text = String::new();
    for diagnostic in ordered(diagnostics) {
        let span = diagnostic.primary.span;
        let place = places.place(span);
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Lint => "warning",
        };
        let code = diagnostic.code;
        let _ = write!(
            text,
            "::{command} file={},line={},endLine={},col={}",
            property(&sources.file(span.file).path),
            place.line,
            place.end_line,
            place.column,
        );
        if place.line == place.end_line {
            let _ = write!(text, ",endColumn={}", place.end_column);
        }
        let title = format!("{}: {}", code.as_str(), code.title());
        let _ = write!(text, ",title={}::", property(&title));
        let mut lines = vec![clean(&diagnostic.message)];
        if !diagnostic.primary.text.is_empty() {
            lines.push(clean(&diagnostic.primary.text));
        }
        for label in &diagnostic.labels {
            let at = places.place(label.span);
            let path = clean(&sources.file(label.span.file).path);
            lines.push(format!(
                "{path}:{}:{}: {}",
                at.line,
                at.column,
                clean(&label.text)
            ));
        }
        lines.extend(
            diagnostic
                .notes
                .iter()
                .map(|note| format!("note: {}", clean(note))),
        );
        lines.extend(
            diagnostic
                .help
                .iter()
                .map(|help| format!("help: {}", clean(help))),
        );
        let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
        let _ = writeln!(text, "{}", lines.join("%0A"));
    }
    text
}

/// What a message may not hold as it is.
fn escape(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// What a property may not hold as it is.
fn property(text: &str) -> String {
    escape(&clean(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::{Source, Span};

    #[test]
    fn an_annotation_is_one_line_with_its_marks_escaped() {
        let mut sources = SourceMap::default();
        let file = sources.add(Source {
            path: "a,b:100%.rpc".into(),
            import_path: "a.rpc".into(),
            text: "ä: one\ntwo\n".into(),
        });
        let found = [
            Diagnostic::new(
                Code::UnknownName,
                Span::new(file, 4, 7),
                "50% of `one`, twice: no",
            )
            .also(Span::new(file, 8, 11), "here\r\n::error::too")
            .help("write `two`"),
            Diagnostic::new(Code::UnusedImport, Span::new(file, 4, 9), "lint"),
        ];
        assert_eq!(
            github(&found, &sources),
            "::error file=a%2Cb%3A100%25.rpc,line=1,endLine=1,col=4,endColumn=7,title=CS0130%3A unknown name\
             ::50%25 of `one`, twice: no%0Aa,b:100%25.rpc:2:1: here\u{fffd} ::error::too%0Ahelp: write `two`\n\
             ::warning file=a%2Cb%3A100%25.rpc,line=1,endLine=2,col=4,title=CS0110%3A unused import::lint\n"
        );
    }
}
