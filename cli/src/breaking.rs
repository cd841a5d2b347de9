//! `callsheet breaking`

use std::collections::BTreeSet;
use std::fmt::Write as _;

use callsheet_build::breaking::{Category, Verdict, compare, frozen_part};
use callsheet_build::diagnostic::{Code, Diagnostic};
use callsheet_build::driver::{self, Analysis};
use callsheet_build::host::DiskLoader;
use callsheet_build::model::{File, Model};
use callsheet_build::resolve::Loader as _;
use callsheet_build::source::SourceMap;
use callsheet_build::surface::Surface;

use crate::Outcome;
use crate::arguments::{Breaking, Format, Input};
use crate::baseline::{self, Baseline};
use crate::check::tell;
use crate::project::roots;
use crate::report::{self, Failure};

/// What is accepted.
struct Accepted {
    categories: BTreeSet<Category>,
    codes: BTreeSet<Code>,
}

/// Reports what the contracts break of an older state.
pub(crate) fn run(arguments: &Breaking) -> Result<Outcome, Failure> {
    let accepted = accepted(&arguments.allow)?;
    let input = Input {
        paths: arguments.paths.clone(),
        roots: arguments.roots.clone(),
        format: arguments.format,
        deny: Vec::new(),
        warn: Vec::new(),
        allow: Vec::new(),
        colours: arguments.colours.clone(),
    };
    let roots = roots(&input)?;
    let mut entries = roots.entries(&input.paths).map_err(Failure::of)?;
    let mut sources = SourceMap::default();
    let old = baseline::load(arguments, &roots, &mut sources)?;

    let mut loader = DiskLoader::new(roots);
    // What the older contract has and these paths do not lead to may still be there.
    for path in old.import_paths() {
        if !entries.contains(&path) && loader.load(&path).is_ok() {
            entries.push(path);
        }
    }
    let mut analysis = driver::analyse_beside(sources, &mut loader, &entries);
    // Lints are `check`'s.
    analysis.diagnostics.retain(Diagnostic::is_error);
    let Some(new) = analysis.model.take() else {
        return tell(&analysis, &entries, &input);
    };
    let verdicts = verdicts(arguments, &old, &new, &analysis);
    finish(verdicts, &accepted, analysis, &entries, &input)
}

fn verdicts(
    arguments: &Breaking,
    old: &Baseline,
    new: &Model,
    analysis: &Analysis,
) -> Vec<Verdict> {
    let new = Surface::of_model(new);
    match old {
        Baseline::Sources(old) => {
            let model = old.model.as_ref();
            let files: &[File] = model.map_or(&[], |model| &model.files);
            if arguments.released_only {
                let locks = old.locks.values().chain(analysis.locks.values());
                compare(&Surface::of(&frozen_part(locks, files)), &new)
            } else {
                compare(&Surface::of(files), &new)
            }
        }
        Baseline::Descriptors(frozen) => {
            let mut surface = frozen.surface();
            surface.services.clear();
            compare(&surface, &new)
        }
    }
}

fn finish(
    verdicts: Vec<Verdict>,
    accepted: &Accepted,
    mut analysis: Analysis,
    entries: &[String],
    input: &Input,
) -> Result<Outcome, Failure> {
    let total = verdicts.len();
    let mut left = Vec::new();
    for mut verdict in verdicts {
        if accepted.codes.contains(&verdict.code) {
            continue;
        }
        let mut stays = !verdict.breaks.is_empty();
        for category in &accepted.categories {
            stays = verdict.accept(*category);
        }
        if stays {
            left.push(verdict);
        }
    }
    analysis.diagnostics = left.iter().map(Verdict::report).collect();
    let outcome = report::findings(&analysis, entries, input)?;
    if input.format == Format::Human {
        report::say(&summary(&left, total - left.len()));
    }
    Ok(outcome)
}

/// `3 changes break source (2), wire (1); 1 accepted`
fn summary(verdicts: &[Verdict], accepted: usize) -> String {
    let mut text = match verdicts.len() {
        0 => "nothing breaks".to_owned(),
        count => {
            let parts: Vec<String> = Category::ALL
                .iter()
                .filter_map(|category| {
                    let of = |it: &&Verdict| it.breaks.contains_key(category);
                    let count = verdicts.iter().filter(of).count();
                    (count > 0).then(|| format!("{category} ({count})"))
                })
                .collect();
            let what = if count == 1 {
                "1 change breaks".to_owned()
            } else {
                format!("{count} changes break")
            };
            format!("{what} {}", parts.join(", "))
        }
    };
    if accepted > 0 {
        let _ = write!(text, "; {accepted} accepted");
    }
    text
}

/// Categories and codes by their names, letter case aside.
fn accepted(words: &[String]) -> Result<Accepted, Failure> {
    let mut accepted = Accepted {
        categories: BTreeSet::new(),
        codes: BTreeSet::new(),
    };
    for word in words {
        let category = Category::ALL
            .into_iter()
            .find(|it| it.to_string().eq_ignore_ascii_case(word));
        if let Some(category) = category {
            accepted.categories.insert(category);
        } else if let Some(code) = Code::named(word) {
            accepted.codes.insert(code);
        } else {
            return Err(Failure(format!(
                "`{}` is neither a category (source, wire, JSON, routing) nor a code such as CS0300",
                word.escape_debug()
            )));
        }
    }
    Ok(accepted)
}
