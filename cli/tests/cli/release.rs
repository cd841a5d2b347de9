//! `release`, and what `check` and `gen` make of it.

use crate::{NOTES, Project};

const VERSIONED: &str = "edition 2026;\npackage notes;\n\nmessage Note {\n    text: string = 1;\n}\n\nservice Notes {\n    versions 1.0, 1.1;\n    rpc get(id: uint64 = 1) -> Note;\n    @added(1.1) rpc list() -> stream Note;\n}\n\nservice Archive {\n    rpc get(id: uint64 = 1) -> Note;\n}\n";

const LOCK: &str = "notes.rpc.lock";

#[test]
fn what_was_frozen_is_upheld_by_check_and_gen() {
    let project = Project::new(&[("notes.rpc", NOTES)]);
    let run = project.run(&["release", "notes.rpc"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    assert!(
        run.err().ends_with(
            "froze release 1.0 of notes.Notes in notes.rpc.lock\n1 frozen, 0 frozen before\n"
        ),
        "{}",
        run.err()
    );
    let lock = project.read(LOCK);
    assert!(lock.contains("\nrelease notes.Notes 1.0\n"), "{lock}");

    assert_eq!(project.run(&["check", "notes.rpc"]).status(), 0);
    project.write("notes.rpc", NOTES.replace("text: string", "text: bytes"));
    for command in [
        &["check", "notes.rpc"][..],
        &["gen", "notes.rpc", "--out", "out"],
        &["release", "notes.rpc"],
    ] {
        let run = project.run(command);
        assert_eq!(run.status(), 1, "{}", run.err());
        assert!(
            run.err().contains("release 1.0 of `Notes` is frozen"),
            "{}",
            run.err()
        );
        assert!(run.err().contains("notes.rpc.lock:"), "{}", run.err());
    }
    assert!(!project.path("out").exists());
    assert_eq!(project.read(LOCK), lock);

    // What only adds is fine, and changes nothing of what was frozen.
    project.write(
        "notes.rpc",
        NOTES.replace("text: string = 1;", "text: string = 1; by: string = 2;"),
    );
    let run = project.run(&["release", "notes.rpc"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    assert!(
        run.err().ends_with("0 frozen, 1 frozen before\n"),
        "{}",
        run.err()
    );
    assert_eq!(project.read(LOCK), lock);
}

#[test]
fn a_release_is_chosen_by_number_and_service() {
    let project = Project::new(&[("notes.rpc", VERSIONED)]);
    let sections = || {
        let lock = project.read(LOCK);
        let sections = lock.lines().filter(|line| line.starts_with("release "));
        sections.map(str::to_owned).collect::<Vec<_>>()
    };
    let run = project.run(&["release", "notes.rpc", "--at", "1.0", "--service", "Notes"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    assert_eq!(sections(), ["release notes.Notes 1.0"]);
    project.run(&["release", "notes.rpc"]);
    assert_eq!(
        sections(),
        [
            "release notes.Archive 1.0",
            "release notes.Notes 1.0",
            "release notes.Notes 1.1"
        ]
    );

    let run = project.run(&["release", "notes.rpc", "--at", "3.0"]);
    assert_eq!(run.status(), 2);
    assert!(
        run.err()
            .contains("no service lists release 3.0; listed are 1.0, 1.1"),
        "{}",
        run.err()
    );
    let run = project.run(&["release", "notes.rpc", "--service", "Note"]);
    assert_eq!(run.status(), 2);
    assert!(
        run.err().contains("the nearest is `Notes`"),
        "{}",
        run.err()
    );
}

#[test]
fn letting_go_takes_a_word_of_its_own() {
    let project = Project::new(&[("notes.rpc", VERSIONED)]);
    project.run(&["release", "notes.rpc"]);
    project.write(
        "notes.rpc",
        VERSIONED.replace("@added(1.1) rpc list", "@added(1.1) rpc all"),
    );
    assert_eq!(project.run(&["check", "notes.rpc"]).status(), 1);
    let run = project.run(&["release", "notes.rpc", "--unfreeze", "1.1"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    assert_eq!(project.run(&["check", "notes.rpc"]).status(), 0);
    assert_eq!(
        project
            .run(&["release", "notes.rpc", "--unfreeze", "1.1"])
            .status(),
        2
    );
    project.run(&["release", "notes.rpc", "--unfreeze", "1.0"]);
    assert!(!project.path(LOCK).exists(), "nothing is frozen");
}

#[test]
fn a_lock_that_cannot_be_read_is_not_written_over() {
    let project = Project::new(&[("notes.rpc", NOTES)]);
    project.run(&["release", "notes.rpc"]);
    let broken = project
        .read(LOCK)
        .replace("callsheet lock 1", "callsheet lock 7");
    project.write(LOCK, &broken);
    for command in [
        &["check", "notes.rpc"][..],
        &["release", "notes.rpc"],
        &["release", "notes.rpc", "--unfreeze", "1.0"],
    ] {
        let run = project.run(command);
        assert_eq!(run.status(), 1, "{}", run.err());
        assert!(run.err().contains("CS0391"), "{}", run.err());
    }
    assert_eq!(project.read(LOCK), broken);
}
