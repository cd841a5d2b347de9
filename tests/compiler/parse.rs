//! One mistake per file of `tests/ui`, with what is said about it. `cargo xtask bless` accepts a change.

use callsheet_build::diagnostic::{Diagnostic, render};
use callsheet_build::source::{Source, SourceMap};
use callsheet_build::syntax;

/// What the parser says about a text, with its sources.
pub(crate) fn parse(path: &str, text: &str) -> (Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let file = sources.add(Source {
        path: path.into(),
        import_path: path.into(),
        text: text.into(),
    });
    let (_, diagnostics) = syntax::parse(file, text);
    (diagnostics, sources)
}

#[test]
fn parse_corpus() {
    insta::glob!("../ui/parse", "*.rpc", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let (diagnostics, sources) = parse(name, &text);
        let report = render::human(&diagnostics, &sources, false);
        insta::with_settings!({ snapshot_path => "../ui/parse", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{text}\n{}\n{report}", "─".repeat(60)));
        });
    });
}
