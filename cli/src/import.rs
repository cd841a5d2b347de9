//! `callsheet import`

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use callsheet_build::diagnostic::{Severity, render};
use callsheet_build::driver;
use callsheet_build::host::{Difference, Tree};
use callsheet_build::proto;
use callsheet_build::resolve::MemoryLoader;
use protox::Compiler;

use crate::Outcome;
use crate::arguments::Import;
use crate::outcome;
use crate::project::shown;
use crate::report::{self, Failure};

/// Makes contracts of `.proto` files, and says what has no counterpart.
pub(crate) fn run(import: &Import) -> Result<Outcome, Failure> {
    let mut files = BTreeSet::new();
    for path in &import.paths {
        find(path, 0, &mut files)?;
    }
    if files.is_empty() {
        return Err(Failure("no .proto file was found".to_owned()));
    }
    let here = [PathBuf::from(".")];
    let includes = match &import.proto_paths[..] {
        [] => &here[..],
        given => given,
    };
    let mut compiler = Compiler::new(includes).map_err(|error| told(&error))?;
    compiler.include_imports(true).include_source_info(true);
    let mut broken = 0;
    for path in &files {
        if let Err(error) = compiler.open_file(path) {
            broken += 1;
            report::print(&render::shown(&format!("{}\n", told(&error).0)))?;
        }
    }
    if broken > 0 {
        report::say(&format!(
            "{broken} of {} files cannot be read; nothing was written",
            files.len()
        ));
        return Ok(Outcome::Findings);
    }
    let entries: Vec<String> = compiler
        .files()
        .filter(|file| !file.is_import())
        .map(|file| file.name().to_owned())
        .collect();
    let imported = proto::import(&compiler.file_descriptor_set().file, &entries);
    let mut text = String::new();
    for note in &imported.notes {
        let _ = writeln!(
            text,
            "{}:{}:{}: {}",
            note.file, note.line, note.column, note.what
        );
    }
    report::print(&render::shown(&text))?;
    write(import, &imported)
}

fn write(import: &Import, imported: &proto::Import) -> Result<Outcome, Failure> {
    let output = Tree::new(&import.out);
    if !import.overwrite {
        let differences = output.compare(&imported.texts).map_err(Failure::of)?;
        let stale: Vec<&str> = differences
            .iter()
            .filter_map(|difference| match difference {
                Difference::Stale { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        if !stale.is_empty() {
            for name in &stale {
                report::say(&format!(
                    "{}: is there already and says something else",
                    shown(&import.out.join(name))
                ));
            }
            report::say("nothing was written; write to another folder, or pass `--overwrite`");
            return Ok(Outcome::Findings);
        }
    }
    let written = output.synchronize(&imported.texts).map_err(Failure::of)?;
    outcome::written(&import.out, &written);
    report::say(&match imported.notes.len() {
        0 => "everything came along".to_owned(),
        1 => "1 thing did not come along as it was".to_owned(),
        more => format!("{more} things did not come along as they were"),
    });
    findings(imported)
}

/// Errors in what was made, which names that protobuf allows can cause.
fn findings(imported: &proto::Import) -> Result<Outcome, Failure> {
    let texts = imported.texts.iter();
    let mut loader = MemoryLoader::new(texts.map(|(path, text)| (path.as_str(), text.as_str())));
    let entries: Vec<String> = imported.texts.keys().cloned().collect();
    let mut analysis = driver::analyse(&mut loader, &entries);
    analysis
        .diagnostics
        .retain(|finding| finding.code.severity() == Severity::Error);
    if analysis.diagnostics.is_empty() {
        return Ok(Outcome::Clean);
    }
    report::print(&render::short(&analysis.diagnostics, &analysis.sources))?;
    report::say("the contracts are written and have errors: mend them by hand");
    Ok(Outcome::Findings)
}

/// How deep folders are searched.
const DEPTH: usize = 80;

/// A `.proto` file, or all in a folder; links in folders are not followed.
fn find(path: &Path, depth: usize, files: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    let refused = |error| Failure(format!("{}: {error}", shown(path)));
    let metadata = fs::metadata(path).map_err(refused)?;
    if !metadata.is_dir() {
        files.insert(path.to_owned());
        return Ok(());
    }
    if depth > DEPTH {
        return Err(Failure(format!(
            "{}: more than {DEPTH} folders deep",
            shown(path)
        )));
    }
    for entry in fs::read_dir(path).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        let kind = entry.file_type().map_err(refused)?;
        let inner = entry.path();
        if kind.is_dir() || (kind.is_file() && inner.extension().is_some_and(|end| end == "proto"))
        {
            find(&inner, depth + 1, files)?;
        }
    }
    Ok(())
}

/// With the place, which only its debug form has.
fn told(error: &protox::Error) -> Failure {
    Failure(format!("{error:?}"))
}
