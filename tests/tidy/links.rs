//! A link from one file of ours to another leads somewhere.

use crate::source::{SourceFile, files, root};
use crate::{Breach, uphold};

#[test]
fn links_between_documents_lead_somewhere() {
    let exists = |path: &str| root().join(path).exists();
    let mut breaches = Vec::new();
    for file in files("", &[".md"]) {
        breaches.extend(breaches_of(&file, &exists));
    }
    uphold("Mend the link, or write what it promises.", breaches);
}

fn breaches_of(file: &SourceFile, exists: &dyn Fn(&str) -> bool) -> Vec<Breach> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut breaches = Vec::new();
    let mut in_code = false;
    for (at, line) in file.text.lines().enumerate() {
        in_code ^= line.starts_with("```");
        for target in line.split("](").skip(1).filter(|_| !in_code) {
            let target = target.split([')', '#', ' ']).next().unwrap_or_default();
            if target.is_empty() || target.contains(':') {
                continue;
            }
            if !exists(&joined(folder, target)) {
                let what = format!("`{target}` is not there");
                breaches.push(Breach::new(&file.path, at + 1, what));
            }
        }
    }
    breaches
}

/// `docs/adr` and `../wire.md` make `docs/wire.md`.
fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn link_to_nowhere_is_found() {
    let check = |path: &str, text: &str, lines: &[usize]| {
        let file = SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let exists = |path: &str| path == "docs/wire.md";
        let breaches = breaches_of(&file, &exists);
        let found: Vec<usize> = breaches.iter().map(|breach| breach.line).collect();
        assert_eq!(found, lines, "{path}: {text}");
    };
    check(
        "README.md",
        "[a](docs/wire.md) [b](https://docs.rs) [c](#here)",
        &[],
    );
    check("docs/adr/1.md", "see [wire](../wire.md#frames)", &[]);
    check("docs/adr/1.md", "\n[a](../wire.md) [b](wire.md)", &[2]);
    check("README.md", "```rpc\n[a](nowhere.md)\n```", &[]);
}
