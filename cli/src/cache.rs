//! Where the command keeps what only makes it faster.

use std::env;
use std::path::PathBuf;

/// Names the folder; empty for none.
const VARIABLE: &str = "CALLSHEET_CACHE_DIR";

/// The folder of this user's records, if there is one: that of [`VARIABLE`], or else the place that the system has for what
/// can be made again. No folder of a project: what lies there may be anybody's, and a record is believed.
pub(crate) fn folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os(VARIABLE) {
        return (!folder.is_empty()).then(|| PathBuf::from(folder));
    }
    let path = |name: &str| env::var_os(name).map(PathBuf::from);
    let caches = if cfg!(windows) {
        path("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        path("HOME").map(|home| home.join("Library/Caches"))
    } else {
        path("XDG_CACHE_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| path("HOME").map(|home| home.join(".cache")))
    };
    let caches = caches.filter(|folder| folder.is_absolute())?;
    Some(caches.join("callsheet"))
}
