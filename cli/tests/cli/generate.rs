//! `gen`

use std::fs;
use std::time::SystemTime;

use crate::{NOTES, Project, names};

fn generated() -> Project {
    let project = Project::new(&[("notes.rpc", NOTES)]);
    let run = project.run(&["gen", "notes.rpc", "--out", "out"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    assert!(
        run.err().ends_with("2 written, 0 unchanged, 0 removed\n"),
        "{}",
        run.err()
    );
    project
}

#[test]
fn a_second_run_writes_nothing() {
    let project = generated();
    assert_eq!(names(&project.path("out")), ["mod.rs", "notes.rs"]);
    let written = |name: &str| -> SystemTime {
        let path = project.path("out").join(name);
        let old = SystemTime::UNIX_EPOCH;
        let file = fs::File::options().write(true).open(&path).expect("a file");
        file.set_modified(old).expect("a time");
        old
    };
    let before = [written("mod.rs"), written("notes.rs")];
    let text = project.read("out/notes.rs");

    let run = project.run(&["gen", "notes.rpc", "--out", "out"]);
    assert_eq!(run.status(), 0);
    assert!(
        run.err().ends_with("0 written, 2 unchanged, 0 removed\n"),
        "{}",
        run.err()
    );
    let modified = |name: &str| {
        let metadata = fs::metadata(project.path("out").join(name)).expect("a file");
        metadata.modified().expect("a time")
    };
    assert_eq!([modified("mod.rs"), modified("notes.rs")], before);
    assert_eq!(project.read("out/notes.rs"), text);
    assert_eq!(
        project
            .run(&["gen", "notes.rpc", "--out", "out", "--check"])
            .status(),
        0
    );
}

#[test]
fn check_catches_an_edit_a_deletion_and_an_extra_file_and_writes_nothing() {
    let project = generated();
    let extra = project.read("out/notes.rs");
    project.write("out/gone.rs", &extra);
    project.write("out/mine.rs", "// written by hand\n");
    project.write("out/notes.rs", extra.replace("pub text", "pub test"));
    fs::remove_file(project.path("out/mod.rs")).expect("a file");
    let before = names(&project.path("out"));

    let run = project.run(&["gen", "notes.rpc", "--out", "out", "--check"]);
    assert_eq!(run.status(), 1);
    let heads: Vec<_> = run
        .out()
        .lines()
        .filter(|line| line.contains(": out/"))
        .collect();
    assert_eq!(
        heads,
        [
            "missing: out/mod.rs",
            "stale: out/notes.rs",
            "orphan: out/gone.rs",
            "foreign: out/mine.rs: nothing generated it; move it elsewhere"
        ]
    );
    let edit =
        "-    pub test: ::callsheet::codegen::prost::alloc::string::String,\n+    pub text: ";
    assert!(run.out().contains(edit), "{}", run.out());
    assert_eq!(names(&project.path("out")), before);

    let run = project.run(&["gen", "notes.rpc", "--out", "out"]);
    assert!(
        run.err().ends_with("2 written, 0 unchanged, 1 removed\n"),
        "{}",
        run.err()
    );
    assert_eq!(
        names(&project.path("out")),
        ["mine.rs", "mod.rs", "notes.rs"]
    );
    assert!(run.err().contains("left out/mine.rs: nothing generated it"));

    let run = project.run(&["gen", "notes.rpc", "--out", "out", "--check"]);
    assert_eq!(run.status(), 1, "who wrote it must decide");
    fs::remove_file(project.path("out/mine.rs")).expect("a file");
    let run = project.run(&["gen", "notes.rpc", "--out", "out", "--check"]);
    assert_eq!(run.status(), 0);
}

#[test]
fn a_contract_with_an_error_generates_nothing() {
    let project = generated();
    project.write("notes.rpc", NOTES.replace("text: string", "text: strin"));
    let before = project.read("out/notes.rs");
    assert_eq!(
        project.run(&["gen", "notes.rpc", "--out", "out"]).status(),
        1
    );
    assert_eq!(project.read("out/notes.rs"), before);
}

#[test]
fn at_generates_an_older_minor_and_refuses_a_release_that_nobody_lists() {
    let contract = NOTES.replace(
        "    rpc get",
        "    versions 1.0, 1.1;\n    @added(1.1) rpc list() -> Note;\n    rpc get",
    );
    let project = Project::new(&[("notes.rpc", &contract)]);
    let at = |release: &str| project.run(&["gen", "notes.rpc", "--out", "out", "--at", release]);
    assert_eq!(at("1.0").status(), 0);
    assert!(!project.read("out/notes.rs").contains("fn list"));
    assert_eq!(at("1.1").status(), 0);
    assert!(project.read("out/notes.rs").contains("fn list"));

    let refused = at("3.0");
    assert_eq!(refused.status(), 2);
    assert!(
        refused.err().contains("listed are 1.0, 1.1"),
        "{}",
        refused.err()
    );
    assert_eq!(at("three").status(), 2);
}

#[cfg(unix)]
#[test]
fn a_link_in_the_output_folder_is_replaced_and_not_followed() {
    use std::os::unix::fs::symlink;

    let project = generated();
    project.write("precious.txt", "precious");
    fs::remove_file(project.path("out/notes.rs")).expect("a file");
    symlink(project.path("precious.txt"), project.path("out/notes.rs")).expect("a link");
    let stale = project.run(&["gen", "notes.rpc", "--out", "out", "--check"]);
    assert_eq!(stale.status(), 1);
    assert_eq!(
        project.run(&["gen", "notes.rpc", "--out", "out"]).status(),
        0
    );
    assert_eq!(project.read("precious.txt"), "precious");
    assert!(
        project
            .read("out/notes.rs")
            .starts_with("// Generated by callsheet-build")
    );
    let kind = fs::symlink_metadata(project.path("out/notes.rs")).expect("a file");
    assert!(kind.is_file());
}
