//! What a run is made of: its settings, and for each scenario a folder and what is kept of its loads.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chaos::Failure;
use tempfile::TempDir;

use crate::record::Record;
use crate::registry::Arena;
use crate::scenario::Scenario;

/// What the command line asks for.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) quick: bool,
    only: Vec<String>,
    on: Vec<Arena>,
    pub(crate) json: Option<PathBuf>,
}

impl Settings {
    /// Those that `options` say, for a choice among `scenarios`.
    pub(crate) fn read(options: &[&str], scenarios: &[Scenario]) -> Result<Self, Failure> {
        let mut settings = Self::default();
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{option} needs a value"));
            match *option {
                "--quick" => settings.quick = true,
                "--only" => {
                    let name = *value()?;
                    if !scenarios.iter().any(|scenario| scenario.name == name) {
                        let names: Vec<_> = scenarios.iter().map(|one| one.name).collect();
                        return Err(format!("no scenario `{name}`: {}", names.join(", ")).into());
                    }
                    settings.only.push(name.to_owned());
                }
                "--on" => settings.on.push(value()?.parse()?),
                "--json" => settings.json = Some(value()?.into()),
                other => return Err(format!("unknown option `{other}`").into()),
            }
        }
        Ok(settings)
    }

    pub(crate) fn wants(&self, scenario: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == scenario)
    }

    pub(crate) fn wants_on(&self, arena: Arena) -> bool {
        self.on.is_empty() || self.on.contains(&arena)
    }
}

/// Whose servers and clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    /// Ours.
    Callsheet,
    /// tonic with its balanced channel over a fixed list.
    Tonic,
    /// Ours with what a scenario is about switched off.
    Bare,
}

impl System {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Callsheet => "callsheet",
            Self::Tonic => "tonic",
            Self::Bare => "without",
        }
    }
}

/// Where one scenario runs once.
pub(crate) struct Stage {
    pub(crate) system: System,
    pub(crate) arena: Arena,
    pub(crate) quick: bool,
    folder: TempDir,
    kept: Mutex<Vec<Record>>,
}

impl Stage {
    pub(crate) fn new(system: System, arena: Arena, quick: bool) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("callsheet-chaos-")
            .tempdir()?;
        Ok(Self {
            system,
            arena,
            quick,
            folder,
            kept: Mutex::default(),
        })
    }

    /// A folder that is there as long as the scenario.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program whose processes are servers and loads: built beside this one.
    pub(crate) fn program(&self) -> Result<PathBuf, Failure> {
        let own = std::env::current_exe()?;
        Ok(own.with_file_name(match self.system {
            System::Callsheet | System::Bare => "callsheet-node",
            System::Tonic => "tonic-node",
        }))
    }

    /// `long`, or `short` in a quick run.
    pub(crate) fn pace<T>(&self, long: T, short: T) -> T {
        if self.quick { short } else { long }
    }

    /// Keeps what became of a load for the report.
    pub(crate) fn keep(&self, record: Record) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(record);
    }

    pub(crate) fn into_records(self) -> Vec<Record> {
        self.kept
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
