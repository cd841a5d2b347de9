//! Nothing that a source, a path or a name holds makes a terminal act, in whatever form findings are shown.

use callsheet_build::diagnostic::{Diagnostic, render};
use callsheet_build::driver::analyse;
use callsheet_build::resolve::MemoryLoader;
use callsheet_build::source::{Source, SourceMap};

use crate::damage;

/// ESC with a sequence that clears the screen, BEL, the one-character CSI, text turned around, a line that is none.
const PLANTED: [&str; 7] = [
    "\u{1b}[2J",
    "\u{7}",
    "\u{9b}31m",
    "\u{202e}",
    "\u{2066}",
    "\u{2028}",
    "\r",
];

/// What a terminal would act on.
fn acting(shown: &str) -> Vec<char> {
    let acts = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(*c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    shown.chars().filter(acts).collect()
}

/// Renders the findings in every form, and says how many there are.
fn check(diagnostics: &[Diagnostic], sources: &SourceMap, what: &str) -> usize {
    for (form, shown) in [
        ("human", render::human(diagnostics, sources, false)),
        ("short", render::short(diagnostics, sources)),
        ("json", render::json(diagnostics, sources)),
        ("sarif", render::sarif(diagnostics, sources)),
        ("github", render::github(diagnostics, sources)),
    ] {
        let acting = acting(&shown.replace('\t', " "));
        assert!(acting.is_empty(), "{what}, {form}: {acting:?} in {shown:?}");
    }
    diagnostics.len()
}

#[test]
fn what_is_planted_anywhere_in_a_file_is_shown_as_something_harmless() {
    let mut found = 0;
    let examples = damage::examples();
    for (path, text) in &examples {
        let places = text.char_indices().map(|(at, _)| at).step_by(29);
        for (turn, at) in places.enumerate() {
            let planted = PLANTED[turn % PLANTED.len()];
            let text = format!("{}{planted}{}", &text[..at], &text[at..]);
            let mut loader = MemoryLoader::new(examples.clone());
            loader.files.insert(path.clone(), text);
            let analysis = analyse(&mut loader, std::slice::from_ref(path));
            let what = format!("{planted:?} at {at} of {path}");
            found += check(&analysis.diagnostics, &analysis.sources, &what);
        }
    }
    assert!(found > 300, "only {found} findings");
}

#[test]
fn what_is_planted_in_a_path_or_an_import_is_shown_as_something_harmless() {
    for planted in PLANTED {
        let path = format!("shop/{planted}x.rpc");
        let text = format!(
            "edition 2026;\npackage shop.other;\nimport \"shop/{planted}y.rpc\";\nimport \"{path}\";\nmessage A {{ b: B = 1; }}\n"
        );
        let escaped = planted.escape_unicode();
        let importing = format!(
            "edition 2026;\npackage shop.main;\nimport \"shop/{escaped}x.rpc\";\nimport \"shop/{escaped}z.rpc\";\nmessage M {{ a: A = 1 @pattern(\"{escaped}(\") @json(\"{escaped}\"); reserved \"{escaped}\"; }}\n"
        );
        let files = [
            (path.clone(), text),
            ("shop/main.rpc".to_owned(), importing),
        ];
        for entry in [path.clone(), "shop/main.rpc".to_owned()] {
            let analysis = analyse(&mut MemoryLoader::new(files.clone()), &[entry]);
            let count = check(
                &analysis.diagnostics,
                &analysis.sources,
                &format!("{planted:?}"),
            );
            assert!(count > 1, "{planted:?}");
        }
    }
}

#[test]
fn every_word_of_a_finding_is_shown_as_something_harmless() {
    use callsheet_build::diagnostic::Code;
    use callsheet_build::source::Span;

    for planted in PLANTED {
        let text = format!("a{planted}b\n");
        let end = u32::try_from(text.len()).expect("a short text");
        let mut sources = SourceMap::default();
        let file = sources.add(Source {
            path: format!("x{planted}.rpc").into(),
            import_path: "x.rpc".into(),
            text: text.into(),
        });
        let whole = Span::new(file, 0, end);
        let found = [Diagnostic::new(Code::UnknownName, whole, planted)
            .label(planted)
            .also(whole, planted)
            .note(planted)
            .help(planted)
            .fix(whole, planted)];
        check(&found, &sources, &format!("{planted:?}"));
        assert!(acting(&render::shown(planted)).is_empty());
    }
}
