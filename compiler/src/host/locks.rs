//! Writing the lock files beside the sources.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::replace::replace;
use super::{Error, ImportRoots};
use crate::surface::Lock;

impl ImportRoots {
    /// Writes the frozen releases of the file that `import_path` names to the lock file beside it, as a whole; without any,
    /// the lock file goes. The answer is the lock file's path.
    ///
    /// # Errors
    /// A source that is gone; what the system refuses.
    pub fn write_lock(&self, import_path: &str, lock: &Lock) -> Result<PathBuf, Error> {
        let Some(place) = self.place(import_path) else {
            return Err(Error::new(import_path, "is gone since it was read"));
        };
        let path = PathBuf::from(format!("{}{}", place.display(), Lock::EXTENSION));
        if lock.releases.is_empty() {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(Error::at(&path)(error))
                }
                _ => Ok(path),
            };
        }
        replace(&path, lock.text().as_bytes(), None).map_err(Error::at(&path))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::driver::analyse;
    use crate::host::DiskLoader;
    use crate::surface::{Surface, freeze};

    const TEXT: &str = "edition 2026;\npackage notes;\nservice Notes { rpc ping(); }\n";

    #[test]
    fn a_lock_is_written_beside_its_source_and_read_with_it() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("notes.rpc"), TEXT).unwrap();
        let roots = ImportRoots::new([folder.path()]).unwrap();
        let look = || {
            let mut loader = DiskLoader::new(roots.clone());
            analyse(&mut loader, &["notes.rpc".to_owned()])
        };
        let model = look().model.unwrap();
        let surface = Surface::of_model(&model);
        let service = &model.files[0].services[0];
        let mut lock = Lock::default();
        assert!(lock.add(freeze(&surface, service, service.releases[0])));
        let path = roots.write_lock("notes.rpc", &lock).unwrap();
        assert!(path.ends_with("notes.rpc.lock"), "{}", path.display());
        assert_eq!(fs::read_to_string(&path).unwrap(), lock.text());

        let again = look();
        assert_eq!(again.diagnostics, []);
        assert_eq!(again.locks["notes.rpc"].text(), lock.text());
        assert!(lock.remove(&service.name, service.releases[0]));
        roots.write_lock("notes.rpc", &lock).unwrap();
        assert!(!path.exists());
    }
}
