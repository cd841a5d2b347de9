//! What to delete, so that what is left reads as if it had never been there.

use crate::source::{SourceMap, Span};

/// The span with its line, where nothing else stands on it: what to delete so that no empty line is left.
pub(crate) fn whole_line(sources: &SourceMap, span: Span) -> Span {
    let text = &sources.file(span.file).text;
    let (start, end) = (span.start as usize, span.end as usize);
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let rest = &text[end..];
    let behind = rest.find('\n').map_or(rest.len(), |at| at + 1);
    if text[line..start].trim().is_empty() && rest[..behind].trim().is_empty() {
        Span::new(span.file, offset(line), offset(end + behind))
    } else {
        span
    }
}

/// The span with the blanks on one side: what to delete of a line of several words.
pub(crate) fn word(sources: &SourceMap, span: Span) -> Span {
    let line = whole_line(sources, span);
    if line != span {
        return line;
    }
    let text = &sources.file(span.file).text;
    let blank = |c: char| matches!(c, ' ' | '\t');
    let before = text[..span.start as usize].trim_end_matches(blank);
    if before.is_empty() || before.ends_with('\n') {
        let rest = &text[span.end as usize..];
        let blanks = rest.len() - rest.trim_start_matches(blank).len();
        Span::new(span.file, span.start, span.end + offset(blanks))
    } else {
        Span::new(span.file, offset(before.len()), span.end)
    }
}

/// An entry of a list with the comma that goes with it; `None` where it is the only one, or a comment is in the way.
pub(crate) fn entry(sources: &SourceMap, span: Span) -> Option<Span> {
    let text = &sources.file(span.file).text;
    if let Some(before) = text[..span.start as usize].trim_end().strip_suffix(',') {
        return Some(Span::new(span.file, offset(before.len()), span.end));
    }
    let rest = &text[span.end as usize..];
    let behind = rest.trim_start().strip_prefix(',')?.trim_start();
    let end = span.end + offset(rest.len() - behind.len());
    Some(Span::new(span.file, span.start, end))
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    /// Cuts what stands between `‹` and `›`.
    fn check(text: &str, cut: impl Fn(&SourceMap, Span) -> Option<Span>, expect: &str) {
        let start = text.find('‹').unwrap();
        let end = text.find('›').unwrap() - '‹'.len_utf8();
        let text = text.replace(['‹', '›'], "");
        let mut sources = SourceMap::default();
        let file = sources.add(Source {
            path: "a.rpc".into(),
            import_path: "a.rpc".into(),
            text: text.as_str().into(),
        });
        let found = cut(&sources, Span::new(file, offset(start), offset(end)));
        let left = found.map_or("kept".to_owned(), |span| {
            format!(
                "{}{}",
                &text[..span.start as usize],
                &text[span.end as usize..]
            )
        });
        assert_eq!(left, expect, "{text}");
    }

    #[test]
    fn a_word_goes_with_its_blanks_and_a_line_as_a_whole() {
        let cut = |sources: &SourceMap, span| Some(word(sources, span));
        check("a ‹b› c\n", cut, "a c\n");
        check("    ‹a› b\n", cut, "    b\n");
        check("a\n    ‹b›\nc\n", cut, "a\nc\n");
    }

    #[test]
    fn an_entry_goes_with_its_comma() {
        check("(a, ‹b›)", entry, "(a)");
        check("(‹a›, b)", entry, "(b)");
        check("(a,\n ‹b›,\n c)", entry, "(a,\n c)");
        check("(‹a›)", entry, "kept");
        check("(a, /* why */ ‹b›)", entry, "kept");
    }
}
