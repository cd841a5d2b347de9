//! `callsheet check --fix`

use std::collections::HashSet;
use std::fmt::Write as _;

use callsheet_build::diagnostic::render;
use callsheet_build::fix::{Change, fix};
use callsheet_build::host::DiskLoader;
use similar::TextDiff;

use crate::Outcome;
use crate::arguments::Check;
use crate::check::tell;
use crate::project::{levels, roots};
use crate::report::{self, Failure};

/// Mends the contracts that were named, or shows how they would be mended, and reports on what is left.
///
/// Files that are only imported are left alone, wherever they lie: whoever wants them mended names them.
pub(crate) fn run(check: &Check) -> Result<Outcome, Failure> {
    let roots = roots(&check.input)?;
    let levels = levels(&check.input)?;
    let entries = roots.entries(&check.input.paths).map_err(Failure::of)?;
    let named: HashSet<&str> = entries.iter().map(String::as_str).collect();
    let fixed = fix(
        &mut DiskLoader::new(roots.clone()),
        &entries,
        &levels,
        &|source| named.contains(&*source.import_path),
    );
    let mut diffs = String::new();
    for (import_path, change) in &fixed.changes {
        if check.dry_run {
            diffs.push_str(&diff(change));
        } else {
            roots.rewrite(import_path, change).map_err(Failure::of)?;
        }
        let verb = if check.dry_run { "would fix" } else { "fixed" };
        let findings = match change.mended.len() {
            1 => "1 finding".to_owned(),
            count => format!("{count} findings"),
        };
        report::say(&format!("{verb} {findings} in {}", change.path));
    }
    report::print(&render::shown(&diffs))?;
    let outcome = tell(&fixed.analysis, &entries, &check.input)?;
    if check.dry_run && outcome == Outcome::Clean && !fixed.changes.is_empty() {
        return Ok(Outcome::Findings);
    }
    Ok(outcome)
}

fn diff(change: &Change) -> String {
    let mut text = String::new();
    let diff = TextDiff::from_lines(&*change.before, &*change.after);
    let mut diff = diff.unified_diff();
    let fixed = format!("{} (fixed)", change.path);
    let _ = write!(text, "{}", diff.header(&change.path, &fixed));
    text
}
