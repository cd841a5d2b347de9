//! A second `gen` on what the first one read and wrote, which stops early and must not show it.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::{Project, Run};

/// A contract that is large enough for a record, in a folder of two roots.
fn project() -> Project {
    let program = fs::read(env!("CARGO_BIN_EXE_callsheet")).expect("the command");
    // Nothing is read faster than a comment.
    let comment = "// This line is long, so that there are few.\n".repeat(program.len() / 40_000);
    let large = format!(
        "edition 2026;\npackage big;\nimport \"base.rpc\";\n{comment}message Big {{ base: base.Base = 1; }}\n"
    );
    let base = "edition 2026;\npackage base;\nmessage Base { text: string = 1; }\nservice S { versions 1.0, 1.1; rpc a(); @added(1.1) rpc b(); }\n";
    let project = Project::new(&[("second/big.rpc", &large), ("second/base.rpc", base)]);
    fs::create_dir(project.path("first")).expect("a folder");
    project
}

fn run(project: &Project, more: &[&str]) -> Run {
    let arguments = [
        "gen", "second", "--root", "first", "--root", "second", "--out", "out",
    ];
    let cache = project.path("cache");
    let cache = cache.to_str().expect("UTF-8");
    project.run_with(
        &[&arguments, more].concat(),
        &[("CALLSHEET_CACHE_DIR", cache)],
    )
}

/// The record, made to look old: a whole run writes it anew.
fn record(project: &Project) -> PathBuf {
    let mut records = fs::read_dir(project.path("cache")).expect("a folder of records");
    let path = records.next().expect("a record").expect("a file").path();
    let file = fs::File::options().write(true).open(&path).expect("a file");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    path
}

fn is_old(record: &PathBuf) -> bool {
    let modified = fs::metadata(record).and_then(|metadata| metadata.modified());
    modified.expect("a time") == SystemTime::UNIX_EPOCH
}

#[test]
fn what_an_early_end_prints_is_what_a_whole_run_prints() {
    for format in ["human", "json", "sarif"] {
        let project = project();
        let format = ["--format", format];
        let check = [format[0], format[1], "--check"];
        assert_eq!(run(&project, &format).status(), 0);
        let whole = project.run(&[
            "gen", "second", "--root", "first", "--root", "second", "--out", "out", "--check",
            format[0], format[1],
        ]);
        let record = record(&project);
        let early = run(&project, &check);
        assert!(is_old(&record), "{format:?}");
        assert_eq!(early.status(), 0);
        assert_eq!((early.out(), early.err()), (whole.out(), whole.err()));
        let early = run(&project, &format);
        assert!(is_old(&record), "{format:?}");
        assert!(
            early.err().ends_with("0 written, 3 unchanged, 0 removed\n"),
            "{}",
            early.err()
        );
    }
}

#[test]
fn a_new_file_that_an_earlier_root_has_is_found() {
    let project = project();
    run(&project, &[]);
    let hidden = run(&project, &["--check"]);
    assert_eq!(hidden.status(), 0);
    project.write(
        "first/base.rpc",
        "edition 2026;\npackage base;\nmessage Base { other: string = 1; }\n",
    );
    let shadowed = run(&project, &["--check"]);
    assert_eq!(shadowed.status(), 2, "{}", shadowed.err());
    assert!(shadowed.err().contains("hides it"), "{}", shadowed.err());
}

#[test]
fn a_new_file_of_the_folder_is_found() {
    let project = project();
    run(&project, &[]);
    project.write(
        "second/deep/new.rpc",
        "edition 2026;\npackage deep.new;\nmessage New {}\n",
    );
    let run = run(&project, &["--check"]);
    assert_eq!(run.status(), 1);
    assert!(
        run.out().contains("missing: out/deep.new.rs"),
        "{}",
        run.err()
    );
}

#[test]
fn an_edit_of_an_imported_file_is_found() {
    let project = project();
    run(&project, &[]);
    let base = project.read("second/base.rpc");
    project.write("second/base.rpc", base.replace("text", "test"));
    let run = run(&project, &["--check"]);
    assert_eq!(run.status(), 1);
    assert!(
        run.out()
            .contains("+    pub test: ::callsheet::codegen::prost::alloc::string::String,"),
        "{}",
        run.err()
    );
}

#[test]
fn edited_deleted_and_extra_files_of_the_output_are_found() {
    let project = project();
    run(&project, &[]);
    let text = project.read("out/base.rs");
    project.write("out/base.rs", text.replace("text", "test"));
    let edited = run(&project, &["--check"]);
    assert_eq!(edited.status(), 1);
    assert!(
        edited.out().contains("stale: out/base.rs"),
        "{}",
        edited.out()
    );
    assert_eq!(run(&project, &[]).status(), 0);
    assert_eq!(project.read("out/base.rs"), text);

    fs::remove_file(project.path("out/mod.rs")).expect("a file");
    assert!(
        run(&project, &["--check"])
            .out()
            .contains("missing: out/mod.rs")
    );
    run(&project, &[]);
    project.write("out/extra.rs", "// written by hand\n");
    assert!(
        run(&project, &["--check"])
            .out()
            .contains("foreign: out/extra.rs")
    );
}

#[test]
fn options_are_part_of_the_question() {
    let project = project();
    run(&project, &[]);
    assert_eq!(run(&project, &["--check"]).status(), 0);
    assert_eq!(run(&project, &["--check", "--at", "1.0"]).status(), 1);
    assert_eq!(run(&project, &["--check", "--at", "9.0"]).status(), 2);
}

#[test]
fn a_lint_is_printed_by_every_run() {
    let project = project();
    let base = project.read("second/base.rpc");
    project.write("second/base.rpc", base.replace("edition 2026;\n", ""));
    for _ in 0..2 {
        let run = run(&project, &["--format", "short"]);
        assert_eq!(run.status(), 0);
        assert_eq!(run.out().lines().count(), 1, "{}", run.out());
    }
    assert!(!project.path("cache").exists());
}
