//! One file with a mistake of every common kind, syntax and meaning mixed.

use std::collections::BTreeSet;

use callsheet_build::diagnostic::{Levels, render};
use callsheet_build::driver::analyse;
use callsheet_build::resolve::MemoryLoader;

/// Mistakes in the file, each of another kind.
const MISTAKES: usize = 30;

#[test]
fn thirty_mistakes_of_thirty_kinds_give_thirty_reports() {
    let name = "kitchen-sink-of-mistakes.rpc";
    let path = format!("{}/ui/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the file of mistakes");
    let mut loader = MemoryLoader::new([(name, text)]);
    let mut analysis = analyse(&mut loader, &[name.to_owned()]);
    analysis.judge(&Levels::default());
    let shown = render::human(&analysis.diagnostics, &analysis.sources, false);
    insta::with_settings!({ snapshot_path => "../ui", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("kitchen-sink-of-mistakes", shown);
    });
    let codes: BTreeSet<_> = analysis
        .diagnostics
        .iter()
        .map(|report| report.code)
        .collect();
    assert_eq!(analysis.diagnostics.len(), MISTAKES);
    assert_eq!(codes.len(), MISTAKES, "a code is there twice");
}
