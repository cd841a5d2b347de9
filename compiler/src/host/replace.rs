//! Putting a file in the place of another in one step.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Puts a file that holds `bytes` in its place: whoever reads sees the old one or the new one, each whole. A link there is
/// replaced, not followed.
pub(super) fn replace(
    path: &Path,
    bytes: &[u8],
    permissions: Option<Permissions>,
) -> io::Result<()> {
    let (mut file, passing) = passing(path)?;
    let result = file
        .write_all(bytes)
        .and_then(|()| match permissions {
            Some(permissions) => file.set_permissions(permissions),
            None => Ok(()),
        })
        .and_then(|()| fs::rename(&passing, path));
    if result.is_err() {
        // The first error is the one to tell; what is left is a hidden file that nothing reads.
        let _ = fs::remove_file(&passing);
    }
    result
}

/// A new file beside the one to be replaced. Two runs at once never share one.
fn passing(path: &Path) -> io::Result<(File, PathBuf)> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut attempt = 0_u32;
    loop {
        let passing = folder.join(format!(".{name}.{}.{attempt}.tmp", std::process::id()));
        match File::options().write(true).create_new(true).open(&passing) {
            Ok(file) => return Ok((file, passing)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
