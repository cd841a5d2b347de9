//! What a project says of itself in `callsheet.toml`: where imports start, and how much lints count. The command line and
//! build scripts read it alike.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::diagnostic::{Level, Levels};

use super::{Error, ImportRoots};

/// The file that a project describes itself in.
const FILE: &str = "callsheet.toml";

/// A `callsheet.toml` is a few lines; a larger one is something else.
const MAX_BYTES: u64 = 1 << 20;

/// What the file says. It is read without serde's derive, which every build script would wait for.
#[derive(Debug)]
struct Project {
    /// Folders, relative to the file; without them, the folder of the file.
    roots: Vec<PathBuf>,
    /// Levels of lints, by code or for all.
    lints: BTreeMap<String, Setting>,
}

impl<'de> Deserialize<'de> for Project {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Table)
    }
}

/// Reads a [`Project`] from a table.
struct Table;

impl<'de> Visitor<'de> for Table {
    type Value = Project;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the table of a project")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Project, A::Error> {
        let mut project = Project {
            roots: vec![PathBuf::from(".")],
            lints: BTreeMap::new(),
        };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "roots" => project.roots = map.next_value()?,
                "lints" => project.lints = map.next_value()?,
                other => return Err(A::Error::unknown_field(other, &["roots", "lints"])),
            }
        }
        Ok(project)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Allow,
    Warn,
    Deny,
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match String::deserialize(from)?.as_str() {
            "allow" => Ok(Self::Allow),
            "warn" => Ok(Self::Warn),
            "deny" => Ok(Self::Deny),
            other => Err(D::Error::unknown_variant(other, &["allow", "warn", "deny"])),
        }
    }
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
#[derive(Debug)]
struct Found {
    path: PathBuf,
    folder: PathBuf,
    project: Project,
}

/// The projects that some paths belong to: of each path that with the nearest `callsheet.toml` at or above it.
#[derive(Debug)]
pub struct Config {
    /// Per path.
    found: Vec<Option<Found>>,
}

impl Config {
    /// Reads the configuration for `paths`. From a path within `limit` nothing above that folder is looked at.
    ///
    /// # Errors
    /// A path that does not exist; a `callsheet.toml` that cannot be read, or says something that it may not.
    pub fn of<P: AsRef<Path>>(paths: &[P], limit: Option<&Path>) -> Result<Self, Error> {
        let limit = limit.and_then(|limit| fs::canonicalize(limit).ok());
        let found = paths
            .iter()
            .map(|path| nearest(&folder(path.as_ref())?, limit.as_deref()));
        Ok(Self {
            found: found.collect::<Result<_, _>>()?,
        })
    }

    /// The files that were read.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.found
            .iter()
            .flatten()
            .map(|found| found.path.as_path())
    }

    /// The levels of lints.
    ///
    /// # Errors
    /// Projects that disagree, and levels for what is no lint.
    pub fn levels(&self) -> Result<Levels, Error> {
        let mut levels = Levels::default();
        let none = BTreeMap::new();
        let lints = |found: &'_ Option<Found>| -> BTreeMap<String, Setting> {
            found
                .as_ref()
                .map_or_else(|| none.clone(), |found| found.project.lints.clone())
        };
        let Some((first, others)) = self.found.split_first() else {
            return Ok(levels);
        };
        if others.iter().any(|other| lints(other) != lints(first)) {
            return Err(Error::new(
                FILE,
                "the paths belong to projects that give lints different levels: take one project at a time",
            ));
        }
        if let Some(found) = first {
            for (name, setting) in &found.project.lints {
                // In a table that is called `lints`, `lints.lints` would read oddly.
                let name = if name == "all" { Levels::ALL } else { name };
                levels
                    .set(name, (*setting).into())
                    .map_err(|error| Error::new(&found.path, error.to_string()))?;
            }
        }
        Ok(levels)
    }

    /// The import roots of `paths`, for which this was read: those given, if there are any; or else those of the projects,
    /// and `fallback` for a path without one. A path that lies in none of these brings its own folder.
    ///
    /// # Errors
    /// A path that does not exist, a root that is no folder.
    pub fn roots<P: AsRef<Path>>(
        &self,
        paths: &[P],
        given: &[PathBuf],
        fallback: Option<&Path>,
    ) -> Result<ImportRoots, Error> {
        if !given.is_empty() {
            return ImportRoots::new(given);
        }
        let mut roots = ImportRoots::new::<&Path>([])?;
        for found in &self.found {
            match found {
                Some(found) => {
                    for root in found.roots()? {
                        roots.add(&root)?;
                    }
                }
                None => fallback.map_or(Ok(()), |root| roots.add(root))?,
            }
        }
        for path in paths {
            if !roots.contain(path.as_ref())? {
                roots.add(&folder(path.as_ref())?)?;
            }
        }
        Ok(roots)
    }
}

/// The path itself, or the folder that the file lies in.
fn folder(path: &Path) -> Result<PathBuf, Error> {
    let metadata = fs::metadata(path).map_err(Error::at(path))?;
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
fn nearest(folder: &Path, limit: Option<&Path>) -> Result<Option<Found>, Error> {
    let start = fs::canonicalize(folder).map_err(Error::at(folder))?;
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
                let what = format!("not a regular file of at most {MAX_BYTES} bytes");
                return Err(Error::new(path, what));
            }
            Err(_) => {}
        }
        if limit == Some(folder) {
            break;
        }
    }
    Ok(None)
}

impl Found {
    /// Its import roots, as they are reached from here.
    fn roots(&self) -> Result<Vec<PathBuf>, Error> {
        let here = fs::canonicalize(".").map_err(Error::at("."))?;
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

fn read(path: &Path) -> Result<Project, Error> {
    let text = fs::read_to_string(path).map_err(Error::at(path))?;
    basic_toml::from_str(&text).map_err(|error| Error::new(path, error.to_string()))
}
