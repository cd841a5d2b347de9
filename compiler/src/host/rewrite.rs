//! Writing contracts back: the only hand that changes what a user wrote.

use std::fs;

use crate::fix::Change;

use super::replace::replace;
use super::{Error, ImportRoots};

/// What text editors of some systems put before a text.
const MARK: &str = "\u{feff}";

impl ImportRoots {
    /// Writes a change to the file that its import path names, in one step and with the permissions that the file had. A
    /// byte-order mark stays; a symbolic link stays, and what it leads to is changed.
    ///
    /// # Errors
    /// A file that is not as it was when it was read, or read-only; what the system refuses.
    pub fn rewrite(&self, import_path: &str, change: &Change) -> Result<(), Error> {
        let Some(path) = self.real(import_path) else {
            return Err(Error::new(&*change.path, "is gone since it was read"));
        };
        let shown = || Error::at(&*change.path);
        let permissions = fs::metadata(&path).map_err(shown())?.permissions();
        if permissions.readonly() {
            return Err(Error::new(
                &*change.path,
                "is read-only: make it writable, or mend it by hand",
            ));
        }
        let found = fs::read_to_string(&path).map_err(shown())?;
        let (mark, text) = match found.strip_prefix(MARK) {
            Some(text) => (MARK, text),
            None => ("", found.as_str()),
        };
        if text != &*change.before {
            return Err(Error::new(
                &*change.path,
                "was changed by someone else since it was read: run the command again",
            ));
        }
        let text = format!("{mark}{}", change.after);
        replace(&path, text.as_bytes(), Some(permissions)).map_err(shown())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;

    fn change(before: &str, after: &str) -> Change {
        Change {
            path: "a.rpc".into(),
            before: before.into(),
            after: after.into(),
            mended: Vec::new(),
        }
    }

    fn folder(text: &str) -> (TempDir, ImportRoots) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.rpc"), text).unwrap();
        let roots = ImportRoots::new([folder.path()]).unwrap();
        (folder, roots)
    }

    fn read(folder: &TempDir) -> String {
        fs::read_to_string(folder.path().join("a.rpc")).unwrap()
    }

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_byte_order_mark_stays_and_nothing_is_left_over() {
        let (folder, roots) = folder("\u{feff}old");
        roots.rewrite("a.rpc", &change("old", "new")).unwrap();
        assert_eq!(read(&folder), "\u{feff}new");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn a_file_that_is_not_as_it_was_read_is_left_alone() {
        let (folder, roots) = folder("newer");
        let refused = roots.rewrite("a.rpc", &change("old", "new")).unwrap_err();
        assert!(refused.to_string().contains("someone else"), "{refused}");
        assert_eq!(read(&folder), "newer");
        fs::remove_file(folder.path().join("a.rpc")).unwrap();
        let refused = roots.rewrite("a.rpc", &change("old", "new")).unwrap_err();
        assert!(refused.to_string().contains("is gone"), "{refused}");
        assert_eq!(names(folder.path()), 0);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let (folder, roots) = folder("old");
        let path = folder.path().join("a.rpc");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.rpc", folder.path().join("b.rpc")).unwrap();
        roots.rewrite("b.rpc", &change("old", "new")).unwrap();
        assert_eq!(read(&folder), "new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        let link = fs::symlink_metadata(folder.path().join("b.rpc")).unwrap();
        assert!(link.file_type().is_symlink());

        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        let refused = roots.rewrite("a.rpc", &change("new", "x")).unwrap_err();
        assert!(refused.to_string().contains("read-only"), "{refused}");
        assert_eq!(read(&folder), "new");
    }
}
