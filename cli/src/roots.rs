//! Where imports start.

use std::fs;
use std::path::{Path, PathBuf};

use callsheet_build::host::ImportRoots;
use serde::Deserialize;

use crate::arguments::Input;
use crate::report::Failure;

/// The file that names a project's import roots.
const FILE: &str = "callsheet.toml";

/// A `callsheet.toml` is a few lines; a larger one is something else.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Project {
    /// Folders, relative to the file.
    roots: Vec<PathBuf>,
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
            Some(project) => project,
            None => vec![PathBuf::from(".")],
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

/// The roots that the nearest `callsheet.toml` at or above `folder` names.
fn nearest(folder: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
    let start =
        fs::canonicalize(folder).map_err(|error| Failure(format!("{}: {error}", shown(folder))))?;
    let here = fs::canonicalize(".").map_err(|error| Failure(format!(".: {error}")))?;
    for folder in start.ancestors() {
        let path = folder.join(FILE);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= MAX_BYTES => {
                let project = read(&path)?;
                let from_here = |root: &PathBuf| {
                    let root = folder.join(root);
                    // One that is not there is named as it was written.
                    fs::canonicalize(&root).map_or(root, |real| between(&here, &real))
                };
                return Ok(Some(project.roots.iter().map(from_here).collect()));
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

/// The way from one folder to another, both without links: `../idl`.
fn between(from: &Path, to: &Path) -> PathBuf {
    for (steps, above) in from.ancestors().enumerate() {
        if let Ok(rest) = to.strip_prefix(above) {
            let up = std::iter::repeat_n(Path::new(".."), steps);
            return up.chain([rest]).collect();
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
