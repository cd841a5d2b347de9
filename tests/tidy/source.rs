//! The files of the workspace: which there are, and what they say.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;

/// The folders that hold code of ours.
pub(crate) const CRATES: [&str; 10] = [
    "benches/chaos",
    "benches/compiler",
    "benches/micro",
    "benches/peers",
    "cli",
    "compiler",
    "runtime",
    "templates",
    "tests",
    "xtask",
];

/// Whether a path is that of a template of generated code: named like Rust, not Rust yet.
pub(crate) fn is_template(path: &str) -> bool {
    path.strip_prefix("templates/")
        .is_some_and(|inside| !inside.starts_with("src/"))
}

/// A file by its path relative to the workspace, with `/`.
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl SourceFile {
    /// Its tokens: comments are gone, documentation is in attributes.
    pub(crate) fn tokens(&self) -> TokenStream {
        tokens(&self.text).unwrap_or_else(|error| panic!("{} is not Rust: {error}", self.path))
    }
}

pub(crate) fn tokens(text: &str) -> Result<TokenStream, proc_macro2::LexError> {
    text.parse()
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// A file's text; panics with its name when it is not there.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files below `folder` whose name ends in one of `endings`, sorted by path.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<SourceFile> {
    let root = root();
    let mut paths = Vec::new();
    collect(&root.join(folder), &mut paths);
    let mut files: Vec<SourceFile> = paths
        .iter()
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            endings.iter().any(|ending| name.ends_with(ending))
        })
        .filter_map(|path| {
            // A file that is not UTF-8 is a test's bad input, which no law is about.
            let text = fs::read_to_string(path).ok()?;
            let path = path.strip_prefix(&root).unwrap();
            let path = path.to_string_lossy().replace('\\', "/");
            Some(SourceFile { path, text })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// Every Rust file of every crate, templates aside.
pub(crate) fn rust_files() -> Vec<SourceFile> {
    let mut all = Vec::new();
    for folder in CRATES {
        all.extend(files(folder, &[".rs"]));
    }
    all.retain(|file| !is_template(&file.path));
    assert!(all.len() > CRATES.len(), "the walk finds no files");
    all
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            let name = entry.file_name();
            if name != "target" && name != ".git" {
                collect(&entry.path(), paths);
            }
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
}
