//! What must hold for whatever bytes the compiler reads. Each law is one function, and panics where it is broken.
//!
//! Knows the public face of the compiler only. The programs in `bin` hand libFuzzer's bytes to one law each.

use std::collections::BTreeMap;

use callsheet_build::codegen::Options;
use callsheet_build::diagnostic::{Diagnostic, Severity, render};
use callsheet_build::driver::{self, Analysis};
use callsheet_build::resolve::MemoryLoader;
use callsheet_build::source::{Source, SourceMap, Span};
use callsheet_build::syntax;

/// The path of what stands before the first line that names a file.
const FIRST: &str = "shop/orders.rpc";

/// A line that starts so names the file that follows.
const HEAD: &str = "=== ";

/// Parsing gives a tree and findings in places that exist, and all of it can be shown.
pub fn parse(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut sources = SourceMap::default();
    let file = sources.add(Source {
        path: FIRST.into(),
        import_path: FIRST.into(),
        text: (&*text).into(),
    });
    let (_, found) = syntax::parse(file, &text);
    hold(&sources, &found);
}

/// Checking says something, in places that exist, or gives a model.
pub fn check(bytes: &[u8]) {
    let (loader, entries) = files(&String::from_utf8_lossy(bytes));
    analyse(loader, &entries);
}

/// What is clean can be generated, the same way twice, and is Rust.
pub fn generate(bytes: &[u8]) {
    let (loader, entries) = files(&String::from_utf8_lossy(bytes));
    let Some(model) = analyse(loader, &entries).model else {
        return;
    };
    let files =
        driver::generate(&model, &Options::default()).expect("default options fit every model");
    let again =
        driver::generate(&model, &Options::default()).expect("default options fit every model");
    assert_eq!(files.0, again.0, "two generations differ");
    for (name, text) in &files.0 {
        if let Err(error) = syn::parse_file(text) {
            panic!("{name} is not Rust: {error}\n{text}");
        }
    }
}

/// The files that a text holds, and the paths of all of them.
fn files(text: &str) -> (MemoryLoader, Vec<String>) {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut path = FIRST.to_owned();
    for line in text.split_inclusive('\n') {
        if let Some(named) = line.strip_prefix(HEAD) {
            named.trim().clone_into(&mut path);
        } else {
            files.entry(path.clone()).or_default().push_str(line);
        }
    }
    let entries = files.keys().cloned().collect();
    (MemoryLoader::new(files), entries)
}

fn analyse(mut loader: MemoryLoader, entries: &[String]) -> Analysis {
    let analysis = driver::analyse(&mut loader, entries);
    hold(&analysis.sources, &analysis.diagnostics);
    let errors = analysis.diagnostics.iter().any(Diagnostic::is_error);
    assert_ne!(
        errors,
        analysis.model.is_some(),
        "a model, or an error that says why there is none"
    );
    analysis
}

/// Findings stand where there is text, and every form of them is fit for a terminal.
fn hold(sources: &SourceMap, found: &[Diagnostic]) {
    for one in found {
        assert!(!one.message.is_empty());
        within(sources, one.primary.span);
        for label in &one.labels {
            within(sources, label.span);
        }
        let mut edits: Vec<Span> = one
            .fix
            .iter()
            .flat_map(|fix| &fix.edits)
            .map(|(span, _)| *span)
            .collect();
        edits.sort();
        for span in &edits {
            within(sources, *span);
        }
        for pair in edits.windows(2) {
            assert!(
                pair[0].end <= pair[1].start || pair[0].file != pair[1].file,
                "edits of one fix overlap: {one:?}"
            );
        }
        assert!(matches!(
            one.code.severity(),
            Severity::Error | Severity::Lint
        ));
    }
    // Rendering takes ten times as long as all else: of most inputs, one finding will do.
    let shown = &found[..found.len().min(1)];
    for text in [
        render::short(shown, sources),
        render::json(shown, sources),
        render::human(shown, sources, false),
    ] {
        let loud = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(
            loud, None,
            "a control character would reach the terminal:\n{text:?}"
        );
    }
}

fn within(sources: &SourceMap, span: Span) {
    let text = &sources.file(span.file).text;
    assert!(span.start <= span.end, "{span:?} ends before it starts");
    assert!(
        text.get(span.start as usize..span.end as usize).is_some(),
        "{span:?} is no place in a text of {} bytes",
        text.len()
    );
}
