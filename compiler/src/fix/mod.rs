//! Making the fixes that findings carry, until none is left.
//!
//! Knows findings and the pipeline that gives them, and works on text in memory, so that editors have it too. Must not know
//! where files lie: writing them back is `host`'s.

mod edits;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

pub use edits::{Edited, apply};

use crate::diagnostic::{Code, Levels};
use crate::driver::{self, Analysis};
use crate::resolve::{LoadError, Loader};
use crate::source::{FileId, Source};

/// Most rounds of checking and mending. Two or three are the rule: a fix may touch another, or bring to light what stood
/// behind its mistake. More are needed only where one file has more errors than are told at once.
const MOST_ROUNDS: usize = 64;

/// What became of the contracts.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The files that changed, by import path.
    pub changes: BTreeMap<Arc<str>, Change>,
    /// What is known about the files as they are now.
    pub analysis: Analysis,
    /// How many rounds of fixes were made.
    pub rounds: usize,
}

/// One file that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path as the user sees it.
    pub path: Arc<str>,
    /// The text that was read.
    pub before: Arc<str>,
    /// The text with the fixes made.
    pub after: Arc<str>,
    /// The codes of the findings that are mended, round by round.
    pub mended: Vec<Code>,
}

/// Checks the files of `entries` (import paths) and all that they import, makes every fix that a finding carries, and
/// checks again, until no finding has a fix any more.
///
/// Only files for which `may_change` holds are changed, as they are known from [`Source`]. Findings that `levels` allow are
/// none, so they are not mended.
pub fn fix(
    loader: &mut dyn Loader,
    entries: &[String],
    levels: &Levels,
    may_change: &dyn Fn(&Source) -> bool,
) -> Fixed {
    let mut overlay = Overlay {
        under: loader,
        loaded: HashMap::new(),
        changed: HashMap::new(),
    };
    let mut changes: BTreeMap<Arc<str>, Change> = BTreeMap::new();
    let mut rounds = 0;
    let mut seen = HashSet::new();
    let mut analysis = loop {
        let mut analysis = driver::analyse(&mut overlay, entries);
        levels.judge(&mut analysis.diagnostics);
        let sources = &analysis.sources;
        let permitted = |file: FileId| may_change(sources.file(file));
        let edited = apply(sources, &analysis.diagnostics, &permitted);
        // Texts that were there before would come again and again: fixes that undo each other are worth no round more.
        let texts: BTreeMap<Arc<str>, String> = edited
            .iter()
            .map(|(file, edited)| (sources.file(*file).import_path.clone(), edited.text.clone()))
            .collect();
        if edited.is_empty() || rounds == MOST_ROUNDS || !seen.insert(texts) {
            break analysis;
        }
        rounds += 1;
        for (file, edited) in edited {
            let source = sources.file(file);
            let after: Arc<str> = edited.text.into();
            let change = changes
                .entry(source.import_path.clone())
                .or_insert_with(|| Change {
                    path: source.path.clone(),
                    before: source.text.clone(),
                    after: after.clone(),
                    mended: Vec::new(),
                });
            change.after = after.clone();
            change.mended.extend(edited.mended);
            overlay
                .changed
                .insert(source.import_path.to_string(), after);
        }
    };
    changes.retain(|_, change| change.before != change.after);
    analysis.judge(levels);
    Fixed {
        changes,
        analysis,
        rounds,
    }
}

/// Files as they are known from another loader, each asked for once, with those that changed since in their new text.
struct Overlay<'a> {
    under: &'a mut dyn Loader,
    loaded: HashMap<String, Result<Source, LoadError>>,
    changed: HashMap<String, Arc<str>>,
}

impl Loader for Overlay<'_> {
    fn load(&mut self, import_path: &str) -> Result<Source, LoadError> {
        let known = if let Some(known) = self.loaded.get(import_path) {
            known.clone()
        } else {
            let found = self.under.load(import_path);
            self.loaded.insert(import_path.to_owned(), found.clone());
            found
        };
        match self.changed.get(import_path) {
            Some(text) => Ok(Source {
                text: text.clone(),
                ..known?
            }),
            None => known,
        }
    }

    fn shown(&self, import_path: &str) -> String {
        self.under.shown(import_path)
    }

    fn list(&mut self) -> Vec<String> {
        self.under.list()
    }
}
