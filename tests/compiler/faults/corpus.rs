//! Every valid contract that we have: examples, the contracts of the tests, and the good examples of the manual pages.

use std::collections::HashSet;
use std::path::Path;

use callsheet_build::diagnostic::{Code, Levels};
use callsheet_build::driver::{Analysis, analyse};
use callsheet_build::resolve::MemoryLoader;

use super::text::Text;
use crate::pages;

/// One file that is checked, with all that it imports.
pub(crate) struct Unit {
    pub(crate) entry: String,
    /// Every file of its import root.
    pub(crate) loader: MemoryLoader,
    /// Those that the check of the entry reads.
    pub(crate) files: Vec<Text>,
    /// Tokens of all of them.
    pub(crate) tokens: usize,
    /// What is said about them undamaged: lints, by code and message.
    pub(crate) lints: HashSet<(Code, String)>,
}

impl Unit {
    /// `None` where the entry has an error.
    fn new(entry: &str, loader: &MemoryLoader) -> Option<Self> {
        let analysis = check(entry, loader);
        analysis.model.as_ref()?;
        let files = analysis.sources.iter();
        let files: Vec<Text> = files
            .map(|(_, source)| Text::new(&source.import_path, &source.text))
            .filter(|text| !text.tokens.is_empty())
            .collect();
        let lints = analysis.diagnostics.iter();
        Some(Self {
            entry: entry.to_owned(),
            loader: loader.clone(),
            tokens: files.iter().map(|file| file.tokens.len()).sum(),
            files,
            lints: lints
                .map(|lint| (lint.code, lint.message.clone()))
                .collect(),
        })
    }
}

impl Unit {
    /// Every statement of the file at `path` and of what it imports, by file.
    pub(crate) fn imported(&self, path: &str) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut paths = vec![path];
        let mut seen = HashSet::new();
        while let Some(path) = paths.pop() {
            let Some(index) = self.files.iter().position(|file| file.path == path) else {
                continue;
            };
            if !seen.insert(index) {
                continue;
            }
            let file = &self.files[index];
            found.extend((0..file.statements.len()).map(|statement| (index, statement)));
            let imports = file.declarations.iter().filter(|one| one.kind == "import");
            paths.extend(imports.map(|one| file.word(one.tokens.start + 1).trim_matches('"')));
        }
        found
    }
}

pub(crate) fn check(entry: &str, loader: &MemoryLoader) -> Analysis {
    let mut analysis = analyse(&mut loader.clone(), &[entry.to_owned()]);
    analysis.judge(&Levels::default());
    analysis
}

/// All units, in a fixed order.
pub(crate) fn units() -> Vec<Unit> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut units = Vec::new();
    for root in [tests.join("../idl-examples"), tests.join("idl")] {
        let loader = MemoryLoader::new(below(&root));
        for entry in loader.files.keys() {
            units.push(Unit::new(entry, &loader).expect("a valid contract"));
        }
    }
    for (path, text) in below(&tests.join("ui")) {
        // A folder holds one case of several files, which lie in one package.
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let case = below(&tests.join("ui").join(folder));
        let alone = !case.iter().any(|(name, _)| name == "main.rpc");
        let (entry, loader) = if alone {
            let entry = pages::path_of(&text);
            (entry.clone(), MemoryLoader::new([(entry, text)]))
        } else if path.ends_with("main.rpc") {
            let files = case
                .into_iter()
                .map(|(name, text)| (format!("shop/{name}"), text));
            ("shop/main.rpc".to_owned(), MemoryLoader::new(files))
        } else {
            continue;
        };
        units.extend(Unit::new(&entry, &loader));
    }
    for code in Code::ALL {
        let example = pages::example(code.page(), "Good").expect("a good example");
        units.extend(Unit::new(example.entry(), &example.files));
    }
    units
}

/// Every contract below a folder, by its path from there.
pub(crate) fn below(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of contracts") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rpc") {
                let below = path.strip_prefix(root).expect("below the root");
                let text = std::fs::read_to_string(&path).expect("a contract");
                found.push((below.display().to_string(), text));
            }
        }
    }
    found.sort();
    found
}
