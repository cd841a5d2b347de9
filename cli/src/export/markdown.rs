//! Documentation as HTML. The author of a contract writes Markdown; no HTML of theirs, no script and no image reaches a page.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Lines of Markdown as a block of HTML.
pub(super) fn block(lines: &[String]) -> String {
    let text = lines.join("\n");
    let events = Parser::new_ext(&text, Options::ENABLE_TABLES).filter_map(harmless);
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events);
    out
}

/// The first paragraph as plain text.
pub(super) fn summary(lines: &[String]) -> String {
    let text = lines.join("\n");
    let mut out = String::new();
    for event in Parser::new(&text) {
        match event {
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_)) => break,
            Event::Text(words) | Event::Code(words) => out.push_str(&words),
            Event::SoftBreak | Event::HardBreak => out.push(' '),
            _ => {}
        }
    }
    out
}

fn harmless(event: Event<'_>) -> Option<Event<'_>> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        // What the picture shows is said in words.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let dest_url = if leads_somewhere(&dest_url) {
                dest_url
            } else {
                CowStr::Borrowed("#")
            };
            Some(Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }))
        }
        other => Some(other),
    }
}

/// Whether following a link fetches a page, and runs nothing.
fn leads_somewhere(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    let scheme = lower.split(['/', '?', '#']).next().unwrap_or_default();
    if scheme
        .chars()
        .any(|letter| letter.is_control() || letter.is_whitespace())
    {
        return false;
    }
    match scheme.split_once(':') {
        Some((scheme, _)) => matches!(scheme, "http" | "https" | "mailto"),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(block(&lines).trim_end(), expect, "{text}");
    }

    #[test]
    fn markdown_is_rendered() {
        check(
            "One *two* `three`.",
            "<p>One <em>two</em> <code>three</code>.</p>",
        );
        check("[a](https://b.c)", "<p><a href=\"https://b.c\">a</a></p>");
    }

    #[test]
    fn nothing_of_an_author_becomes_markup_or_runs() {
        check("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;");
        check("a <b onclick=x>", "<p>a &lt;b onclick=x&gt;</p>");
        check("[a](javascript:x)", "<p><a href=\"#\">a</a></p>");
        check("[a](JavaScript:x)", "<p><a href=\"#\">a</a></p>");
        check("[a](data:text/html,x)", "<p><a href=\"#\">a</a></p>");
        check(
            "<javascript:alert(1)>",
            "<p><a href=\"#\">javascript:alert(1)</a></p>",
        );
        check("![a](https://b.c/d.png)", "<p>a</p>");
        check(
            "```\n</code><script>\n```",
            "<pre><code>&lt;/code&gt;&lt;script&gt;\n</code></pre>",
        );
    }

    #[test]
    fn a_summary_is_the_first_paragraph() {
        let lines = ["One `two`", "three.", "", "Four."].map(str::to_owned);
        assert_eq!(summary(&lines), "One two three.");
    }
}
