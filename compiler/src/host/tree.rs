//! A folder of generated files at any depth, beside files of others.
//!
//! No file outside the folder is ever written or removed, whatever a name or a link says; each is written as a whole or
//! not at all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::{Difference, Error, Written};

/// How far into a file its mark is looked for: it stands in the first lines.
const HEAD: u64 = 256;

/// How deep folders are searched for files of an earlier run, as deep as a package can be.
const DEPTH: usize = 80;

/// A folder that generated files stand in, by paths with `/`.
#[derive(Clone, Debug)]
pub struct Tree {
    folder: PathBuf,
    /// The end of the files' names, and what stands in the head of each: together they tell whose files these are.
    ours: Option<(String, String)>,
}

impl Tree {
    /// This folder, which need not exist yet. No file in it is known to be of an earlier run.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            ours: None,
        }
    }

    /// Takes files whose names end in `.ending`, and that have `mark` in their first lines, for those of an earlier run.
    pub fn ours(mut self, ending: &str, mark: &str) -> Self {
        self.ours = Some((ending.to_owned(), mark.to_owned()));
        self
    }

    /// Writes the files that are missing or different, and removes those of an earlier run that are not among them.
    ///
    /// # Errors
    /// A path that leads out of the folder; what the system refuses. Files written before that are whole.
    pub fn synchronize(&self, files: &BTreeMap<String, String>) -> Result<Written, Error> {
        self.accept(files)?;
        fs::create_dir_all(&self.folder).map_err(Error::at(&self.folder))?;
        let mut written = Written::default();
        for (name, text) in files {
            if self
                .read(name)?
                .is_some_and(|found| found == text.as_bytes())
            {
                written.unchanged.push(name.clone());
            } else {
                self.replace(name, text)?;
                written.written.push(name.clone());
            }
        }
        for name in self.others(files)? {
            let path = self.folder.join(&name);
            fs::remove_file(&path).map_err(Error::at(&path))?;
            self.remove_empty(&name);
            written.removed.push(name);
        }
        Ok(written)
    }

    /// How the folder differs from what [`Tree::synchronize`] would leave; writes nothing.
    ///
    /// # Errors
    /// As there.
    pub fn compare(&self, files: &BTreeMap<String, String>) -> Result<Vec<Difference>, Error> {
        self.accept(files)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let mut differences = Vec::new();
        for (name, expected) in files {
            let (name, expected) = (name.clone(), expected.clone());
            match self.read(&name)? {
                Some(found) if found == expected.as_bytes() => {}
                Some(found) => differences.push(Difference::Stale {
                    name,
                    found: text(found),
                    expected,
                }),
                None => differences.push(Difference::Missing { name, expected }),
            }
        }
        for name in self.others(files)? {
            let found = text(self.read(&name)?.unwrap_or_default());
            differences.push(Difference::Orphan { name, found });
        }
        Ok(differences)
    }

    /// Refuses names that are not plain, and two that a file system may take for one.
    fn accept(&self, files: &BTreeMap<String, String>) -> Result<(), Error> {
        for name in files.keys() {
            let plain = |part: &str| {
                !matches!(part, "" | "." | "..")
                    && !part.contains(['\\', ':'])
                    && !part.chars().any(char::is_control)
            };
            if !name.split('/').all(plain) {
                return Err(Error::new(
                    name,
                    "not a plain path within the output folder; nothing was written",
                ));
            }
            let folders = name.match_indices('/').map(|(end, _)| &name[..end]);
            for folder in folders {
                if files.contains_key(folder) {
                    return Err(Error::new(
                        folder,
                        "both a file and a folder; nothing was written",
                    ));
                }
                self.no_link(folder)?;
            }
        }
        Ok(())
    }

    /// A link within the folder might lead out of it.
    fn no_link(&self, folder: &str) -> Result<(), Error> {
        let path = self.folder.join(folder);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(Error::new(
                path,
                "no folder, or a link to one; files are written into real folders only",
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::at(path)(error)),
        }
    }

    /// What a regular file of the folder holds; a link or pipe in its place holds nothing of ours.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.folder.join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => {
                fs::read(&path).map(Some).map_err(Error::at(&path))
            }
            Ok(metadata) if metadata.is_dir() => Err(Error::new(
                path,
                "a folder stands where a generated file belongs; remove it",
            )),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::at(path)(error)),
        }
    }

    /// Puts a file in its place in one step. A link there is replaced, not followed.
    fn replace(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.folder.join(name);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(parent).map_err(Error::at(parent))?;
        put(&path, text.as_bytes())
    }

    /// Files of an earlier run that are not among `files`, sorted.
    fn others(&self, files: &BTreeMap<String, String>) -> Result<Vec<String>, Error> {
        let mut others = Vec::new();
        if let Some((ending, mark)) = &self.ours {
            let mut open = vec![(String::new(), 0)];
            while let Some((folder, depth)) = open.pop() {
                let path = self.folder.join(&folder);
                let entries = match fs::read_dir(&path) {
                    Ok(entries) => entries,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(Error::at(path)(error)),
                };
                for entry in entries {
                    let entry = entry.map_err(Error::at(&path))?;
                    let kind = entry.file_type().map_err(Error::at(entry.path()))?;
                    // Our names are UTF-8; any other is not ours.
                    let Ok(name) = entry.file_name().into_string() else {
                        continue;
                    };
                    let ours = Path::new(&name)
                        .extension()
                        .is_some_and(|end| end == &**ending);
                    let name = format!("{folder}{name}");
                    if kind.is_dir() && depth < DEPTH {
                        open.push((format!("{name}/"), depth + 1));
                    } else if kind.is_file()
                        && ours
                        && !files.contains_key(&name)
                        && has_mark(&entry.path(), mark).map_err(Error::at(entry.path()))?
                    {
                        others.push(name);
                    }
                }
            }
        }
        others.sort_unstable();
        Ok(others)
    }

    /// Removes the folders that a removed file has left empty.
    fn remove_empty(&self, name: &str) {
        let mut folder = name;
        while let Some((outer, _)) = folder.rsplit_once('/') {
            // One that is not empty stays.
            if fs::remove_dir(self.folder.join(outer)).is_err() {
                break;
            }
            folder = outer;
        }
    }
}

/// A new file beside the one to be replaced. Two runs at once never share one.
fn passing(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut attempt = 0_u32;
    loop {
        let passing = path.with_file_name(format!(".{name}.{}.{attempt}.tmp", std::process::id()));
        match File::options().write(true).create_new(true).open(&passing) {
            Ok(file) => return Ok((file, passing)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn has_mark(path: &Path, mark: &str) -> io::Result<bool> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(String::from_utf8_lossy(&head).contains(mark))
}

/// Puts one file in its place in one step, if it does not hold these bytes already; says whether it did. Its folder is
/// made.
///
/// # Errors
/// What the system refuses.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    if holds(path, bytes)? {
        return Ok(false);
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            fs::create_dir_all(parent).map_err(Error::at(parent))?;
        }
        _ => {}
    }
    put(path, bytes)?;
    Ok(true)
}

/// Whether a regular file holds exactly these bytes.
///
/// # Errors
/// What the system refuses.
pub fn holds(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(Error::new(
            path,
            "a folder stands where the file belongs; name a file",
        )),
        Ok(metadata) if metadata.is_file() && metadata.len() == bytes.len() as u64 => {
            fs::read(path)
                .map(|found| found == bytes)
                .map_err(Error::at(path))
        }
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::at(path)(error)),
    }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let (mut file, passing) = passing(path).map_err(Error::at(path))?;
    let result = file
        .write_all(bytes)
        .and_then(|()| fs::rename(&passing, path));
    if result.is_err() {
        // The first error is the one to tell; what is left is a hidden file that nothing reads.
        let _ = fs::remove_file(&passing);
    }
    result.map_err(Error::at(path))
}
