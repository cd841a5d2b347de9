//! `check --fix`.

use std::fs;

use crate::{NOTES, Project};

/// [`NOTES`] with a misspelt keyword, a missing `;` and a stray one.
fn broken() -> String {
    NOTES
        .replace("message Note", "mesage Note")
        .replace("= 1;\n}\n\nservice", "= 1\n};\n\nservice")
}

#[test]
fn every_certain_fix_is_made_and_told() {
    let project = Project::new(&[("notes.rpc", &broken())]);
    let run = project.run(&["check", "notes.rpc", "--fix"]);
    assert_eq!((run.status(), run.out()), (0, ""), "{}", run.err());
    assert_eq!(
        run.err(),
        "fixed 3 findings in notes.rpc\nno errors, no lints in 1 file\n"
    );
    assert_eq!(project.read("notes.rpc"), NOTES);
    let again = project.run(&["check", "notes.rpc", "--fix"]);
    assert_eq!(again.err(), "no errors, no lints in 1 file\n");
}

#[test]
fn a_dry_run_shows_a_diff_and_writes_nothing() {
    let project = Project::new(&[("notes.rpc", &broken())]);
    let run = project.run(&["check", "notes.rpc", "--fix", "--dry-run"]);
    assert_eq!(run.status(), 1, "there is something to change");
    assert!(
        run.out()
            .starts_with("--- notes.rpc\n+++ notes.rpc (fixed)\n"),
        "{}",
        run.out()
    );
    assert!(
        run.out().contains("\n-mesage Note {\n") && run.out().contains("\n+message Note {\n"),
        "{}",
        run.out()
    );
    assert!(
        run.err().starts_with("would fix 3 findings in notes.rpc\n"),
        "{}",
        run.err()
    );
    assert_eq!(project.read("notes.rpc"), broken());

    project.write("notes.rpc", NOTES);
    let clean = project.run(&["check", "notes.rpc", "--fix", "--dry-run"]);
    assert_eq!((clean.status(), clean.out()), (0, ""));
    assert_eq!(
        project.run(&["check", "notes.rpc", "--dry-run"]).status(),
        2
    );
}

#[test]
fn what_has_no_certain_fix_is_left_and_reported() {
    let text = broken().replace("text: string", "text: strange");
    let project = Project::new(&[("notes.rpc", &text)]);
    let run = project.run(&["check", "notes.rpc", "--fix", "--format", "json"]);
    assert_eq!(
        (run.status(), run.codes()),
        (1, vec!["CS0130".to_owned()]),
        "{}",
        run.out()
    );
    assert_eq!(run.err(), "fixed 3 findings in notes.rpc\n");
}

#[test]
fn only_contracts_that_are_named_are_changed() {
    let main = "edition 2026;\npackage shop.main;\n\nimport \"shop/common.rpc\";\n\nmessage Basket {\n    first: common.Item = 1;\n};\n";
    let common =
        "edition 2026;\npackage shop.common;\n\nmessage Item {\n    sku: string = 1;\n};\n";
    let project = Project::new(&[("shop/main.rpc", main), ("shop/common.rpc", common)]);
    let run = project.run(&["check", "shop/main.rpc", "--fix"]);
    assert_eq!(run.status(), 0);
    assert!(
        run.err().starts_with("fixed 1 finding in shop/main.rpc\n"),
        "{}",
        run.err()
    );
    assert!(
        run.err().ends_with("no errors, 1 lint in 2 files\n"),
        "{}",
        run.err()
    );
    assert_eq!(project.read("shop/common.rpc"), common);
    let run = project.run(&["check", "shop", "--fix"]);
    assert!(
        run.err()
            .starts_with("fixed 1 finding in shop/common.rpc\n"),
        "{}",
        run.err()
    );
}

#[test]
fn line_ends_and_a_byte_order_mark_stay() {
    let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let text = broken().replace("edition 2026;\n", "");
    let project = Project::new(&[("notes.rpc", &windows(&text))]);
    let run = project.run(&["check", "notes.rpc", "--fix"]);
    assert!(run.err().starts_with("fixed 4 findings"), "{}", run.err());
    assert_eq!(project.read("notes.rpc"), windows(NOTES));
}

#[test]
fn a_file_that_may_not_be_written_is_told() {
    let project = Project::new(&[("notes.rpc", &broken())]);
    let mut permissions = fs::metadata(project.path("notes.rpc"))
        .expect("a file")
        .permissions();
    permissions.set_readonly(true);
    fs::set_permissions(project.path("notes.rpc"), permissions).expect("permissions");
    let run = project.run(&["check", "notes.rpc", "--fix"]);
    assert_eq!(run.status(), 2);
    assert!(
        run.err().starts_with("callsheet: notes.rpc: is read-only"),
        "{}",
        run.err()
    );
    assert_eq!(project.read("notes.rpc"), broken());
}
