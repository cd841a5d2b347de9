//! Machine-applicable edits: each mends what it is offered for, and breaks nothing.

use callsheet_build::diagnostic::{Code, Diagnostic, Severity};
use callsheet_build::driver::Analysis;

use crate::pages;

fn count(analysis: &Analysis, of: impl Fn(&Diagnostic) -> bool) -> usize {
    analysis
        .diagnostics
        .iter()
        .filter(|report| of(report))
        .count()
}

#[test]
fn every_fix_on_a_page_mends_what_it_is_offered_for() {
    let mut fixes = 0;
    // A limit shows itself behind many findings: mending one of them moves it.
    let limits = [Code::TooManyErrors, Code::TooManyLints];
    for &code in Code::ALL.iter().filter(|code| !limits.contains(code)) {
        let Some(mut example) = pages::example(code.page(), "Bad") else {
            continue;
        };
        let before = example.analyse();
        for report in &before.diagnostics {
            let Some(fix) = &report.fix else { continue };
            let Some(mut mended) = pages::example(code.page(), "Bad") else {
                continue;
            };
            let mut edits = fix.edits.clone();
            edits.sort_by_key(|(span, _)| std::cmp::Reverse(*span));
            for (span, text) in edits {
                let path = before.sources.file(span.file).import_path.to_string();
                let source = mended.files.files.get_mut(&path).expect("the file");
                source.replace_range(span.start as usize..span.end as usize, &text);
            }
            let after = mended.analyse();
            let code = code.as_str();
            let same = |other: &Diagnostic| other.code == report.code;
            assert!(
                count(&after, same) < count(&before, same),
                "{code}: the fix mends nothing"
            );
            let error = |report: &Diagnostic| report.code.severity() == Severity::Error;
            assert!(
                count(&after, error) <= count(&before, error),
                "{code}: the fix breaks something"
            );
            fixes += 1;
        }
    }
    assert!(fixes > 5, "the fixes were not found");
}
