//! For `build.rs`: compiles contracts into the folder that cargo gives, and tells cargo what that depends on.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::codegen::{Options, Pattern};
use crate::diagnostic::{Level, render};
use crate::driver;

use super::{Config, DiskLoader, Output, Record, Tracing};

/// Starts a build script's compilation.
///
/// ```no_run
/// fn main() -> Result<(), callsheet_build::Error> {
///     callsheet_build::configure()
///         .derive(".shop.orders.Order", "serde::Serialize")
///         .compile(&["idl"])
/// }
/// ```
#[must_use]
pub fn configure() -> Builder {
    Builder::default()
}

/// How a build script compiles: made by [`configure`], ended by [`Builder::compile`].
///
/// A *pattern* names declarations by their full name in the contract: `.` means all; `.shop.orders` all of that package
/// or, if it is a message, it and all in it; `Order` and `Order.customer` every declaration whose name ends so.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    roots: Vec<PathBuf>,
    out_dir: Option<PathBuf>,
    at: Option<String>,
    lints: Vec<(String, Level)>,
    options: Options,
}

impl Builder {
    /// Imports start from this folder; may be given several times. Without any, they start from the roots of the nearest
    /// `callsheet.toml` above each path, no higher than this crate for a path in it, or else from the folders that are
    /// compiled.
    #[must_use]
    pub fn root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.roots.push(folder.into());
        self
    }

    /// Writes to this folder instead of cargo's `OUT_DIR`.
    #[must_use]
    pub fn out_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(folder.into());
        self
    }

    /// Generates every service as it was at this release, `1.0`: of each, the majors that had begun, each at its newest
    /// minor that is not newer.
    #[must_use]
    pub fn at(mut self, release: impl Into<String>) -> Self {
        self.at = Some(release.into());
        self
    }

    /// Does not tell a lint, whatever `callsheet.toml` says: its code, such as `CS0110`, or `lints` for all. A level that is given to a code wins over one
    /// that is given to all; of two that are given to one thing, the later wins.
    #[must_use]
    pub fn allow(self, lint: impl Into<String>) -> Self {
        self.level(lint, Level::Allow)
    }

    /// Makes a lint a warning of cargo, as it is unless another level was given.
    #[must_use]
    pub fn warn(self, lint: impl Into<String>) -> Self {
        self.level(lint, Level::Warn)
    }

    /// Makes a lint an error, which stops the build.
    #[must_use]
    pub fn deny(self, lint: impl Into<String>) -> Self {
        self.level(lint, Level::Deny)
    }

    fn level(mut self, lint: impl Into<String>, level: Level) -> Self {
        self.lints.push((lint.into(), level));
        self
    }

    /// Derives `path` for the messages, enums, errors and oneofs that `pattern` names.
    #[must_use]
    pub fn derive(mut self, pattern: impl Into<String>, path: impl Into<String>) -> Self {
        let entry = (Pattern::new(pattern), path.into());
        self.options.derives.push(entry);
        self
    }

    /// Puts `attribute`, `#[…]`, before the messages, enums, errors and oneofs that `pattern` names, behind what they
    /// derive by [`Builder::derive`].
    #[must_use]
    pub fn attribute(mut self, pattern: impl Into<String>, attribute: impl Into<String>) -> Self {
        let entry = (Pattern::new(pattern), attribute.into());
        self.options.attributes.push(entry);
        self
    }

    /// Puts `attribute`, `#[…]`, before the fields, oneof members and enum values that `pattern` names.
    #[must_use]
    pub fn field_attribute(
        mut self,
        pattern: impl Into<String>,
        attribute: impl Into<String>,
    ) -> Self {
        let entry = (Pattern::new(pattern), attribute.into());
        self.options.field_attributes.push(entry);
        self
    }

    /// Takes a package or type, `.shop.common`, from where another crate has it, `::common_crate::shop::common`, instead
    /// of generating it.
    #[must_use]
    pub fn extern_path(mut self, proto: impl Into<String>, rust: impl Into<String>) -> Self {
        self.options.extern_paths.push((proto.into(), rust.into()));
        self
    }

    /// Compiles files and folders, searched at any depth, and all that they import. Tells cargo to run the build script
    /// again when one of the files read or folders searched changes. Lints become warnings of cargo.
    ///
    /// # Errors
    /// What is wrong with the contracts, as a report; a path that cannot be read or written. `Debug` prints the same as
    /// `Display`, because that is what a build script's `main` prints.
    pub fn compile<P: AsRef<Path>>(self, paths: &[P]) -> Result<(), Error> {
        let cargo_dir = std::env::var_os("OUT_DIR").map(PathBuf::from);
        let run = self.run(paths, cargo_dir.as_deref());
        for line in &run.instructions {
            #[expect(clippy::print_stdout, reason = "cargo reads its instructions there")]
            {
                println!("{line}");
            }
        }
        run.result
    }

    fn run<P: AsRef<Path>>(self, paths: &[P], cargo_dir: Option<&Path>) -> Run {
        let mut watched = BTreeSet::new();
        let mut warnings = Vec::new();
        let result = self.generate(paths, cargo_dir, &mut watched, &mut warnings);
        let watched = watched
            .iter()
            // A line end in the name of a file would begin an instruction of its own.
            .filter(|path| !path.chars().any(char::is_control))
            .map(|path| format!("cargo::rerun-if-changed={path}"));
        Run {
            instructions: watched.chain(warnings).collect(),
            result,
        }
    }

    fn generate<P: AsRef<Path>>(
        self,
        paths: &[P],
        cargo_dir: Option<&Path>,
        watched: &mut BTreeSet<String>,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let out_dir = self
            .out_dir
            .or_else(|| cargo_dir.map(Path::to_owned))
            .ok_or_else(|| {
                Error::of(&"there is no OUT_DIR: compile from a build script, or set `out_dir`")
            })?;
        let mut options = self.options;
        if let Some(at) = &self.at {
            options.at = Some(at.parse().map_err(|error| Error::of(&error))?);
        }
        // What lies above this crate is another's, unless a path leads there.
        let crate_dir = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let config = Config::of(paths, crate_dir.as_deref()).map_err(|error| Error::of(&error))?;
        let mut levels = config.levels().map_err(|error| Error::of(&error))?;
        for (lint, level) in &self.lints {
            levels
                .set(lint, *level)
                .map_err(|error| Error::of(&error))?;
        }
        let roots = config
            .roots(paths, &self.roots, None)
            .map_err(|error| Error::of(&error))?;
        let found = roots.find(paths).map_err(|error| Error::of(&error))?;
        let mut watch = |path: &Path| {
            // Cargo reads one line per path; one that holds a line end cannot be told.
            let path = path.to_string_lossy();
            if !path.contains(['\n', '\r']) {
                watched.insert(path.into_owned());
            }
        };
        config.files().for_each(&mut watch);
        found.folders.iter().for_each(|folder| watch(folder));

        let output = Output::new(out_dir);
        let question = (&roots, &found.entries, &options, &levels);
        // Cargo's folder is this build script's alone.
        let record = || Record::new(cargo_dir?, &output, &question);
        let mut loader = DiskLoader::new(roots.clone());
        if record().is_some_and(|it| it.unchanged(&mut loader, &output, false).is_some()) {
            loader.read().iter().for_each(|file| watch(file));
            return Ok(());
        }

        let mut tracing = Tracing::new(&mut loader);
        let mut analysis = driver::analyse(&mut tracing, &found.entries);
        analysis.judge(&levels);
        let trace = tracing.into_trace();
        loader.read().iter().for_each(|file| watch(file));
        let Some(model) = &analysis.model else {
            return Err(Error(format!(
                "the contracts are not right\n{}",
                render::human(&analysis.diagnostics, &analysis.sources, false)
            )));
        };
        let short = render::short(&analysis.diagnostics, &analysis.sources);
        warnings.extend(short.lines().map(|line| format!("cargo::warning={line}")));
        let files = driver::generate(model, &options).map_err(|error| Error::of(&error))?;
        output.write(&files).map_err(|error| Error::of(&error))?;
        if analysis.diagnostics.is_empty()
            && let Some(record) = record()
        {
            record.keep(trace, &files);
        }
        Ok(())
    }
}

/// What a compilation tells cargo, and how it ended.
struct Run {
    instructions: Vec<String>,
    result: Result<(), Error>,
}

/// Why a build script's compilation failed. Both `Debug` and `Display` print the whole report.
pub struct Error(String);

impl Error {
    fn of(error: &dyn fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use tempfile::TempDir;

    use super::*;

    fn project(files: &[(&str, &str)]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    const MAIN: &str = "edition 2026;\npackage shop.main;\nimport \"shop/common.rpc\";\nmessage Basket { first: common.Item = 1; }\n";
    const COMMON: &str = "edition 2026;\npackage shop.common;\nmessage Item { sku: string = 1; }\n";

    fn run(folder: &TempDir, paths: &[&str]) -> Run {
        let paths: Vec<PathBuf> = paths.iter().map(|path| folder.path().join(path)).collect();
        configure()
            .root(folder.path().join("idl"))
            .out_dir(folder.path().join("out"))
            .run(&paths, Some(&folder.path().join("cargo")))
    }

    /// What is told to cargo, with paths from the project's folder.
    fn told(folder: &TempDir, run: &Run) -> Vec<String> {
        let here = format!("{}/", folder.path().display());
        let told = run.instructions.iter();
        told.map(|line| line.replace(&here, "")).collect()
    }

    #[test]
    fn cargo_watches_exactly_what_was_read_and_searched() {
        let folder = project(&[
            ("idl/shop/main.rpc", MAIN),
            ("idl/shop/common.rpc", COMMON),
            ("idl/other/unused.rpc", COMMON),
        ]);
        let by_file = run(&folder, &["idl/shop/main.rpc"]);
        assert!(by_file.result.is_ok());
        let files = ["idl/shop/common.rpc", "idl/shop/main.rpc"];
        assert_eq!(
            told(&folder, &by_file),
            files.map(|path| format!("cargo::rerun-if-changed={path}"))
        );
        let by_folder = run(&folder, &["idl/shop"]);
        assert_eq!(
            told(&folder, &by_folder),
            ["idl/shop", files[0], files[1]].map(|path| format!("cargo::rerun-if-changed={path}"))
        );
    }

    #[test]
    fn an_output_that_is_right_is_not_written_again() {
        let folder = project(&[("idl/shop/common.rpc", COMMON)]);
        run(&folder, &["idl"]).result.unwrap();
        let path = folder.path().join("out/shop.common.rs");
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        run(&folder, &["idl"]).result.unwrap();
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(modified, SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn a_run_on_what_was_compiled_before_tells_cargo_the_same() {
        let program = fs::read(std::env::current_exe().unwrap()).unwrap();
        let line = "// This line is long, so that there are few.\n";
        let large = COMMON.to_owned() + &line.repeat(program.len() / 40_000);
        let folder = project(&[("idl/shop/common.rpc", &large)]);
        let first = run(&folder, &["idl"]);
        let records = || fs::read_dir(folder.path().join("cargo")).unwrap();
        let record = records().next().unwrap().unwrap().path();
        let file = fs::File::options().write(true).open(&record).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();

        let second = run(&folder, &["idl"]);
        second.result.unwrap();
        assert_eq!(second.instructions, first.instructions);
        let modified = fs::metadata(&record).unwrap().modified().unwrap();
        assert_eq!(modified, SystemTime::UNIX_EPOCH, "nothing was compiled");

        fs::remove_file(folder.path().join("out/shop.common.rs")).unwrap();
        run(&folder, &["idl"]).result.unwrap();
        assert!(folder.path().join("out/shop.common.rs").exists());
    }

    #[test]
    fn a_failure_prints_the_report_and_still_says_what_to_watch() {
        let broken = COMMON.replace("string", "strin");
        let folder = project(&[("idl/shop/common.rpc", &broken)]);
        let run = run(&folder, &["idl/shop/common.rpc"]);
        assert_eq!(told(&folder, &run).len(), 1);
        let error = run.result.unwrap_err();
        let report = format!("{error:?}");
        assert_eq!(report, error.to_string());
        assert!(
            report.contains("there is no type called `strin`"),
            "{report}"
        );
        assert!(report.contains("3 | message Item"), "{report}");
        assert!(!folder.path().join("out").exists());
    }

    #[test]
    fn a_lint_is_one_warning_on_one_line() {
        let folder = project(&[(
            "idl/shop/common.rpc",
            &COMMON.replace("edition 2026;\n", ""),
        )]);
        let run = run(&folder, &["idl"]);
        run.result.unwrap();
        let warnings: Vec<_> = run
            .instructions
            .iter()
            .filter(|line| line.starts_with("cargo::warning="))
            .collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(
            warnings[0].contains("common.rpc:1:1: lint["),
            "{warnings:?}"
        );
    }

    #[test]
    fn a_lint_counts_as_much_as_was_asked_for() {
        let text = COMMON.replace("edition 2026;\n", "");
        let run = |level: fn(Builder) -> Builder| {
            let folder = project(&[("idl/shop/common.rpc", &text)]);
            let builder = configure().out_dir(folder.path().join("out"));
            level(builder).run(&[folder.path().join("idl")], None)
        };
        let warnings = |run: &Run| {
            let lines = run.instructions.iter();
            lines
                .filter(|line| line.starts_with("cargo::warning="))
                .count()
        };
        let allowed = run(|builder| builder.allow("CS0024").deny("lints"));
        assert_eq!((allowed.result.is_ok(), warnings(&allowed)), (true, 0));
        let told = run(|builder| builder.deny("lints").warn("lints"));
        assert_eq!((told.result.is_ok(), warnings(&told)), (true, 1));
        let denied = run(|builder| builder.deny("CS0024")).result.unwrap_err();
        assert!(denied.to_string().contains("error[CS0024]"), "{denied}");
        let refused = run(|builder| builder.allow("CS0130")).result.unwrap_err();
        assert!(refused.to_string().contains("is an error"), "{refused}");
    }

    #[test]
    fn a_project_sets_roots_and_levels_and_is_watched() {
        let folder = project(&[
            (
                "callsheet.toml",
                "roots = [\"idl\"]\n\n[lints]\nall = \"deny\"\n",
            ),
            ("idl/shop/main.rpc", &MAIN.replace("edition 2026;\n", "")),
            ("idl/shop/common.rpc", COMMON),
        ]);
        let run = |builder: Builder| {
            let builder = builder.out_dir(folder.path().join("out"));
            builder.run(&[folder.path().join("idl/shop")], None)
        };
        let denied = run(configure());
        assert!(
            told(&folder, &denied).contains(&"cargo::rerun-if-changed=callsheet.toml".to_owned())
        );
        let denied = denied.result.unwrap_err().to_string();
        assert!(
            denied.contains("error[CS0024]") && !denied.contains("CS0100"),
            "{denied}"
        );
        run(configure().warn("CS0024")).result.unwrap();
    }

    #[test]
    fn folders_that_are_compiled_are_roots_where_none_is_given() {
        let folder = project(&[("idl/shop/main.rpc", MAIN), ("idl/shop/common.rpc", COMMON)]);
        let run = configure()
            .out_dir(folder.path().join("out"))
            .run(&[folder.path().join("idl")], None);
        run.result.unwrap();
        assert!(folder.path().join("out/shop.main.rs").exists());
    }

    #[test]
    fn a_release_that_is_none_is_told() {
        let folder = project(&[("idl/shop/common.rpc", COMMON)]);
        let error = configure()
            .at("one")
            .out_dir(folder.path().join("out"))
            .run(&[folder.path().join("idl")], None)
            .result
            .unwrap_err();
        assert_eq!(error.to_string(), "`one` is no release: write `1.1`");
    }
}
