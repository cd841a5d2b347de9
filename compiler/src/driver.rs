//! The whole pipeline on one screen.

use crate::breaking::{self, Frozen, Locks};
use crate::check;
use crate::codegen;
use crate::diagnostic::{self, Diagnostic, Levels};
use crate::model::Model;
use crate::resolve::{self, Loader};
use crate::source::SourceMap;
use crate::syntax;

/// What is known about the files asked for.
#[derive(Debug, Default)]
pub struct Analysis {
    /// Every file that was read.
    pub sources: SourceMap,
    /// What they mean; `None` where there is an error.
    pub model: Option<Model>,
    /// The releases of these files that are frozen.
    pub locks: Locks,
    /// What is wrong, each mistake once, by file and place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Analysis {
    /// Lets the project have its say on lints, and keeps of each file the first findings that anybody reads. Where a lint
    /// is denied there is no model.
    pub fn judge(&mut self, levels: &Levels) {
        levels.judge(&mut self.diagnostics);
        diagnostic::shorten(&mut self.diagnostics);
        if self.diagnostics.iter().any(Diagnostic::is_error) {
            self.model = None;
        }
    }
}

/// Reads, parses, resolves and checks the files of `entries` (import paths) and all that they import.
pub fn analyse(loader: &mut dyn Loader, entries: &[String]) -> Analysis {
    run(SourceMap::default(), loader, entries, Frozen::Upheld)
}

/// The same beside files of another analysis, so that places in both can be shown together; what was frozen is read, and
/// not held against the sources.
pub fn analyse_beside(sources: SourceMap, loader: &mut dyn Loader, entries: &[String]) -> Analysis {
    run(sources, loader, entries, Frozen::Read)
}

fn run(
    mut sources: SourceMap,
    loader: &mut dyn Loader,
    entries: &[String],
    frozen: Frozen,
) -> Analysis {
    let (loaded, mut diagnostics) = resolve::load(loader, entries, &mut sources, syntax::parse);
    let names = resolve::Names::new(&loaded);
    let (model, found) = check::check(&sources, &loaded, &names);
    diagnostics.extend(found);
    let (locks, found) =
        breaking::locks(loader, &mut sources, &loaded, &model, &diagnostics, frozen);
    diagnostics.extend(found);
    let clean = diagnostics.iter().all(|report| !report.is_error());
    resolve::suggest_imports(loader, &sources, &loaded, syntax::parse, &mut diagnostics);
    diagnostics.sort_by_key(|report| (report.primary.span, report.code));
    Analysis {
        sources,
        model: clean.then_some(model),
        locks,
        diagnostics,
    }
}

/// The Rust of every package of `model`, and the `mod.rs` that nests them.
///
/// # Errors
/// Options that do not fit the model.
pub fn generate(
    model: &Model,
    options: &codegen::Options,
) -> Result<codegen::Files, codegen::Error> {
    codegen::generate(model, options)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::resolve::MemoryLoader;

    /// Many small files, and one that misspells a name among many: more than its share of the comparisons.
    #[test]
    fn a_near_name_is_found_however_many_files_there_are() {
        let head = |package: &str| format!("edition 2026;\npackage {package};\n");
        let mut text = head("large");
        for number in 100..400 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "message Invoice{number}Line {{}}");
        }
        text.push_str("message Order { line: Invioce200Line = 1; }\n");
        let small = (0..2000).map(|number| (format!("f{number}.rpc"), head(&format!("f{number}"))));
        let files: Vec<(String, String)> = small.chain([("large.rpc".to_owned(), text)]).collect();
        let entries: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
        let found = analyse(&mut MemoryLoader::new(files), &entries).diagnostics;
        assert_eq!(found.len(), 1, "{found:?}");
        let help = found[0].help.as_deref().unwrap_or_default();
        assert!(help.contains("`Invoice200Line`"), "{help}");
    }
}
