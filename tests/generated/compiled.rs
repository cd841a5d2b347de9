//! Whatever the checker takes compiles without a warning, in every edition that users have.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;

use callsheet_build::codegen::Options;
use callsheet_build::driver::{self, Analysis};

use crate::random::contract;
use crate::rustc::{self, Tool};

/// What became of the contracts of some seeds.
#[derive(Default)]
struct Tally {
    /// Taken as they were made.
    accepted: usize,
    /// Taken once what was refused had been taken away.
    shaved: usize,
    /// Why the rest, and what was shaved, was refused, by code.
    refused: BTreeMap<&'static str, usize>,
    /// How many there are.
    count: usize,
    /// The seeds whose text stands in the folder.
    seeds: Vec<u64>,
    /// What compilers say, by seed.
    found: BTreeMap<u64, String>,
}

impl Tally {
    /// Generates the contracts of `seeds` below `folder`, one module each.
    fn generate(seeds: impl Iterator<Item = u64>, folder: &Path) -> Self {
        let mut tally = Self::default();
        for seed in seeds {
            let mut tree = contract(seed);
            let mut analysis = tree.analyse();
            tally.count += 1;
            if analysis.model.is_some() {
                tally.accepted += 1;
            } else {
                tally.refusals(seed, &analysis);
                if !tree.shave() {
                    continue;
                }
                tally.shaved += 1;
                analysis = tree.analyse();
            }
            let model = analysis.model.expect("a contract without errors");
            // Every third as it was at one of its releases.
            let services = model.files.iter().flat_map(|file| &file.services);
            let releases: Vec<_> = services.flat_map(|service| &service.releases).collect();
            let options = Options {
                at: (seed % 3 == 1)
                    .then(|| releases.first().map(|release| **release))
                    .flatten(),
                ..Options::default()
            };
            let files = driver::generate(&model, &options).expect("a listed release");
            let folder = folder.join(format!("s{seed}"));
            std::fs::create_dir_all(&folder).expect("a folder");
            for (name, text) in files.0 {
                std::fs::write(folder.join(name), text).expect("a generated file");
            }
            for (path, text) in tree.files() {
                let path = folder.join("contract").join(path);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                std::fs::write(path, text).expect("a contract");
            }
            tally.seeds.push(seed);
        }
        tally
    }

    /// Counts why a contract is refused; a refusal without a reason is a fault of its own.
    fn refusals(&mut self, seed: u64, analysis: &Analysis) {
        let errors = analysis.diagnostics.iter().filter(|one| one.is_error());
        let mut count = 0;
        for error in errors {
            let code = error.code.as_str();
            assert!(
                code >= "CS0100" && error.help.is_some() && !error.message.is_empty(),
                "seed {seed}: {error:?}"
            );
            *self.refused.entry(code).or_default() += 1;
            count += 1;
        }
        assert!(count > 0, "seed {seed}: refused without a reason");
    }

    fn add(&mut self, other: Self, found: BTreeMap<u64, String>) {
        self.accepted += other.accepted;
        self.shaved += other.shaved;
        self.count += other.count;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.found.extend(found);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "of {} contracts {} accepted, {} once shaved of what was refused",
            self.count, self.accepted, self.shaved
        )?;
        for (code, count) in &self.refused {
            write!(f, " {code} {count}")?;
        }
        Ok(())
    }
}

/// A crate that holds the contracts of `seeds` as a program of its own would: as a tree of modules, and where there is one
/// package, alone as well. Nothing is used of it.
fn root(seeds: &[u64], folder: &Path) -> String {
    let mut root = String::from("//! Generated contracts.\n");
    for seed in seeds {
        let folder = folder.join(format!("s{seed}"));
        let packages: Vec<String> = std::fs::read_dir(&folder)
            .expect("a folder")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.strip_suffix(".rs").is_some_and(|stem| stem != "mod"))
            .collect();
        let _ = writeln!(root, "mod s{seed} {{ include!(\"s{seed}/mod.rs\"); }}");
        if seed % 4 == 0
            && let [package] = &packages[..]
        {
            let _ = writeln!(
                root,
                "mod alone{seed} {{ include!(\"s{seed}/{package}\"); }}"
            );
        }
    }
    root
}

/// Compiles the contracts of `seeds` below `folder`; what is said of them, by seed.
fn compile(tool: Tool, edition: &str, seeds: &[u64], folder: &Path) -> BTreeMap<u64, String> {
    let mut left = seeds.to_vec();
    let mut all: BTreeMap<u64, String> = BTreeMap::new();
    // Lints run only once there is no error, so what has one is taken out, and the rest compiled again.
    loop {
        let file = folder.join(format!("lib{edition}.rs"));
        std::fs::write(&file, root(&left, folder)).expect("the root of the crate");
        let output = rustc::run(tool, edition, &file, folder, &["--error-format=short"]);
        let said = rustc::said(&output);
        let found = by_seed(&said);
        if output.status.success() && said.is_empty() {
            return all;
        }
        assert!(!found.is_empty(), "no seed is to blame:\n{said}");
        let guilty: BTreeSet<u64> = found.keys().copied().collect();
        left.retain(|seed| !guilty.contains(seed));
        all.extend(found);
        if output.status.success() {
            return all;
        }
    }
}

/// Lines of a compiler's output by the seed whose file they name.
fn by_seed(said: &str) -> BTreeMap<u64, String> {
    let mut found: BTreeMap<u64, String> = BTreeMap::new();
    for line in said.lines() {
        let seed = line
            .split_once(".rs:")
            .and_then(|(path, _)| path.rsplit('/').nth(1))
            .and_then(|folder| folder.strip_prefix('s')?.parse().ok());
        if let Some(seed) = seed {
            let text = found.entry(seed).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }
    found
}

/// How many contracts one crate holds: clippy takes some 20 MB for each.
const BATCH: u64 = 30;

/// Sixty contracts; or as many as one likes, of seeds that nobody has tried, and a third of them by clippy as well:
/// `CALLSHEET_SEEDS=1000..2000 cargo test -p callsheet-tests --test generated -- --nocapture whatever`.
#[test]
fn whatever_is_accepted_compiles_without_a_warning() {
    let mut seeds = 0..2 * BATCH;
    let mut runs = vec![(Tool::Rustc, "2021"), (Tool::Rustc, "2024")];
    if let Ok(asked) = std::env::var("CALLSHEET_SEEDS") {
        let (from, to) = asked.split_once("..").expect("seeds as `1000..2000`");
        seeds = from.parse().expect("a first seed")..to.parse().expect("a seed behind the last");
        runs.push((Tool::Clippy, "2024"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let batches = seeds
        .clone()
        .step_by(usize::try_from(BATCH).expect("a small number"))
        .zip(runs.into_iter().cycle());
    let batches = Mutex::new(batches.collect::<Vec<_>>().into_iter());
    let totals = Mutex::new(Tally::default());
    let work = || {
        loop {
            let next = batches.lock().expect("no panic").next();
            let Some((start, (tool, edition))) = next else {
                return;
            };
            let folder = folder.path().join(start.to_string());
            let tally = Tally::generate(start..seeds.end.min(start + BATCH), &folder);
            let found = compile(tool, edition, &tally.seeds, &folder);
            println!("from {start}: {tally}, {} with findings", found.len());
            std::fs::remove_dir_all(&folder).expect("our own folder");
            totals.lock().expect("no panic").add(tally, found);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let totals = totals.into_inner().expect("no panic");
    let found: Vec<String> = totals
        .found
        .iter()
        .map(|(seed, text)| format!("seed {seed}:\n{text}"))
        .collect();
    assert!(found.is_empty(), "{totals}\n{}", found.join("\n"));
    assert!(
        totals.accepted * 2 >= totals.count,
        "the contracts have become too wild to be of use: {totals}"
    );
}
