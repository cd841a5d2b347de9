//! The layout on disk: where an entry lies, how it is written in one step, how it is read with suspicion.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::super::entry::{Entry, Override, override_key};
use super::super::instance::{MAX_RECORD_BYTES, check_service};
use super::super::{Error, ErrorKind};
use crate::random;

/// Behind the id in the name of an entry.
pub(super) const ENTRY: &str = ".json";

/// At the end of the name of a file that is being written; readers pass over it.
pub(super) const UNFINISHED: &str = ".unfinished";

/// `{root}/services/{service}/{instance}.json`, `{root}/services/{service}/{instance}~.json`, `{root}/config/{document}`
#[derive(Clone, Debug)]
pub(super) struct Store {
    root: PathBuf,
    address: String,
}

/// What a reader found in place of an entry.
#[derive(Debug)]
pub(super) enum Found {
    /// An entry that is what its place says.
    Entry(Entry),
    /// Something that is not believed, and why.
    Bad(String),
    /// Nothing.
    Gone,
}

/// Which file stands at a place, when it was last changed, and how long it is: differs from the last look exactly if
/// somebody wrote. Compared for equality only, so that no two clocks are ever compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Two files that replace each other within one tick of the file system's clock differ in this.
    node: u64,
    changed: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    /// The stamp of what stands at `place`; `None` if nothing does. A link has a stamp of its own.
    pub(super) fn of(place: &Path) -> Option<Self> {
        let metadata = fs::symlink_metadata(place).ok()?;
        #[cfg(unix)]
        let node = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let node = 0;
        Some(Self {
            node,
            changed: metadata.modified().ok(),
            length: metadata.len(),
        })
    }
}

impl Store {
    pub(super) fn new(directory: &Path) -> Result<Self, Error> {
        let address = format!("file:{}", directory.display());
        let root = std::path::absolute(directory).map_err(|error| {
            Error::caused_by(
                ErrorKind::Address,
                &address,
                "name a directory, such as `file:/run/shop`",
                error,
            )
        })?;
        Ok(Self { root, address })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether the directory is there and can be read.
    pub(super) fn check(&self) -> Result<(), Error> {
        fs::read_dir(&self.root)
            .map(drop)
            .map_err(|error| self.unreadable(error))
    }

    /// Where the services lie.
    pub(super) fn services(&self) -> PathBuf {
        self.root.join("services")
    }

    /// Where the instances of a service lie; `None` if it cannot be the name of one.
    pub(super) fn service(&self, service: &str) -> Option<PathBuf> {
        check_service(service).ok()?;
        Some(self.services().join(service))
    }

    /// The services of which an instance has an entry, alive or not, by name.
    pub(super) fn listed_services(&self) -> Result<Vec<String>, Error> {
        let services = match fs::read_dir(self.services()) {
            Ok(services) => services,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return self.check().map(|()| Vec::new());
            }
            Err(error) => return Err(self.unreadable(error)),
        };
        let mut names: Vec<String> = services
            .flatten()
            .filter_map(|service| service.file_name().into_string().ok())
            .filter(|service| self.has_instance(service))
            .collect();
        names.sort();
        Ok(names)
    }

    fn has_instance(&self, service: &str) -> bool {
        let entries = self
            .service(service)
            .and_then(|path| fs::read_dir(path).ok());
        entries.into_iter().flatten().flatten().any(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .ends_with(ENTRY.as_bytes())
                && matches!(self.read(&entry.path()), Found::Entry(Entry::Listed(_)))
        })
    }

    fn place(&self, service: &str, key: &str) -> PathBuf {
        self.services().join(service).join(format!("{key}{ENTRY}"))
    }

    /// Writes an entry in one step: a reader sees what was there before or all of the new, whenever the power fails.
    pub(super) fn write(&self, entry: &Entry) -> Result<(), Error> {
        let mut json = entry
            .to_json()
            .map_err(|error| Error::new(ErrorKind::Record, &self.address, error.to_string()))?;
        json.push(b'\n');
        self.replace(&self.place(entry.service(), &entry.key()), &json)
    }

    /// Puts `content` at `place` in one step.
    pub(super) fn replace(&self, place: &Path, content: &[u8]) -> Result<(), Error> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let unfinished =
            place.with_file_name(format!(".{name}.{:016x}{UNFINISHED}", random::seed()));
        let written = (|| {
            if let Some(directory) = place.parent() {
                fs::create_dir_all(directory)?;
            }
            // `create_new` follows no link that somebody has put there.
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(&unfinished)?;
            file.write_all(content)?;
            file.sync_data()?;
            drop(file);
            fs::rename(&unfinished, place)
        })();
        written.map_err(|error| {
            // What cannot be removed is swept later.
            drop(fs::remove_file(&unfinished));
            self.unwritable(error)
        })
    }

    /// Puts an override in the place of the one before; and clears away those of instances that are there no more.
    pub(super) fn steer(&self, order: &Override) -> Result<(), Error> {
        let entry = Entry::Override(order.clone());
        if order.is_empty() {
            entry
                .to_json()
                .map_err(|error| Error::new(ErrorKind::Record, &self.address, error.to_string()))?;
            self.remove(&self.place(&order.service, &entry.key()))?;
        } else {
            self.write(&entry)?;
        }
        let entries = self
            .service(&order.service)
            .and_then(|directory| fs::read_dir(directory).ok());
        for found in entries.into_iter().flatten().flatten() {
            let place = found.path();
            let Found::Entry(Entry::Override(other)) = self.read(&place) else {
                continue;
            };
            if !self.place(&other.service, &other.id).exists() {
                self.remove(&place)?;
            }
        }
        Ok(())
    }

    /// Removes what operators said of an instance that leaves.
    pub(super) fn forget_override(&self, service: &str, id: &str) -> Result<(), Error> {
        self.remove(&self.place(service, &override_key(id)))
    }

    /// Removes the file at `place`, if there is one.
    pub(super) fn remove(&self, place: &Path) -> Result<(), Error> {
        match fs::remove_file(place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unwritable(error)),
            _ => Ok(()),
        }
    }

    /// Where the documents lie.
    pub(super) fn documents(&self) -> PathBuf {
        self.root.join("config")
    }

    /// Beats for an entry; writes it anew if its file is gone or holds anything else.
    pub(super) fn beat(&self, entry: &Entry) -> Result<(), Error> {
        let place = self.place(entry.service(), &entry.key());
        if !matches!(self.read(&place), Found::Entry(found) if found == *entry) {
            return self.write(entry);
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "any time that differs from the last is a beat; nobody compares it with a clock"
        )]
        let now = SystemTime::now();
        let touched = OpenOptions::new()
            .write(true)
            .open(&place)
            .and_then(|file| file.set_modified(now));
        match touched {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.write(entry),
            Err(error) => Err(self.unwritable(error)),
        }
    }

    /// Reads the entry at `place`, which must be a plain file of modest size that names its own place.
    pub(super) fn read(&self, place: &Path) -> Found {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let bad = |reason: &str| Found::Bad(format!("{}: {reason}", name.escape_debug()));
        let bytes = match read_plain(place, MAX_RECORD_BYTES) {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(reason)) => return bad(&reason),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Found::Gone,
            Err(error) => return bad(&error.to_string()),
        };
        match Entry::from_json(&bytes) {
            Ok(entry) if self.place(entry.service(), &entry.key()) == place => Found::Entry(entry),
            Ok(entry) => bad(&format!(
                "it holds `{}` of `{}`",
                entry.key(),
                entry.service()
            )),
            Err(error) => bad(&error.to_string()),
        }
    }

    /// What a failed read of the directory means to its user.
    pub(super) fn unreadable(&self, error: io::Error) -> Error {
        let root = self.root.display();
        let (kind, advice) = match error.kind() {
            io::ErrorKind::NotFound => (
                ErrorKind::Unavailable,
                format!(
                    "there is no such directory: create it (`mkdir -p {root}`), writable for the servers"
                ),
            ),
            io::ErrorKind::NotADirectory => (
                ErrorKind::Address,
                "it is not a directory: name one".to_owned(),
            ),
            io::ErrorKind::PermissionDenied => (
                ErrorKind::Denied,
                format!("it may not be read: let the user of this process read all below {root}"),
            ),
            _ => (
                ErrorKind::Unavailable,
                format!("it cannot be read: {error}"),
            ),
        };
        self.error(kind, advice, error)
    }

    pub(super) fn unwritable(&self, error: io::Error) -> Error {
        let root = self.root.display();
        let (kind, advice) = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => (
                ErrorKind::Denied,
                format!("no entry can be written: let the user of this process write below {root}"),
            ),
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => (
                ErrorKind::Unavailable,
                format!(
                    "no entry can be written: a file stands below {root} where a directory should"
                ),
            ),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
                ErrorKind::Unavailable,
                "no entry can be written: the file system is full".to_owned(),
            ),
            _ => (
                ErrorKind::Unavailable,
                format!("no entry can be written: {error}"),
            ),
        };
        self.error(kind, advice, error)
    }

    pub(super) fn error(
        &self,
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::caused_by(kind, &self.address, message, source)
    }
}

/// The bytes of a plain file, or why it is none that we read.
pub(super) fn read_plain(place: &Path, limit: usize) -> io::Result<Result<Vec<u8>, String>> {
    let limit = limit as u64;
    let metadata = fs::symlink_metadata(place)?;
    if !metadata.is_file() {
        return Ok(Err("not a plain file".into()));
    }
    if metadata.len() > limit {
        let length = metadata.len();
        return Ok(Err(format!("{length} bytes: the limit is {limit}")));
    }
    let mut bytes = Vec::new();
    // It may have grown since.
    fs::File::open(place)?
        .take(limit + 1)
        .read_to_end(&mut bytes)?;
    Ok(Ok(bytes))
}
