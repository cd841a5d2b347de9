//! Documentation as doc comments that rustdoc takes as they stand.
//!
//! An author of a contract does not write for rustdoc: no text becomes a doctest, a link, or HTML, and none makes rustdoc
//! or clippy warn. Code spans, fenced code, lists and emphasis come through.

use super::rust::names::literal;

/// `lines` as a doc comment, whole lines.
pub(super) fn comment(lines: &[String]) -> String {
    if !lines.iter().all(|line| is_plain(line)) {
        return careful(lines);
    }
    let mut out = String::with_capacity(lines.iter().map(|line| line.len() + 5).sum());
    for line in lines {
        out.push_str("/// ");
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Whether a line is words and nothing that Markdown or rustdoc would look at twice. Most lines are.
fn is_plain(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last() != Some(&b' ')
        && bytes.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b',' | b'.' | b';' | b'(' | b')')
        })
        && !bytes.windows(2).any(|pair| pair == b"  ")
}

/// Any lines as a doc comment.
fn careful(lines: &[String]) -> String {
    sanitize(lines)
        .into_iter()
        .map(|line| {
            if line.is_empty() {
                "///\n".to_owned()
            } else {
                format!("/// {line}\n")
            }
        })
        .collect()
}

/// The same, or `otherwise` where nothing is said; behind it a deprecation.
pub(super) fn comment_or(lines: &[String], otherwise: &str, deprecated: Option<&str>) -> String {
    let mut lines = lines.to_vec();
    if lines.iter().all(|line| line.trim().is_empty()) {
        lines = vec![otherwise.to_owned()];
    }
    comment(&with_deprecation(lines, deprecated))
}

/// `lines`, and behind them that and why the declaration is deprecated.
pub(super) fn with_deprecation(mut lines: Vec<String>, deprecated: Option<&str>) -> Vec<String> {
    if let Some(reason) = deprecated {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(format!("**Deprecated**: {reason}"));
    }
    lines
}

/// The attribute of what is deprecated for this reason. rustdoc takes the reason for Markdown, and rustc prints it as it
/// stands, so only what would become a link or HTML is escaped.
pub(super) fn deprecated(reason: &str) -> String {
    let line: String = reason
        .chars()
        .map(|c| if is_unseen(c) { ' ' } else { c })
        .collect();
    let reason = escaped(line.trim(), |c| matches!(c, '[' | ']' | '<' | '\\'));
    format!("#[deprecated = {}]", literal(&reason))
}

/// `text` with a backslash before each such character that is in no code span.
fn escaped(text: &str, special: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '`' {
            let (span, behind) = code_span(rest);
            out.push_str(&span);
            rest = behind;
            continue;
        }
        if special(c) {
            out.push('\\');
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// What `text`, which starts with a backtick, starts with: a code span, or backticks that open none.
fn code_span(text: &str) -> (String, &str) {
    let length = run_of(text, '`');
    let (marks, behind) = text.split_at(length);
    match closing(behind, length) {
        Some(end) => {
            let (inside, behind) = behind.split_at(end + length);
            (format!("{marks}{inside}"), behind)
        }
        None => ("\\`".repeat(length), behind),
    }
}

/// A fence that is open: its character and length.
struct Fence {
    mark: char,
    length: usize,
    body: Vec<String>,
}

fn sanitize(lines: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut fence: Option<Fence> = None;
    // How far a line must be indented to belong to the list item before it.
    let mut item = 0;
    for line in lines.iter().flat_map(|line| line.split(['\n', '\r'])) {
        let line: String = line
            .chars()
            .map(|c| if is_unseen(c) { ' ' } else { c })
            .collect();
        if let Some(mut open) = fence.take() {
            if closes(&open, &line) {
                end_fence(open, &mut out);
            } else {
                open.body.push(line.trim_end().to_owned());
                fence = Some(open);
            }
        } else if let Some(open) = opens(&line) {
            fence = Some(open);
            item = 0;
        } else {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            let (marker, text) = line.split_at(marker(&line));
            item = match (marker.len(), line.len()) {
                (_, 0) => 0,
                (0, _) => item,
                (length, _) => length,
            };
            let indent = if marker.is_empty() { item } else { 0 };
            let text = format!("{:indent$}{marker}{}", "", prose(text));
            out.push(text.trim_end().to_owned());
        }
    }
    if let Some(open) = fence {
        end_fence(open, &mut out);
    }
    let mut text = Vec::new();
    let mut blank = false;
    for line in out {
        if line.is_empty() {
            blank = true;
            continue;
        }
        if blank && !text.is_empty() {
            text.push(String::new());
        }
        blank = false;
        text.push(line);
    }
    text
}

/// Control characters, and those that turn the direction of text: rustc refuses them in comments.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Fenced code as a block of its own that holds no code for rustdoc.
fn end_fence(fence: Fence, out: &mut Vec<String>) {
    let longest = fence
        .body
        .iter()
        .map(|line| longest_run(line))
        .max()
        .unwrap_or(0);
    let marks = "`".repeat(longest.max(2) + 1);
    if out.last().is_some_and(|line| !line.is_empty()) {
        out.push(String::new());
    }
    out.push(format!("{marks}text"));
    out.extend(fence.body);
    out.push(marks);
    // A line behind the block is not its lazy continuation.
    out.push(String::new());
}

fn longest_run(line: &str) -> usize {
    line.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn run_of(line: &str, mark: char) -> usize {
    line.chars().take_while(|&c| c == mark).count()
}

fn opens(line: &str) -> Option<Fence> {
    let line = line.trim_start();
    ['`', '~'].into_iter().find_map(|mark| {
        let length = run_of(line, mark);
        let info = &line[length..];
        (length >= 3 && !(mark == '`' && info.contains('`'))).then(|| Fence {
            mark,
            length,
            body: Vec::new(),
        })
    })
}

fn closes(fence: &Fence, line: &str) -> bool {
    let line = line.trim();
    let length = run_of(line, fence.mark);
    length >= fence.length && line.len() == length
}

/// How long the marker of a list item is that `line` starts with, blank included: 2 for `- `.
fn marker(line: &str) -> usize {
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let length = match line[digits..].chars().next() {
        Some('-' | '*' | '+') if digits == 0 => 1,
        Some('.' | ')') if (1..10).contains(&digits) => digits + 1,
        _ => return 0,
    };
    match line[length..].chars().next() {
        Some(' ') => length + 1,
        _ => 0,
    }
}

/// The text of one line, its runs of blanks one blank, so that nothing is indented code. What rustdoc would take for a
/// link or HTML is escaped outside code spans, and so are a quote and a list item within a list item: their
/// continuation lines would need care that no author of a contract takes.
fn prose(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    if rest.starts_with('>') {
        out.push('\\');
    } else if let Some(mark) = marker(rest).checked_sub(2) {
        out.push_str(&rest[..mark]);
        out.push('\\');
        out.push_str(&rest[mark..mark + 2]);
        rest = &rest[mark + 2..];
    }
    while let Some(c) = rest.chars().next() {
        if c == '`' {
            let (span, behind) = code_span(rest);
            out.push_str(&span);
            rest = behind;
            continue;
        }
        if rest.starts_with("http://") || rest.starts_with("https://") {
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ')' | ']' | '`' | '"'))
                .unwrap_or(rest.len());
            let end = rest[..end]
                .trim_end_matches(['.', ',', ';', ':', '!', '?'])
                .len();
            out.push('<');
            out.push_str(&rest[..end]);
            out.push('>');
            rest = &rest[end..];
            continue;
        }
        match c {
            '[' | ']' | '<' | '\\' | '|' => {
                out.push('\\');
                out.push(c);
            }
            '~' => out.push_str("\\~"),
            '&' => out.push_str("&amp;"),
            _ => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// Where the run of exactly `length` backticks starts that closes a code span.
fn closing(text: &str, length: usize) -> Option<usize> {
    let mut position = 0;
    while let Some(found) = text[position..].find('`') {
        let start = position + found;
        let run = run_of(&text[start..], '`');
        if run == length {
            return Some(start);
        }
        position = start + run;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(sanitize(&lines).join("\n"), expect, "{text}");
    }

    #[test]
    fn plain_lines_stand_as_they_are() {
        for text in [
            "One purchase.",
            "What is left, in all (or some) of them;\nand e.g. 7 more. 1) a",
            "http is short",
            "- item\nword",
            "two  blanks",
            "blank behind ",
            "",
            "1. first",
            "a [link]",
        ] {
            let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
            assert_eq!(comment(&lines), careful(&lines), "{text}");
        }
        assert!(is_plain("What is left, in all (or some) of them;"));
    }

    #[test]
    fn fenced_code_is_no_doctest() {
        check("```\nfn main() {}\n```", "```text\nfn main() {}\n```");
        check("a\n~~~rust\nx\n```\n~~~", "a\n\n````text\nx\n```\n````");
        check("```rust\nnever closed", "```text\nnever closed\n```");
    }

    #[test]
    fn indented_code_is_no_doctest() {
        check("a\n\n        let x = 1;", "a\n\nlet x = 1;");
        check("-      deep\n\n>\t\tquoted", "- deep\n\n\\> quoted");
    }

    #[test]
    fn nothing_becomes_a_link_or_html() {
        check("[Order] and <b>", "\\[Order\\] and \\<b>");
        check("`[Order]` and `<b>`", "`[Order]` and `<b>`");
        check("a ` b [c]", "a \\` b \\[c\\]");
        check("see https://a.b/c_d.", "see <https://a.b/c_d>.");
        check("1https://a.b", "1<https://a.b>");
        check("> ```\n> x", "\\> \\`\\`\\`\n\\> x");
    }

    #[test]
    fn a_list_item_holds_the_lines_behind_it() {
        check("- a\nb\n    - c\n  d\n\ne", "- a\n  b\n- c\n  d\n\ne");
        check("12. a\nb", "12. a\n    b");
        check("- - a\n- 1. b", "- \\- a\n- 1\\. b");
    }

    #[test]
    fn a_reason_is_neither_link_nor_html() {
        for (reason, expect) in [
            (
                "use `get[1]`, it is \"better\"",
                r#"use `get[1]`, it is \"better\""#,
            ),
            ("see [x](y) & <b>\n", r"see \\[x\\](y) & \\<b>"),
            ("`[", r"\\`\\["),
        ] {
            assert_eq!(deprecated(reason), format!("#[deprecated = \"{expect}\"]"));
        }
    }

    #[test]
    fn nothing_turns_the_direction_of_text() {
        check("a\u{202e}b\u{2066}\u{1b}c", "a b c");
    }

    #[test]
    fn blank_lines_around_are_dropped() {
        check("\n\n a \n\n", "a");
        check("\n  \n", "");
    }
}
