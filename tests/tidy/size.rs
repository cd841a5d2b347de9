//! How long a file may be.

use crate::source::{CRATES, SourceFile, files, is_template};
use crate::{Breach, uphold};

/// Lines that a reader holds in mind, and the most that a file may have.
const WISHED: usize = 400;
const LIMIT: usize = 600;
/// A template longer than this is two.
const TEMPLATE_LIMIT: usize = 120;

#[test]
fn files_are_short() {
    let mut breaches = Vec::new();
    for folder in CRATES {
        for file in files(folder, &[".rs"]) {
            if let Some(note) = note(&file) {
                println!("{note}");
            }
            breaches.extend(breach(&file));
        }
    }
    uphold(
        "Files are short: split this one by what its parts are about, not by size.",
        breaches,
    );
}

fn limit(file: &SourceFile) -> usize {
    if is_template(&file.path) {
        TEMPLATE_LIMIT
    } else {
        LIMIT
    }
}

fn breach(file: &SourceFile) -> Option<Breach> {
    let (lines, limit) = (file.text.lines().count(), limit(file));
    (lines > limit).then(|| {
        Breach::new(
            &file.path,
            0,
            format!("{lines} lines; {limit} is the limit"),
        )
    })
}

fn note(file: &SourceFile) -> Option<String> {
    let lines = file.text.lines().count();
    (lines > WISHED && breach(file).is_none())
        .then(|| format!("note: {} has {lines} lines; {WISHED} are wished", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, lines: usize) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: "line\n".repeat(lines),
        }
    }

    #[test]
    fn long_files_are_noted_and_longer_ones_refused() {
        assert_eq!(note(&file("cli/src/main.rs", WISHED)), None);
        assert!(note(&file("cli/src/main.rs", WISHED + 1)).is_some());
        assert_eq!(breach(&file("cli/src/main.rs", LIMIT)), None);
        assert!(breach(&file("cli/src/main.rs", LIMIT + 1)).is_some());
    }

    #[test]
    fn templates_have_a_limit_of_their_own() {
        let path = "templates/templates/client.rs";
        assert_eq!(breach(&file(path, TEMPLATE_LIMIT)), None);
        assert!(breach(&file(path, TEMPLATE_LIMIT + 1)).is_some());
    }
}
