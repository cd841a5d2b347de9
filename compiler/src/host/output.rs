//! The output folder: writing generated files, and comparing them with what is there.
//!
//! Only plain names in that one folder are ever written or removed, each file as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::codegen::Files;

use super::Error;
use super::replace::replace;

/// A folder that generated files stand in.
#[derive(Clone, Debug)]
pub struct Output {
    folder: PathBuf,
}

/// What writing did, by name and sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that were new or different.
    pub written: Vec<String>,
    /// Files that were right already and were not touched.
    pub unchanged: Vec<String>,
    /// Files of an earlier generation that were removed.
    pub removed: Vec<String>,
    /// Rust files that nothing generated, and that were left alone.
    pub foreign: Vec<String>,
}

/// How the folder differs from what would be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A file is not there.
    Missing {
        /// Its name.
        name: String,
        /// What it would hold.
        expected: String,
    },
    /// A file holds something else.
    Stale {
        /// Its name.
        name: String,
        /// What it holds.
        found: String,
        /// What it would hold.
        expected: String,
    },
    /// A file of an earlier generation would be removed.
    Orphan {
        /// Its name.
        name: String,
        /// What it holds.
        found: String,
    },
    /// A Rust file that nothing generated stands among those generated; only who wrote it may remove it.
    Foreign {
        /// Its name.
        name: String,
    },
}

impl Output {
    /// This folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the files that are missing or different.
    ///
    /// # Errors
    /// What the system refuses. Files written before that are whole.
    pub fn write(&self, files: &Files) -> Result<Written, Error> {
        fs::create_dir_all(&self.folder).map_err(Error::at(&self.folder))?;
        let mut written = Written::default();
        for (name, text) in &files.0 {
            if self.holds(name, text)? {
                written.unchanged.push(name.clone());
            } else {
                let path = self.folder.join(name);
                replace(&path, text.as_bytes(), None).map_err(Error::at(path))?;
                written.written.push(name.clone());
            }
        }
        Ok(written)
    }

    /// The same, and removes files of an earlier generation that are not among `files`.
    ///
    /// # Errors
    /// As [`Output::write`].
    pub fn synchronize(&self, files: &Files) -> Result<Written, Error> {
        let mut written = self.write(files)?;
        for name in self.others(|name| files.0.contains_key(name))? {
            let path = self.folder.join(&name);
            if is_generated(&path).map_err(Error::at(&path))? {
                fs::remove_file(&path).map_err(Error::at(&path))?;
                written.removed.push(name);
            } else {
                written.foreign.push(name);
            }
        }
        Ok(written)
    }

    /// How the folder differs from what [`Output::synchronize`] would leave; writes nothing.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn compare(&self, files: &Files) -> Result<Vec<Difference>, Error> {
        let mut differences = Vec::new();
        for (name, expected) in &files.0 {
            match self.read(name)? {
                Some(found) if found == expected.as_bytes() => {}
                Some(found) => differences.push(Difference::Stale {
                    name: name.clone(),
                    found: String::from_utf8_lossy(&found).into_owned(),
                    expected: expected.clone(),
                }),
                None => differences.push(Difference::Missing {
                    name: name.clone(),
                    expected: expected.clone(),
                }),
            }
        }
        for name in self.others(|name| files.0.contains_key(name))? {
            let found = self.read(&name)?.unwrap_or_default();
            differences.push(if found.starts_with(Files::HEADER.as_bytes()) {
                Difference::Orphan {
                    name,
                    found: String::from_utf8_lossy(&found).into_owned(),
                }
            } else {
                Difference::Foreign { name }
            });
        }
        Ok(differences)
    }

    fn holds(&self, name: &str, text: &str) -> Result<bool, Error> {
        let mut found = Vec::new();
        Ok(self.read_into(name, &mut found)? && found == text.as_bytes())
    }

    /// What a regular file of the folder holds; a link or pipe in its place holds nothing of ours.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut found = Vec::new();
        Ok(self.read_into(name, &mut found)?.then_some(found))
    }

    /// The same in the place of what `found` holds; the answer is whether there is such a file.
    pub(super) fn read_into(&self, name: &str, found: &mut Vec<u8>) -> Result<bool, Error> {
        found.clear();
        let path = self.folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => File::open(&path)
                .and_then(|mut file| file.read_to_end(found))
                .map(|_| true)
                .map_err(Error::at(&path)),
            Ok(metadata) if metadata.is_dir() => Err(Error::new(
                path,
                "a folder stands where a generated file belongs; remove it",
            )),
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::at(path)(error)),
        }
    }

    /// Names of Rust files in the folder that are not known, sorted.
    pub(super) fn others(&self, known: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::at(&self.folder)(error)),
        };
        let mut others = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::at(&self.folder))?;
            let kind = entry.file_type().map_err(Error::at(entry.path()))?;
            // Our names are ASCII; any other is not ours.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if kind.is_file()
                && Path::new(&name).extension().is_some_and(|end| end == "rs")
                && !known(&name)
            {
                others.push(name);
            }
        }
        others.sort_unstable();
        Ok(others)
    }
}

/// Whether the file starts as generated ones do.
fn is_generated(path: &Path) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?
        .take(Files::HEADER.len() as u64)
        .read_to_end(&mut head)?;
    Ok(head == Files::HEADER.as_bytes())
}
