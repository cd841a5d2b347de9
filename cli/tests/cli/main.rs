//! The command line as its users meet it: exit statuses, streams, files.

mod breaking;
mod check;
mod config;
mod export;
mod fix;
mod formats;
mod generate;
mod hostile;
mod import;
mod lints;
#[cfg(unix)]
mod plugin;
mod record;
mod registry;
mod release;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A contract without a finding.
const NOTES: &str = "edition 2026;\npackage notes;\n\nmessage Note {\n    text: string = 1;\n}\n\nservice Notes {\n    rpc get(id: uint64 = 1) -> Note;\n}\n";

/// A folder to run the command in.
struct Project(TempDir);

impl Project {
    /// A folder with these files.
    fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(TempDir::new().expect("a temporary folder"));
        for (name, text) in files {
            project.write(name, text);
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_in(".", arguments)
    }

    /// With these variables and no others that say anything about colours.
    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_callsheet"))
            .args(arguments)
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .envs(variables.iter().copied())
            .current_dir(self.path("."))
            .output()
            .expect("the command starts");
        Run(output)
    }

    fn run_in(&self, folder: &str, arguments: &[&str]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_callsheet"))
            .args(arguments)
            .current_dir(self.path(folder))
            .output()
            .expect("the command starts");
        Run(output)
    }
}

/// What a run printed and how it ended.
struct Run(Output);

impl Run {
    fn status(&self) -> i32 {
        self.0.status.code().expect("an exit status, not a signal")
    }

    fn out(&self) -> &str {
        str::from_utf8(&self.0.stdout).expect("UTF-8")
    }

    fn err(&self) -> &str {
        str::from_utf8(&self.0.stderr).expect("UTF-8")
    }

    /// The findings as JSON.
    fn findings(&self) -> Vec<serde_json::Value> {
        self.out()
            .lines()
            .map(|line| serde_json::from_str(line).expect("one JSON object per line"))
            .collect()
    }

    /// The codes of the findings.
    fn codes(&self) -> Vec<String> {
        self.findings()
            .iter()
            .map(|finding| finding["code"].as_str().expect("a code").to_owned())
            .collect()
    }
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    names.sort();
    names
}
