//! The compiler's hands: the only rooms that touch files and the environment.
//!
//! Knows paths, symbolic links and cargo. Decides nothing about contracts: what it reads goes to [`crate::driver`] as text,
//! and what it writes came from there as text.

#[expect(
    clippy::disallowed_methods,
    reason = "the room that talks to cargo reads its environment"
)]
#[cfg_attr(
    test,
    expect(clippy::disallowed_types, reason = "its tests look at files")
)]
pub mod build_script;
#[expect(
    clippy::disallowed_methods,
    reason = "the room that reads a project's configuration"
)]
mod config;
#[expect(clippy::disallowed_methods, reason = "the room that writes lock files")]
mod locks;
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the room that writes files"
)]
mod output;
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the room that keeps records of what was read and written"
)]
mod record;
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the room that writes files"
)]
mod replace;
#[expect(
    clippy::disallowed_methods,
    reason = "the room that writes contracts back"
)]
mod rewrite;
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the room that reads files"
)]
mod roots;
mod trace;
#[cfg(feature = "interchange")]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the room that writes folders of files"
)]
mod tree;

use std::fmt;
use std::io;
use std::path::PathBuf;

pub use config::Config;
pub use output::{Difference, Output, Written};
pub use record::{Record, Unchanged};
pub use roots::{DiskLoader, ImportRoots};
pub use trace::{Trace, Tracing};
#[cfg(feature = "interchange")]
pub use tree::{Tree, holds, write_file};

/// What the system refused, and where.
#[derive(Debug)]
pub struct Error {
    path: PathBuf,
    what: String,
}

impl Error {
    fn new(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            what: what.into(),
        }
    }

    /// For `map_err`: the system's words about `path`.
    fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self {
            path,
            what: error.to_string(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A path is a user's text: no control character of it reaches a terminal.
        let path = self.path.to_string_lossy();
        write!(f, "{}: {}", path.escape_debug(), self.what)
    }
}

impl std::error::Error for Error {}
