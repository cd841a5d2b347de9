//! No file names a folder of somebody's machine.

use crate::source::{SourceFile, files};
use crate::{Breach, uphold};

/// Folders that are somebody's. In halves, so that this file has none.
const HOMES: [[&str; 2]; 5] = [
    ["/ho", "me/"],
    ["/ro", "ot/"],
    ["/Us", "ers/"],
    ["/wo", "rk/"],
    ["C:\\Us", "ers\\"],
];

const TEXT: [&str; 9] = [
    ".rs", ".toml", ".md", ".rpc", ".proto", ".snap", ".txt", ".yml", "run",
];

#[test]
fn no_file_names_a_folder_of_a_machine() {
    let mut breaches = Vec::new();
    for file in files("", &TEXT) {
        breaches.extend(breaches_of(&file));
    }
    uphold(
        "Name files relative to the workspace, or ask the system for a temporary folder.",
        breaches,
    );
}

fn breaches_of(file: &SourceFile) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        for home in HOMES.map(|halves| halves.concat()) {
            // Behind a letter or dot it is part of a longer path or of an address.
            let alone = line.match_indices(&home).any(|(start, _)| {
                !line[..start].ends_with(|c: char| c.is_ascii_alphanumeric() || "._-}".contains(c))
            });
            if alone {
                breaches.push(Breach::new(&file.path, at + 1, format!("names {home}")));
            }
        }
    }
    breaches
}

#[test]
fn folder_of_a_machine_is_found() {
    let check = |text: &str, lines: &[usize]| {
        let file = SourceFile {
            path: "a.md".to_owned(),
            text: text.to_owned(),
        };
        let found: Vec<usize> = breaches_of(&file).iter().map(|b| b.line).collect();
        assert_eq!(found, lines, "{text}");
    };
    let [home, ..] = HOMES.map(|halves| halves.concat());
    check(&format!("fine\nsee {home}ada/notes"), &[2]);
    check(&format!("\"{home}ada\""), &[1]);
    check(&format!("https://example.org{home}page.html"), &[]);
    check("a/homely/place", &[]);
}
