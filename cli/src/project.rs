//! What a project says of itself in `callsheet.toml`: where imports start, and how much lints count.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use callsheet_build::diagnostic::{Level, Levels};
use callsheet_build::host::ImportRoots;
use serde::Deserialize;

use crate::arguments::Input;
use crate::report::Failure;

/// The file that a project describes itself in.
const FILE: &str = "callsheet.toml";

/// A `callsheet.toml` is a few lines; a larger one is something else.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Project {
    /// Folders, relative to the file; without them, the folder of the file.
    #[serde(default = "own_folder")]
    roots: Vec<PathBuf>,
    /// Levels of lints, by code or for all.
    #[serde(default)]
    lints: BTreeMap<String, Setting>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Setting {
    Allow,
    Warn,
    Deny,
}

impl From<Setting> for Level {
    fn from(setting: Setting) -> Self {
        match setting {
            Setting::Allow => Self::Allow,
            Setting::Warn => Self::Warn,
            Setting::Deny => Self::Deny,
        }
    }
}

/// A project with the place of its file.
struct Found {
    /// As it is told.
    path: PathBuf,
    folder: PathBuf,
    project: Project,
}

fn own_folder() -> Vec<PathBuf> {
    vec![PathBuf::from(".")]
}

/// The levels of lints for `input`: those of the `callsheet.toml` above its paths, and over them those given.
pub(crate) fn levels(input: &Input) -> Result<Levels, Failure> {
    let mut files: Vec<Option<Found>> = Vec::new();
    for path in &input.paths {
        files.push(nearest(&folder(path)?)?);
    }
    let lints = |file: &Option<Found>| file.as_ref().map(|found| found.project.lints.clone());
    let (told, other) = files.split_first().unwrap_or((&None, &[]));
    if other
        .iter()
        .any(|other| lints(other).unwrap_or_default() != lints(told).unwrap_or_default())
    {
        return Err(Failure(
            "the paths belong to projects that give lints different levels in their callsheet.toml: check one project at a time".to_owned(),
        ));
    }
    let mut levels = Levels::default();
    if let Some(Found { path, project, .. }) = told {
        for (name, setting) in &project.lints {
            // In a table that is called `lints`, `lints.lints` would read oddly.
            let name = if name == "all" { Levels::ALL } else { name };
            let set = levels.set(name, (*setting).into());
            set.map_err(|error| Failure(format!("{}: {error}", shown(path))))?;
        }
    }
    for (names, level) in [
        (&input.allow, Level::Allow),
        (&input.warn, Level::Warn),
        (&input.deny, Level::Deny),
    ] {
        for name in names {
            levels.set(name, level).map_err(Failure::of)?;
        }
    }
    Ok(levels)
}

/// The import roots for `input`: those given; or else, for each path, those of the nearest `callsheet.toml` above it, or
/// the working directory. A path that lies in none of these brings its own folder.
pub(crate) fn roots(input: &Input) -> Result<ImportRoots, Failure> {
    if !input.roots.is_empty() {
        return ImportRoots::new(&input.roots).map_err(Failure::of);
    }
    let mut roots = ImportRoots::new::<&Path>([]).map_err(Failure::of)?;
    for path in &input.paths {
        let folder = folder(path)?;
        let configured = match nearest(&folder)? {
            Some(found) => found.roots()?,
            None => own_folder(),
        };
        for root in configured {
            roots.add(&root).map_err(Failure::of)?;
        }
    }
    for path in &input.paths {
        if !roots.contain(path).map_err(Failure::of)? {
            roots.add(&folder(path)?).map_err(Failure::of)?;
        }
    }
    Ok(roots)
}

/// The path itself, or the folder that the file lies in.
fn folder(path: &Path) -> Result<PathBuf, Failure> {
    let metadata =
        fs::metadata(path).map_err(|error| Failure(format!("{}: {error}", shown(path))))?;
    let folder = match path.parent() {
        Some(parent) if !metadata.is_dir() => parent,
        _ => path,
    };
    Ok(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_owned()
    })
}

/// The nearest `callsheet.toml` at or above `folder`.
fn nearest(folder: &Path) -> Result<Option<Found>, Failure> {
    let start =
        fs::canonicalize(folder).map_err(|error| Failure(format!("{}: {error}", shown(folder))))?;
    for folder in start.ancestors() {
        let path = folder.join(FILE);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= MAX_BYTES => {
                let project = read(&path)?;
                return Ok(Some(Found {
                    path,
                    folder: folder.to_owned(),
                    project,
                }));
            }
            Ok(_) => {
                return Err(Failure(format!(
                    "{}: not a regular file of at most {MAX_BYTES} bytes",
                    shown(&path)
                )));
            }
            Err(_) => {}
        }
    }
    Ok(None)
}

impl Found {
    /// Its import roots, as they are reached from here.
    fn roots(&self) -> Result<Vec<PathBuf>, Failure> {
        let here = fs::canonicalize(".").map_err(|error| Failure(format!(".: {error}")))?;
        let from_here = |root: &PathBuf| {
            let root = self.folder.join(root);
            // One that is not there is named as it was written.
            fs::canonicalize(&root).map_or(root, |real| between(&here, &real))
        };
        Ok(self.project.roots.iter().map(from_here).collect())
    }
}

/// The way from one folder to another, both without links: `../idl`.
fn between(from: &Path, to: &Path) -> PathBuf {
    for (steps, above) in from.ancestors().enumerate() {
        if let Ok(rest) = to.strip_prefix(above) {
            let up = std::iter::repeat_n(Path::new(".."), steps);
            let way: PathBuf = up.chain([rest]).collect();
            return if way.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                way
            };
        }
    }
    to.to_owned()
}

fn read(path: &Path) -> Result<Project, Failure> {
    let text =
        fs::read_to_string(path).map_err(|error| Failure(format!("{}: {error}", shown(path))))?;
    toml::from_str(&text)
        .map_err(|error| Failure(format!("{}: {}", shown(path), error.to_string().trim_end())))
}

/// A path as a terminal may show it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
