//! What must hold for whatever bytes the compiler reads. Each law is one function, and panics where it is broken.
//!
//! Knows the public face of the compiler only. The programs in `bin` hand libFuzzer's bytes to one law each.

use std::collections::BTreeMap;

use callsheet_build::breaking::{self, Category};
use callsheet_build::codegen::Options;
use callsheet_build::diagnostic::{Diagnostic, Severity, render};
use callsheet_build::driver::{self, Analysis};
use callsheet_build::model::Model;
use callsheet_build::resolve::MemoryLoader;
use callsheet_build::source::{Source, SourceMap, Span};
use callsheet_build::surface::{Lock, Surface, freeze};
use callsheet_build::syntax;

/// The line behind which edits stand, one on each line, that make a newer contract of an older one.
const EDITS: &str = "\n====\n";

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

/// A contract breaks nothing of itself, in a lock or out of it; what breaks the wire shows a message that is read differently.
pub fn breaking(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (before, edits) = text.split_once(EDITS).unwrap_or((&text, ""));
    let mut after = before.to_owned();
    for edit in edits.lines() {
        if let Some((from, to)) = edit.split_once(" => ") {
            after = after.replacen(from, to, 1);
        }
    }
    let (loader, entries) = files(before);
    let mut old = analyse(loader, &entries);
    let Some(old_model) = old.model.take() else {
        return;
    };
    let old_surface = Surface::of_model(&old_model);
    assert_eq!(breaking::compare(&old_surface, &old_surface), []);
    frozen(&old_model, &old_surface);

    let (mut loader, entries) = files(&after);
    let new = driver::analyse_beside(old.sources, &mut loader, &entries);
    hold(&new.sources, &new.diagnostics);
    let Some(new_model) = new.model else {
        return;
    };
    let verdicts = breaking::compare(&old_surface, &Surface::of_model(&new_model));
    for verdict in &verdicts {
        assert!(!verdict.breaks.is_empty(), "{verdict:?}");
        if verdict.breaks.contains_key(&Category::Wire) {
            let witness = verdict
                .witness
                .as_ref()
                .expect("a witness of what breaks the wire");
            assert_ne!(witness.old, witness.new, "{verdict:?}");
        }
    }
    let reports: Vec<Diagnostic> = verdicts.iter().map(breaking::Verdict::report).collect();
    hold(&new.sources, &reports);
}

/// Every release freezes into a lock that reads as it was written, and that its contract keeps.
fn frozen(model: &Model, surface: &Surface<'_>) {
    for service in model.files.iter().flat_map(|file| &file.services) {
        let mut lock = Lock::default();
        for &release in &service.releases {
            lock.add(freeze(surface, service, release));
        }
        let text = lock.text();
        let mut sources = SourceMap::default();
        let file = sources.add(Source {
            path: "lock".into(),
            import_path: "lock".into(),
            text: (&*text).into(),
        });
        let (read, found) = Lock::parse(file, &text);
        assert_eq!(found, [], "{text}");
        assert_eq!(read.text(), text);
        assert_eq!(breaking::changes_of_frozen(&read, surface), [], "{text}");
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
