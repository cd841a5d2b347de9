//! The older state that contracts are compared with: a folder, a file, a descriptor set, or a commit.

use std::fs;
use std::path::Path;

use callsheet_build::diagnostic::{Diagnostic, render};
use callsheet_build::driver::{self, Analysis};
use callsheet_build::host::{Config, DiskLoader, ImportRoots};
use callsheet_build::resolve::Loader;
use callsheet_build::source::{Source, SourceMap};
use callsheet_build::surface::{Frozen, Lock, of_descriptor_set};

use crate::arguments::Breaking;
use crate::git::GitLoader;
use crate::project::shown;
use crate::report::{self, Failure};

/// Descriptor sets of the largest trees have a few MiB.
const MAX_BYTES: u64 = 256 << 20;

/// What is known of the older state.
pub(crate) enum Baseline {
    /// Its sources.
    Sources(Box<Analysis>),
    /// Its messages and enums.
    Descriptors(Box<Frozen>),
}

impl Baseline {
    /// The import paths of its sources.
    pub(crate) fn import_paths(&self) -> Vec<String> {
        let model = match self {
            Self::Sources(analysis) => analysis.model.as_ref(),
            Self::Descriptors(_) => None,
        };
        let files = model.iter().flat_map(|model| &model.files);
        files.map(|file| file.import_path.to_string()).collect()
    }
}

/// Reads what `--against` names into `sources`.
pub(crate) fn load(
    arguments: &Breaking,
    roots: &ImportRoots,
    sources: &mut SourceMap,
) -> Result<Baseline, Failure> {
    let path = Path::new(&arguments.against);
    if path.is_dir() {
        let old = folder_roots(path)?;
        let mut entries = old.entries(&[path]).map_err(Failure::of)?;
        in_scope(arguments, roots, &mut entries)?;
        analyse(&mut DiskLoader::new(old), &entries, sources)
    } else if path.extension().is_some_and(|end| end == "rpc") && path.exists() {
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // What it imports may lie beside it, or be what it is today.
        let mut old = ImportRoots::new([folder]).map_err(Failure::of)?;
        for root in roots.folders() {
            old.add(root).map_err(Failure::of)?;
        }
        let entries = old.entries(&[path]).map_err(Failure::of)?;
        analyse(&mut DiskLoader::new(old), &entries, sources)
    } else if path.exists() {
        descriptors(path, sources)
    } else {
        let mut loader = GitLoader::new(&arguments.against, roots)?;
        let mut entries = loader.list();
        in_scope(arguments, roots, &mut entries)?;
        analyse(&mut loader, &entries, sources)
    }
}

/// A folder is an import root itself, unless a `callsheet.toml` in it names others.
fn folder_roots(folder: &Path) -> Result<ImportRoots, Failure> {
    let config = Config::of(&[folder], Some(folder)).map_err(Failure::of)?;
    config
        .roots(&[folder], &[], Some(folder))
        .map_err(Failure::of)
}

/// Keeps what the paths of the newer state would lead to.
fn in_scope(
    arguments: &Breaking,
    roots: &ImportRoots,
    entries: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut scopes = Vec::new();
    for path in &arguments.paths {
        scopes.extend(roots.scope(path).map_err(Failure::of)?);
    }
    entries.retain(|entry| {
        scopes.iter().any(|scope| {
            let rest = entry.strip_prefix(scope.as_str());
            rest.is_some_and(|rest| scope.is_empty() || rest.is_empty() || rest.starts_with('/'))
        })
    });
    if entries.is_empty() {
        return Err(Failure(format!(
            "`{}` has no contract where these are: nothing to compare with",
            arguments.against.escape_debug()
        )));
    }
    Ok(())
}

fn analyse(
    loader: &mut dyn Loader,
    entries: &[String],
    sources: &mut SourceMap,
) -> Result<Baseline, Failure> {
    let mut analysis = driver::analyse_beside(std::mem::take(sources), loader, entries);
    if analysis.model.is_none() {
        analysis.diagnostics.retain(Diagnostic::is_error);
        report::say(&render::human(
            &analysis.diagnostics,
            &analysis.sources,
            false,
        ));
        return Err(Failure(
            "the older contracts have errors: name a state without any".to_owned(),
        ));
    }
    *sources = analysis.sources.clone();
    Ok(Baseline::Sources(Box::new(analysis)))
}

fn descriptors(path: &Path, sources: &mut SourceMap) -> Result<Baseline, Failure> {
    let fault = |what: &dyn std::fmt::Display| Failure(format!("{}: {what}", shown(path)));
    let metadata = fs::metadata(path).map_err(|error| fault(&error))?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(fault(&format!(
            "not a regular file of at most {MAX_BYTES} bytes"
        )));
    }
    let bytes = fs::read(path).map_err(|error| fault(&error))?;
    let text = of_descriptor_set(&bytes)
        .map_err(|error| fault(&format!("neither a contract nor a descriptor set: {error}")))?;
    let file = sources.add(Source {
        path: shown(path).into(),
        import_path: shown(path).into(),
        text: text.as_str().into(),
    });
    let (lock, found) = Lock::parse(file, &text);
    match lock.releases.into_iter().next() {
        Some(frozen) if found.is_empty() => Ok(Baseline::Descriptors(Box::new(frozen))),
        _ => Err(fault(&"names in it that no contract could have")),
    }
}
