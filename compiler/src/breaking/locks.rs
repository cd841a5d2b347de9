//! The lock files beside the sources, and what they say of the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::changes_of_frozen;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::Model;
use crate::resolve::{Import, LoadError, Loaded, Loader};
use crate::source::{FileId, Source, SourceMap, Span};
use crate::surface::{Lock, Surface};

/// The frozen releases by import path of their source.
pub type Locks = BTreeMap<Arc<str>, Lock>;

/// What is done with releases that are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frozen {
    /// They are read, and compared with the sources.
    Upheld,
    /// They are only read.
    Read,
}

/// Reads the locks of all loaded files and compares them with what the files mean. Where a file or anything it imports has an
/// error among `found`, what it means is not known, and it is not compared.
pub fn locks(
    loader: &mut dyn Loader,
    sources: &mut SourceMap,
    loaded: &Loaded,
    model: &Model,
    found: &[Diagnostic],
    frozen: Frozen,
) -> (Locks, Vec<Diagnostic>) {
    let broken: BTreeSet<FileId> = found
        .iter()
        .filter(|report| report.is_error())
        .map(|report| report.primary.span.file)
        .collect();
    let mut sound: Vec<bool> = Vec::new();
    let (mut locks, mut reports) = (Locks::new(), Vec::new());
    let mut surface: Option<Surface<'_>> = None;
    let paths: Vec<Arc<str>> = loaded
        .files
        .iter()
        .map(|file| sources.file(file.id).import_path.clone())
        .collect();
    let texts = loader.lock_all(&paths.iter().map(|path| &**path).collect::<Vec<_>>());
    for ((file, import_path), text) in loaded.files.iter().zip(paths).zip(texts) {
        let imports = file.imports.iter().all(|import| match import {
            Import::File(position) => sound.get(*position).copied().unwrap_or(false),
            Import::Idle => true,
            Import::Missing => false,
        });
        sound.push(imports && !broken.contains(&file.id));
        let text = match text {
            Ok(None) => continue,
            Ok(Some(source)) => source,
            Err(error) => {
                reports.push(unreadable(&error, &import_path, file.id));
                continue;
            }
        };
        let content = text.text.clone();
        let id = sources.add(Source {
            import_path: format!("{import_path}{}", Lock::EXTENSION).into(),
            ..text
        });
        let (lock, faults) = Lock::parse(id, &content);
        reports.extend(faults);
        if sound.last() == Some(&true) && frozen == Frozen::Upheld {
            let now = surface.get_or_insert_with(|| Surface::of_model(model));
            reports.extend(changes_of_frozen(&lock, now));
        }
        locks.insert(import_path, lock);
    }
    (locks, reports)
}

fn unreadable(error: &LoadError, import_path: &str, file: FileId) -> Diagnostic {
    let why = match error {
        LoadError::NotFound { .. } => "it is not there".to_owned(),
        LoadError::OutsideRoots { root } => format!("it leads out of the import root `{root}`"),
        LoadError::NotRegular { what } => format!("it is {what}"),
        LoadError::NotUtf8 { offset } => format!("byte {offset} is not UTF-8"),
        LoadError::TooLarge { bytes } => format!(
            "it has {bytes} bytes; at most {} are read",
            Source::MAX_BYTES
        ),
        LoadError::Unreadable { reason } => reason.clone(),
    };
    Diagnostic::new(
        Code::LockMalformed,
        Span::new(file, 0, 0),
        format!(
            "the lock file `{import_path}{}` cannot be read: {why}",
            Lock::EXTENSION
        ),
    )
    .help("restore the file from version control")
}
