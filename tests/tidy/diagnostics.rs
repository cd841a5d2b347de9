//! Every diagnostic code has its page, and a row in docs/diagnostics.md.
//!
//! That the examples on a page do what it says is shown in `tests/compiler`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use callsheet_build::diagnostic::{Code, Severity};

use crate::source::{files, read, root};
use crate::{Breach, uphold};

const PAGES: &str = "compiler/src/diagnostic/pages";
const CATALOGUE: &str = "docs/diagnostics.md";

#[test]
fn every_code_has_a_page_that_teaches() {
    let mut breaches = Vec::new();
    for code in Code::ALL {
        breaches.extend(lacking(code.as_str(), code.page()));
    }
    uphold(
        "`callsheet explain CODE` prints this page: `# CS0101: what it is about`, then what it means and what to do.",
        breaches,
    );
}

#[test]
fn every_page_has_a_code() {
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let mut breaches = Vec::new();
    for page in files(PAGES, &[".md"]) {
        let name = page
            .path
            .rsplit('/')
            .next()
            .unwrap()
            .trim_end_matches(".md");
        if !codes.contains(name) {
            breaches.push(Breach::new(&page.path, 0, format!("no code `{name}`")));
        }
    }
    uphold(
        "The code of this page is gone: delete the page. Numbers are never used again.",
        breaches,
    );
}

#[test]
fn codes_stand_in_order_and_once() {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert!(
        codes.is_sorted_by(|a, b| a < b),
        "sort the catalogue in compiler/src/diagnostic/code.rs by number, each number once: {codes:?}"
    );
}

#[test]
fn catalogue_in_the_manual_is_up_to_date() {
    let rows: Vec<_> = Code::ALL
        .iter()
        .map(|code| (code.as_str(), code.severity(), code.page()))
        .collect();
    let expect = catalogue(&rows);
    if std::env::var("INSTA_UPDATE").is_ok_and(|mode| mode == "always") {
        fs::write(root().join(CATALOGUE), &expect).unwrap();
    }
    let found = if root().join(CATALOGUE).is_file() {
        read(CATALOGUE)
    } else {
        String::new()
    };
    let stale = expect.lines().find(|line| !found.contains(line));
    assert!(
        found == expect,
        "{CATALOGUE} does not list the codes as they are (first line that differs: {stale:?}): run `cargo xtask bless`"
    );
}

/// The text behind the code in a page's first line.
fn title(page: &str) -> &str {
    let first = page.lines().next().unwrap_or_default();
    first.split_once(": ").map_or("", |(_, title)| title)
}

fn lacking(code: &str, page: &str) -> Vec<Breach> {
    let file = format!("{PAGES}/{code}.md");
    let lack = |what: &str| Breach::new(&file, 0, what);
    let mut breaches = Vec::new();
    if !page.starts_with(&format!("# {code}: ")) || title(page).is_empty() {
        breaches.push(lack("the first line is not `# CODE: what it is about`"));
    }
    let (text, _) = page.split_once("\n## ").unwrap_or((page, ""));
    if text.lines().skip(1).all(|line| line.trim().is_empty()) {
        breaches.push(lack("it does not say what it means"));
    }
    breaches
}

/// The rows are code, severity, page.
fn catalogue(rows: &[(&str, Severity, &str)]) -> String {
    let mut text = String::from(
        "# Diagnostics\n\n\
         Every code that the compiler reports. `callsheet explain CODE` prints its page: what it means, a bad example, a\n\
         good one, and what the fix makes of the bad one where exactly one edit is certain: `callsheet check --fix` makes it.\n\
         `callsheet explain --list` lists them. An error keeps code from being generated; a lint is a matter of taste, and has a\n\
         [level](generating.md#lints). Numbers are never used again.\n\n\
         | code | | fix | about |\n|---|---|---|---|\n",
    );
    for (code, severity, page) in rows {
        let severity = match severity {
            Severity::Error => "error",
            Severity::Lint => "lint",
        };
        let _ = writeln!(
            text,
            "| [{code}](../{PAGES}/{code}.md) | {severity} | {} | {} |",
            if page.contains("\n## Fixed\n") {
                "yes"
            } else {
                ""
            },
            title(page)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_that_does_not_teach_is_found() {
        let good = "# CS0001: a slip\n\nIt means this.\n\n## Bad\n";
        assert_eq!(lacking("CS0001", good), []);
        assert_eq!(lacking("CS0002", good).len(), 1, "another code's page");
        assert_eq!(lacking("CS0001", "# CS0001: a slip\n\n## Bad\n").len(), 1);
        assert_eq!(lacking("CS0001", "").len(), 2);
    }

    #[test]
    fn catalogue_has_a_row_for_each_code() {
        let text = catalogue(&[("CS0001", Severity::Lint, "# CS0001: a slip\n\n## Fixed\n")]);
        let row = format!("| [CS0001](../{PAGES}/CS0001.md) | lint | yes | a slip |");
        assert_eq!(text.lines().last(), Some(row.as_str()));
    }
}
