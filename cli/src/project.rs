//! What the command line and the project's `callsheet.toml` say together: where imports start, and how much lints count.

use std::path::Path;

use callsheet_build::diagnostic::{Level, Levels};
use callsheet_build::host::{Config, ImportRoots};

use crate::arguments::Input;
use crate::report::Failure;

/// The levels of lints for `input`: those of the `callsheet.toml` above its paths, and over them those given.
pub(crate) fn levels(input: &Input) -> Result<Levels, Failure> {
    let config = Config::of(&input.paths, None).map_err(Failure::of)?;
    let mut levels = config.levels().map_err(Failure::of)?;
    for (names, level) in [
        (&input.allow, Level::Allow),
        (&input.warn, Level::Warn),
        (&input.deny, Level::Deny),
    ] {
        for name in names {
            levels.set(name, level).map_err(Failure::of)?;
        }
    }
    Ok(levels)
}

/// The import roots for `input`: those given; or else, for each path, those of the nearest `callsheet.toml` above it, or
/// the working directory. A path that lies in none of these brings its own folder.
pub(crate) fn roots(input: &Input) -> Result<ImportRoots, Failure> {
    let config = Config::of(&input.paths, None).map_err(Failure::of)?;
    config
        .roots(&input.paths, &input.roots, Some(Path::new(".")))
        .map_err(Failure::of)
}

/// A path as a terminal may show it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
