//! Import roots: which files may be read, and reading them.
//!
//! Nothing outside the roots is read, whatever a path or a symbolic link says, and nothing but regular files of a bounded
//! size: a pipe would block, a device never end.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use crate::parallel;
use crate::resolve::{LoadError, Loader};
use crate::source::Source;
use crate::surface::Lock;

use super::Error;

/// The folders that imports start from, in the order in which they are searched.
#[derive(Clone, Debug)]
pub struct ImportRoots {
    roots: Vec<Root>,
    /// Where the command runs: paths are shown from here.
    here: PathBuf,
}

#[derive(Clone, Debug)]
struct Root {
    /// As the user knows it.
    shown: PathBuf,
    /// Without symbolic links.
    real: PathBuf,
}

/// Files found below the paths that a user named.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Their import paths, sorted.
    pub(super) entries: Vec<String>,
    /// The folders that were searched, as the user knows them.
    pub(super) folders: BTreeSet<PathBuf>,
}

impl ImportRoots {
    /// These folders.
    ///
    /// # Errors
    /// A path that is no folder.
    pub fn new<P: AsRef<Path>>(roots: impl IntoIterator<Item = P>) -> Result<Self, Error> {
        let here = std::env::current_dir()
            .and_then(fs::canonicalize)
            .map_err(Error::at("."))?;
        let mut all = Self {
            roots: Vec::new(),
            here,
        };
        for root in roots {
            all.add(root.as_ref())?;
        }
        Ok(all)
    }

    /// Adds a folder that is searched last.
    ///
    /// # Errors
    /// A path that is no folder.
    pub fn add(&mut self, root: &Path) -> Result<(), Error> {
        let real = fs::canonicalize(root).map_err(Error::at(root))?;
        if !real.is_dir() {
            return Err(Error::new(root, "an import root must be a folder"));
        }
        if self.roots.iter().all(|known| known.real != real) {
            self.roots.push(Root {
                shown: self.shown(root, &real),
                real,
            });
        }
        Ok(())
    }

    /// Whether the file or folder lies in one of the roots.
    ///
    /// # Errors
    /// A path that does not exist.
    pub fn contain(&self, path: &Path) -> Result<bool, Error> {
        let real = real_place(path)?;
        Ok(self.roots.iter().any(|root| real.starts_with(&root.real)))
    }

    /// The import paths of `paths`: of each file, and of all `.rpc` files in each folder, at any depth.
    ///
    /// # Errors
    /// A path that does not exist, cannot be searched, or lies in no root.
    pub fn entries<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Vec<String>, Error> {
        Ok(self.find(paths)?.entries)
    }

    pub(super) fn find<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut entries = BTreeSet::new();
        for path in paths {
            let path = path.as_ref();
            let is_folder = fs::metadata(path).map_err(Error::at(path))?.is_dir();
            if is_folder {
                let real = fs::canonicalize(path).map_err(Error::at(path))?;
                for file in search(path, &real, &mut found.folders)? {
                    entries.insert(self.import_path(&file.0, &file.1)?);
                }
            } else if path.extension().is_some_and(|end| end == "rpc") {
                entries.insert(self.import_path(path, &real_place(path)?)?);
            } else {
                return Err(Error::new(path, "the name of a contract ends in `.rpc`"));
            }
        }
        found.entries = entries.into_iter().collect();
        Ok(found)
    }

    /// Where the file lies that an import path names, links followed: in its root, as all that is read.
    pub(super) fn real(&self, import_path: &str) -> Option<PathBuf> {
        self.roots.iter().find_map(|root| {
            let real = fs::canonicalize(root.real.join(import_path)).ok()?;
            real.starts_with(&root.real).then_some(real)
        })
    }

    /// Where the file lies that an import path names, as the user knows it.
    pub(super) fn place(&self, import_path: &str) -> Option<PathBuf> {
        let root = self.holder(import_path)?;
        Some(self.shown_in(root, import_path))
    }

    /// The first root that has the file.
    fn holder(&self, import_path: &str) -> Option<&Root> {
        self.roots
            .iter()
            .find(|root| fs::symlink_metadata(root.real.join(import_path)).is_ok())
    }

    /// The roots, without symbolic links.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(|root| &*root.real)
    }

    /// Where a file or folder lies, as an import path: of a folder, what the import paths of its files start with. A folder
    /// in which a root lies has the empty one; one that has nothing to do with any root has none.
    ///
    /// # Errors
    /// A path that does not exist.
    pub fn scope(&self, path: &Path) -> Result<Option<String>, Error> {
        let real = real_place(path)?;
        let below = |rest: &Path| {
            let parts: Vec<_> = rest.iter().map(|part| part.to_string_lossy()).collect();
            parts.join("/")
        };
        let mut scopes = self.roots.iter().filter_map(|root| {
            if root.real.starts_with(&real) {
                return Some(String::new());
            }
            real.strip_prefix(&root.real).ok().map(below)
        });
        Ok(scopes.next())
    }

    /// The path of a file from the innermost root that holds it.
    fn import_path(&self, shown: &Path, real: &Path) -> Result<String, Error> {
        let innermost = self
            .roots
            .iter()
            .filter_map(|root| real.strip_prefix(&root.real).ok())
            .min_by_key(|rest| rest.components().count());
        let Some(rest) = innermost else {
            let roots: Vec<String> = self
                .roots
                .iter()
                .map(|root| format!("`{}`", display(&root.shown)))
                .collect();
            return Err(Error::new(
                shown,
                format!(
                    "lies in no import root; name its root with `--root` (the roots are {})",
                    roots.join(", ")
                ),
            ));
        };
        self.not_hidden(shown, real, rest)?;
        let parts: Option<Vec<&str>> = rest
            .components()
            .map(|part| match part {
                Component::Normal(part) => part.to_str(),
                _ => None,
            })
            .collect();
        match parts {
            Some(parts) => Ok(parts.join("/")),
            None => Err(Error::new(shown, "its name is not UTF-8")),
        }
    }

    /// Refuses a file of which an earlier root has a namesake: its import path would read that one.
    fn not_hidden(&self, shown: &Path, real: &Path, rest: &Path) -> Result<(), Error> {
        let found = self.roots.iter().find_map(|root| {
            let place = root.real.join(rest);
            fs::symlink_metadata(&place)
                .is_ok()
                .then_some((root, place))
        });
        match found {
            Some((root, place)) if place != real => Err(Error::new(
                shown,
                format!(
                    "`{}` hides it: name its root before `{}`",
                    display(&root.shown.join(rest)),
                    display(&root.shown)
                ),
            )),
            _ => Ok(()),
        }
    }

    /// A file of a root as it is shown.
    fn shown_in(&self, root: &Root, import_path: &str) -> PathBuf {
        // A root may lie above the folder in which the command runs, and the file in it.
        match root.real.join(import_path).strip_prefix(&self.here) {
            Ok(rest) => rest.to_owned(),
            Err(_) => root.shown.join(import_path),
        }
    }

    /// A path as it is shown: from where the command runs, if it lies there.
    fn shown(&self, path: &Path, real: &Path) -> PathBuf {
        match real.strip_prefix(&self.here) {
            Ok(rest) => rest.to_owned(),
            Err(_) => path.to_owned(),
        }
    }
}

/// Where a file is, with its folder's symbolic links followed but not its own: that one is judged when it is read.
fn real_place(path: &Path) -> Result<PathBuf, Error> {
    fs::symlink_metadata(path).map_err(Error::at(path))?;
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            let parent = fs::canonicalize(parent).map_err(Error::at(path))?;
            Ok(parent.join(name))
        }
        _ => fs::canonicalize(path).map_err(Error::at(path)),
    }
}

/// The `.rpc` files below a folder: as shown, and where they are. Hidden folders and links to folders are not entered.
fn search(
    shown: &Path,
    real: &Path,
    folders: &mut BTreeSet<PathBuf>,
) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
    let mut files = Vec::new();
    let mut open = vec![(shown.to_owned(), real.to_owned())];
    while let Some((shown, real)) = open.pop() {
        folders.insert(shown.clone());
        for entry in fs::read_dir(&real).map_err(Error::at(&shown))? {
            let entry = entry.map_err(Error::at(&shown))?;
            let name = entry.file_name();
            let place = (shown.join(&name), real.join(&name));
            let kind = entry.file_type().map_err(Error::at(&place.0))?;
            if kind.is_dir() {
                if !name.as_encoded_bytes().starts_with(b".") {
                    open.push(place);
                }
            } else if place.1.extension().is_some_and(|end| end == "rpc") {
                files.push(place);
            }
        }
    }
    Ok(files)
}

/// Reads files from import roots.
#[derive(Clone, Debug)]
pub struct DiskLoader {
    roots: ImportRoots,
    read: BTreeSet<PathBuf>,
}

impl DiskLoader {
    /// Reads from these roots.
    pub fn new(roots: ImportRoots) -> Self {
        Self {
            roots,
            read: BTreeSet::new(),
        }
    }

    /// Every file that was read or refused so far, as the user knows it.
    pub fn read(&self) -> &BTreeSet<PathBuf> {
        &self.read
    }
}

/// What came of a path, and the file that was read or refused for it, as the user knows it.
type Answer<T> = (Option<PathBuf>, Result<T, LoadError>);

impl ImportRoots {
    fn load(&self, import_path: &str) -> Answer<Source> {
        for root in &self.roots {
            let real = match fs::canonicalize(root.real.join(import_path)) {
                Ok(real) => real,
                Err(error) if is_absent(&error) => continue,
                Err(error) => return (None, Err(unreadable(&error))),
            };
            return self.read(root, import_path, &real);
        }
        let searched = self.roots.iter().map(|root| display(&root.shown));
        let searched = searched.collect();
        (None, Err(LoadError::NotFound { searched }))
    }

    fn lock(&self, import_path: &str) -> Answer<Option<Source>> {
        // It lies beside the file, so in the first root that has the file.
        let Some(root) = self.holder(import_path) else {
            return (None, Ok(None));
        };
        let path = format!("{import_path}{}", Lock::EXTENSION);
        match fs::canonicalize(root.real.join(&path)) {
            Ok(real) => {
                let (shown, source) = self.read(root, &path, &real);
                (shown, source.map(Some))
            }
            Err(error) if is_absent(&error) => (None, Ok(None)),
            Err(error) => (None, Err(unreadable(&error))),
        }
    }

    fn read(&self, root: &Root, import_path: &str, real: &Path) -> Answer<Source> {
        let shown = self.shown_in(root, import_path);
        let source = if real.starts_with(&root.real) {
            read(real).map(|text| Source {
                path: display(&shown).into(),
                import_path: import_path.into(),
                text: text.into(),
            })
        } else {
            Err(LoadError::OutsideRoots {
                root: display(&root.shown),
            })
        };
        (Some(shown), source)
    }
}

impl DiskLoader {
    /// Notes what was read or refused.
    fn note<T>(&mut self, (file, found): Answer<T>) -> Result<T, LoadError> {
        self.read.extend(file);
        found
    }
}

impl Loader for DiskLoader {
    fn load(&mut self, import_path: &str) -> Result<Source, LoadError> {
        let answer = self.roots.load(import_path);
        self.note(answer)
    }

    fn load_all(&mut self, import_paths: &[&str]) -> Vec<Result<Source, LoadError>> {
        let answers = parallel::map(import_paths, |path| self.roots.load(path));
        let noted = answers.into_iter().map(|answer| self.note(answer));
        noted.collect()
    }

    fn lock(&mut self, import_path: &str) -> Result<Option<Source>, LoadError> {
        let answer = self.roots.lock(import_path);
        self.note(answer)
    }

    fn lock_all(&mut self, import_paths: &[&str]) -> Vec<Result<Option<Source>, LoadError>> {
        let answers = parallel::map(import_paths, |path| self.roots.lock(path));
        let noted = answers.into_iter().map(|answer| self.note(answer));
        noted.collect()
    }

    fn shown(&self, import_path: &str) -> String {
        self.roots
            .roots
            .iter()
            .find(|root| fs::symlink_metadata(root.real.join(import_path)).is_ok())
            .map_or_else(
                || import_path.to_owned(),
                |root| display(&root.shown.join(import_path)),
            )
    }

    fn list(&mut self) -> Vec<String> {
        let mut all = BTreeSet::new();
        for root in &self.roots.roots {
            // A folder that cannot be searched only means fewer suggestions.
            let files = search(&root.shown, &root.real, &mut BTreeSet::new()).unwrap_or_default();
            all.extend(
                files
                    .iter()
                    .filter_map(|(shown, real)| self.roots.import_path(shown, real).ok()),
            );
        }
        all.into_iter().collect()
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn unreadable(error: &io::Error) -> LoadError {
    LoadError::Unreadable {
        reason: error.to_string(),
    }
}

/// The text of a regular file. Its kind and size are looked at before it is opened and again behind that, since the
/// name may lead elsewhere by then.
fn read(path: &Path) -> Result<String, LoadError> {
    judge(&fs::metadata(path).map_err(|error| unreadable(&error))?)?;
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    judge(&metadata)?;
    let size = usize::try_from(metadata.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(size + 1);
    file.take(Source::MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() > Source::MAX_BYTES {
        return Err(LoadError::TooLarge {
            bytes: bytes.len() as u64,
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| LoadError::NotUtf8 {
        offset: error.utf8_error().valid_up_to(),
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

fn judge(metadata: &Metadata) -> Result<(), LoadError> {
    if !metadata.is_file() {
        return Err(LoadError::NotRegular {
            what: kind(metadata).to_owned(),
        });
    }
    if metadata.len() > Source::MAX_BYTES as u64 {
        return Err(LoadError::TooLarge {
            bytes: metadata.len(),
        });
    }
    Ok(())
}

#[cfg(unix)]
fn kind(metadata: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;

    let kind = metadata.file_type();
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(metadata: &Metadata) -> &'static str {
    if metadata.is_dir() {
        "a folder"
    } else {
        "a device"
    }
}

/// A path as text, with `/`; the folder itself is `.`.
fn display(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.is_empty() {
        ".".to_owned()
    } else if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    }
}
