//! The registries that scenarios run on, each a real one.

use std::fmt;
use std::str::FromStr;

use chaos::Failure;
use tempfile::TempDir;

/// A kind of registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arena {
    /// None: servers are known by their addresses.
    List,
    /// A directory.
    File,
}

impl Arena {
    const ALL: [Self; 2] = [Self::List, Self::File];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::File => "file",
        }
    }
}

impl fmt::Display for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Arena {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|arena| arena.name() == name);
        known.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|arena| arena.name()).collect();
            format!("no registry `{name}`: {}", names.join(", "))
        })
    }
}

/// One that runs.
pub(crate) enum Registry {
    List,
    File(TempDir),
}

impl Registry {
    pub(crate) fn start(arena: Arena) -> Result<Self, Failure> {
        Ok(match arena {
            Arena::List => Self::List,
            Arena::File => Self::File(tempfile::tempdir()?),
        })
    }

    /// What `registry::connect` takes; none where there is no registry.
    pub(crate) fn address(&self) -> Option<String> {
        match self {
            Self::List => None,
            Self::File(folder) => Some(format!("file:{}", folder.path().display())),
        }
    }
}
