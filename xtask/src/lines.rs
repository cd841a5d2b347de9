//! `cargo xtask lines`: how large each crate is, for release notes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::workspace;

/// Lines that are neither blank nor only a comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    code: usize,
    tests: usize,
}

/// Prints one line per published crate.
pub(crate) fn lines() -> Result<bool, String> {
    println!(
        "{:<22} {:>8} {:>8} {:>8} {:>14}",
        "crate", "files", "code", "tests", "dependencies"
    );
    let root = workspace::root();
    for (package, folder) in workspace::PUBLISHED {
        let mut files = 0;
        let mut total = Count::default();
        for file in workspace::files(&root.join(folder), ".rs")? {
            let count = count(&read(&file)?);
            files += 1;
            total.code += count.code;
            total.tests += count.tests;
        }
        let dependencies = dependencies(package)?;
        println!(
            "{package:<22} {files:>8} {:>8} {:>8} {dependencies:>14}",
            total.code, total.tests
        );
    }
    let mut tests = 0;
    for file in workspace::files(&root.join("tests"), ".rs")? {
        let Count { code, tests: more } = count(&read(&file)?);
        tests += code + more;
    }
    println!("{:<22} {:>8} {:>8} {tests:>8}", "callsheet-tests", "", "");
    Ok(true)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))
}

/// What follows `#[cfg(test)]` with a module of tests at the foot of a file counts as tests.
fn count(text: &str) -> Count {
    let mut count = Count::default();
    let mut in_tests = false;
    let mut lines = text.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        in_tests |= line == "#[cfg(test)]"
            && lines
                .peek()
                .is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if in_tests {
            count.tests += 1;
        } else {
            count.code += 1;
        }
    }
    count
}

/// Every package that a build of `package` with its default features brings along.
fn dependencies(package: &str) -> Result<usize, String> {
    let output = workspace::cargo(&[
        "tree",
        "--package",
        package,
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
    ])
    .output()
    .map_err(|error| format!("cannot run cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let packages: BTreeSet<&str> = text
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty())
        .collect();
    // The first is the package itself.
    Ok(packages.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_blank_lines_are_not_code() {
        let text = "//! Doc.\n\nfn a() {\n    // why\n    b();\n}\n\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
        assert_eq!(count(text), Count { code: 3, tests: 4 });
    }

    #[test]
    fn module_of_tests_elsewhere_does_not_end_the_code() {
        let text = "#[cfg(test)]\nmod tests;\nfn a() {}\n";
        assert_eq!(count(text), Count { code: 3, tests: 0 });
    }
}
