//! Where the workspace is, and what its members are.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The published crates: package and folder.
pub(crate) const PUBLISHED: [(&str, &str); 4] = [
    ("callsheet-templates", "templates"),
    ("callsheet-build", "compiler"),
    ("callsheet", "runtime"),
    ("callsheet-cli", "cli"),
];

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// `cargo` in the workspace's folder, with nothing to read from.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null());
    command
}

/// Every file below `folder` whose name ends in `ending`, sorted. A folder that is not there has none.
pub(crate) fn files(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    if folder.is_dir() {
        collect(folder, ending, &mut found)
            .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        if entry.file_type()?.is_dir() {
            if name != "target" && name != ".git" {
                collect(&path, ending, found)?;
            }
        } else if name.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    Ok(())
}

/// The program that a line of cargo's messages tells of.
pub(crate) fn executable(message: &str) -> Option<PathBuf> {
    let (_, path) = message.split_once("\"executable\":\"")?;
    let (path, _) = path.split_once('"')?;
    Some(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_is_found_in_the_messages_of_a_build() {
        let built = r#"{"reason":"compiler-artifact","filenames":["/t/peer-a"],"executable":"/t/peer-a","fresh":true}"#;
        assert_eq!(executable(built), Some(PathBuf::from("/t/peer-a")));
        let library = r#"{"reason":"compiler-artifact","filenames":["/t/a.rlib"],"executable":null,"fresh":true}"#;
        assert_eq!(executable(library), None);
    }
}
