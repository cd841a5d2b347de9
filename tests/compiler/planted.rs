//! Characters of several bytes anywhere in a contract: every place that a finding names holds whole ones.

use std::fmt::Write as _;
use std::path::Path;

use callsheet_build::diagnostic::{Diagnostic, Levels};
use callsheet_build::driver::analyse;
use callsheet_build::fix::fix;
use callsheet_build::resolve::MemoryLoader;
use callsheet_build::source::{SourceMap, Span};
use callsheet_tests::chance::Chance;

use crate::damage::{examples, tokens};
use crate::{check, converge};

/// What is planted: letters, look-alikes of our tokens (of three bytes and two, for one of ours, two, and for brackets),
/// what nobody sees, what hangs on the character before it, what stands for broken bytes, and several of them in a row.
const PLANTS: [&str; 20] = [
    "é",
    "ß",
    "漢",
    "；",
    "：",
    "，",
    "（",
    "｛",
    "｝",
    "→",
    "…",
    "“",
    "\u{37e}",
    "\u{a0}",
    "\u{feff}",
    "\u{301}",
    "\u{fffd}",
    "🦀",
    "🦀🦀",
    "é；\u{fffd}",
];

/// Every place that a finding names.
fn places(report: &Diagnostic) -> impl Iterator<Item = Span> {
    let edits = report.fix.iter().flat_map(|fix| &fix.edits);
    std::iter::once(&report.primary)
        .chain(&report.labels)
        .map(|label| label.span)
        .chain(edits.map(|(span, _)| *span))
}

/// Whether characters of the text begin and end where the span does.
fn holds(sources: &SourceMap, span: Span) -> bool {
    let text = &sources.file(span.file).text;
    text.get(span.start as usize..span.end as usize).is_some()
}

/// Plants into `entry` of the contracts of `loader`, at every other token: before it, within it, in its place, or in the
/// place of it and its neighbour. Which, where and what, chance decides. What is wrong then.
fn plant(loader: &MemoryLoader, entry: &str, chance: &mut Chance) -> String {
    let mut wrong = String::new();
    let mut loader = loader.clone();
    let text = loader.files[entry].clone();
    let tokens = tokens(&text);
    for (at, token) in tokens.iter().enumerate() {
        if chance.percent(50) {
            continue;
        }
        let inner = token.clone().filter(|at| text.is_char_boundary(*at));
        let middle = inner.clone().nth(inner.count() / 2).unwrap_or(token.start);
        let next = tokens.get(at + 1).unwrap_or(token);
        let range = chance.pick(&[
            token.start..token.start,
            middle..middle,
            token.clone(),
            token.start..next.end,
        ]);
        let plant = chance.pick(&PLANTS);
        let planted = format!("{}{plant}{}", &text[..range.start], &text[range.end..]);
        loader.files.insert(entry.to_owned(), planted);
        let entries = [entry.to_owned()];
        let analysis = analyse(&mut loader, &entries);
        let places = analysis
            .diagnostics
            .iter()
            .flat_map(|report| places(report).map(|span| (report.code.as_str(), span)));
        for (code, span) in places.filter(|(_, span)| !holds(&analysis.sources, *span)) {
            let _ = writeln!(
                wrong,
                "{entry}: {plant:?} at {range:?}: {code} has {span:?}"
            );
        }
        // It writes at those places.
        if wrong.is_empty() && chance.percent(5) {
            fix(&mut loader, &entries, &Levels::default(), &|_| true);
        }
    }
    wrong
}

#[test]
fn findings_about_planted_characters_stand_on_whole_ones() {
    let mut chance = Chance::new(1);
    let loader = MemoryLoader::new(examples());
    let wrong: String = loader
        .files
        .keys()
        .map(|path| plant(&loader, path, &mut chance))
        .collect();
    assert!(wrong.is_empty(), "{wrong}");
}

/// Where something is wrong with what a name stands for, the place of the name is told.
#[test]
fn so_do_those_that_were_there_before() {
    let mut chance = Chance::new(2);
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/check");
    converge::corpus(&folder, &mut files);
    files.sort();
    let projects = files.iter().map(|path| check::project(path));
    let wrong: String = projects
        .map(|(loader, entry)| plant(&loader, &entry, &mut chance))
        .collect();
    assert!(wrong.is_empty(), "{wrong}");
}

/// What is found in a contract of one file, with the text of every place.
fn found(text: &str) -> Vec<(&'static str, Option<&str>)> {
    let path = "shop/orders.rpc".to_owned();
    let mut loader = MemoryLoader::new([(path.clone(), text.to_owned())]);
    let analysis = analyse(&mut loader, &[path]);
    let places = analysis
        .diagnostics
        .iter()
        .flat_map(|report| places(report).map(|span| (report.code.as_str(), span)));
    places
        .map(|(code, span)| (code, text.get(span.start as usize..span.end as usize)))
        .collect()
}

#[test]
fn a_name_that_is_missing_is_the_whole_character_in_its_place() {
    let text = "edition 2026;
package shop;
message Order { id: uint64 = 1; }
@cluster(forking(2))
service Orders {
    rpc ⁂(stream Order);
}
";
    let found = found(text);
    assert!(found.contains(&("CS0244", Some("⁂"))), "{found:?}");
    assert!(found.iter().all(|(_, place)| place.is_some()), "{found:?}");
}

#[test]
fn a_statement_that_ends_within_a_character_ends_behind_it() {
    for statement in [
        "groups a, .…;",
        "rpc a(Order) -> Order…",
        "versions 1.0→\n rpc b(Order);",
    ] {
        let text = format!(
            "edition 2026;\npackage shop;\nmessage Order {{ id: uint64 = 1; }}\nservice Orders {{\n{statement}\n}}\n"
        );
        let found = found(&text);
        assert!(!found.is_empty(), "{statement}");
        assert!(
            found.iter().all(|(_, place)| place.is_some()),
            "{statement}: {found:?}"
        );
    }
}
