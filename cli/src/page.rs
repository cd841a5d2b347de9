//! Manual pages on a terminal.
//!
//! Reads the little Markdown that pages are written in: headings, paragraphs, tables, fenced examples, code in a line.

use std::fmt::Write as _;

/// How many columns the text of a page takes; examples are shown as they are.
const COLUMNS: usize = 80;

/// ANSI sequences, or nothing.
struct Style {
    bold: &'static str,
    dim: &'static str,
    code: &'static str,
    bad: &'static str,
    good: &'static str,
    end: &'static str,
}

const COLOURED: Style = Style {
    bold: "\u{1b}[1m",
    dim: "\u{1b}[2m",
    code: "\u{1b}[36m",
    bad: "\u{1b}[1;31m",
    good: "\u{1b}[1;32m",
    end: "\u{1b}[0m",
};

/// The page for people at a terminal, with colours.
pub(crate) fn terminal(page: &str) -> String {
    let style = &COLOURED;
    let mut text = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if let Some(info) = line.strip_prefix("```") {
            flush(&mut paragraph, &mut text, style);
            // The path of a file is worth a line; that it is an `rpc` is not.
            let path = info.split_whitespace().nth(1).filter(|_| !fenced);
            if let Some(path) = path {
                let _ = writeln!(text, "    {}// {path}{}", style.dim, style.end);
            }
            fenced = !fenced;
        } else if fenced {
            let _ = writeln!(text, "    {}{line}{}", style.code, style.end);
        } else if let Some(title) = line.strip_prefix("# ") {
            let _ = writeln!(text, "{}{}{}", style.bold, plain(title), style.end);
        } else if let Some(title) = line.strip_prefix("## ") {
            flush(&mut paragraph, &mut text, style);
            let colour = if title == "Bad" {
                style.bad
            } else {
                style.good
            };
            let _ = writeln!(text, "{colour}{}{}", heading(title), style.end);
        } else if line.starts_with('|') {
            flush(&mut paragraph, &mut text, style);
            if let Some(row) = row(line, style) {
                text.push_str(&row);
            }
        } else if line.is_empty() {
            flush(&mut paragraph, &mut text, style);
            text.push('\n');
        } else {
            paragraph.push(line);
        }
    }
    flush(&mut paragraph, &mut text, style);
    text
}

/// What a section of a page is, for whoever meets it first.
fn heading(title: &str) -> &str {
    match title {
        "Bad" => "Bad: what is reported",
        "Fixed" => "Fixed: what callsheet check --fix makes of it",
        "Good" => "Good",
        other => other,
    }
}

/// Without the marks of code, for where everything looks the same.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// `| there | here |`; nothing for the line below the head.
fn row(line: &str, style: &Style) -> Option<String> {
    const WIDTH: usize = 24;
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    if cells.iter().all(|cell| cell.chars().all(|c| c == '-')) {
        return None;
    }
    let mut text = "    ".to_owned();
    for (at, cell) in cells.iter().enumerate() {
        text.push_str(&coloured(cell, style));
        if at + 1 < cells.len() {
            text.push_str(&" ".repeat(WIDTH.saturating_sub(plain(cell).chars().count())));
        }
    }
    text.push('\n');
    Some(text)
}

/// Writes the words of a paragraph in lines that fit.
fn flush(paragraph: &mut Vec<&str>, text: &mut String, style: &Style) {
    let words = std::mem::take(paragraph).join(" ");
    let mut width = 0;
    let mut line = String::new();
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > COLUMNS {
            line.push('\n');
            width = 0;
        } else if width > 0 {
            line.push(' ');
            width += 1;
        }
        line.push_str(word);
        width += length;
    }
    if !line.is_empty() {
        text.push_str(&coloured(&line, style));
        text.push('\n');
    }
}

/// With the code between back quotes in colour. A back quote itself stands between double ones, which no page has.
fn coloured(text: &str, style: &Style) -> String {
    let mut shown = String::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 0 {
            shown.push_str(part);
        } else {
            let _ = write!(shown, "{}{part}{}", style.code, style.end);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use callsheet_build::diagnostic::Code;

    use super::*;

    /// The text without its colours.
    fn visible(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let mut shown = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            shown.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
        }
        shown
    }

    #[test]
    fn every_page_keeps_its_words_and_its_examples() {
        for code in Code::ALL {
            let shown = visible(&terminal(code.page()));
            assert!(shown.starts_with(code.as_str()), "{shown}");
            assert!(shown.contains("\nBad: what is reported\n"), "{shown}");
            assert!(!shown.contains("```") && !shown.contains("\n#"), "{shown}");
            let mut fenced = false;
            for line in code.page().lines() {
                if line.starts_with("```") {
                    fenced = !fenced;
                } else if fenced {
                    assert!(
                        shown.contains(&format!("    {line}\n")),
                        "{line} in {shown}"
                    );
                }
            }
            let words = |text: &str| text.matches("the").count();
            assert!(words(&shown) >= words(code.page()), "{shown}");
        }
    }

    #[test]
    fn paragraphs_fit_and_code_is_coloured() {
        let page = format!("# A: `b`\n\n{}`code`\n", "word ".repeat(40));
        let shown = terminal(&page);
        assert!(shown.contains("\u{1b}[36mcode\u{1b}[0m"), "{shown}");
        let visible = visible(&shown);
        assert!(
            visible.lines().all(|line| line.len() <= COLUMNS),
            "{visible}"
        );
        assert!(visible.starts_with("A: b\n\nword word"), "{visible}");
    }
}
