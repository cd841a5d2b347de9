//! How much lints count.

use crate::{NOTES, Project};

/// A contract with two lints: no edition, and a stray `;`.
fn linted() -> String {
    NOTES
        .replace("edition 2026;\n", "")
        .replace("}\n\nservice", "};\n\nservice")
}

/// The codes that are found with these flags, and the exit status.
fn check(project: &Project, flags: &[&str]) -> (Vec<String>, i32) {
    let run = project.run(&[&["check", "notes.rpc", "--format", "json"], flags].concat());
    assert!(run.err().is_empty(), "{}", run.err());
    (run.codes(), run.status())
}

#[test]
fn flags_deny_and_allow_by_code_or_all() {
    let project = Project::new(&[("notes.rpc", &linted())]);
    let codes = |codes: &[&str]| codes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let both = codes(&["CS0024", "CS0016"]);
    assert_eq!(check(&project, &[]), (both.clone(), 0));
    assert_eq!(check(&project, &["--deny", "lints"]), (both.clone(), 1));
    assert_eq!(check(&project, &["--deny", "cs0016"]), (both, 1));
    assert_eq!(
        check(&project, &["--deny", "lints", "--allow", "CS0016"]),
        (codes(&["CS0024"]), 1)
    );
    assert_eq!(check(&project, &["--allow", "lints"]), (codes(&[]), 0));
}

#[test]
fn a_denied_lint_is_an_error_everywhere() {
    let project = Project::new(&[("notes.rpc", &linted())]);
    let run = project.run(&["check", "notes.rpc", "--deny", "CS0016"]);
    assert!(run.err().contains("error[CS0016]"), "{}", run.err());
    assert!(
        run.err()
            .contains("note: a lint, denied by the project or a flag"),
        "{}",
        run.err()
    );
    assert!(
        run.err().ends_with("1 error, 1 lint in 1 file\n"),
        "{}",
        run.err()
    );
    let arguments = ["gen", "notes.rpc", "--out", "out", "--deny", "lints"];
    assert_eq!(project.run(&arguments).status(), 1);
    assert!(!project.path("out").exists());
}

#[test]
fn a_project_sets_levels_and_flags_go_before_it() {
    let project = Project::new(&[
        ("notes.rpc", &linted()),
        (
            "callsheet.toml",
            "[lints]\nall = \"deny\"\nCS0024 = \"allow\"\n",
        ),
    ]);
    assert_eq!(check(&project, &[]), (vec!["CS0016".to_owned()], 1));
    assert_eq!(
        check(&project, &["--warn", "lints"]),
        (vec!["CS0016".to_owned()], 0)
    );
    assert_eq!(
        check(&project, &["--warn", "CS0024", "--allow", "CS0016"]),
        (vec!["CS0024".to_owned()], 0)
    );
}

#[test]
fn a_level_for_what_is_no_lint_is_refused() {
    let project = Project::new(&[("notes.rpc", NOTES)]);
    for (flag, name) in [("--allow", "CS0130"), ("--deny", "unused")] {
        let run = project.run(&["check", "notes.rpc", flag, name]);
        assert_eq!(run.status(), 2);
        assert!(run.err().contains(name), "{}", run.err());
    }
    project.write("callsheet.toml", "[lints]\nCS0130 = \"allow\"\n");
    let run = project.run(&["check", "notes.rpc"]);
    assert_eq!(run.status(), 2);
    assert!(
        run.err().contains("callsheet.toml: CS0130 is an error"),
        "{}",
        run.err()
    );
    project.write("callsheet.toml", "[lints]\nCS0110 = \"forbid\"\n");
    assert_eq!(project.run(&["check", "notes.rpc"]).status(), 2);
}

#[test]
fn projects_that_disagree_are_checked_one_at_a_time() {
    let project = Project::new(&[
        ("a/notes.rpc", NOTES),
        ("a/callsheet.toml", "[lints]\nall = \"deny\"\n"),
        ("b/notes.rpc", NOTES),
    ]);
    let run = project.run(&["check", "a", "b"]);
    assert_eq!(run.status(), 2);
    assert!(run.err().contains("one project at a time"), "{}", run.err());
    assert_eq!(project.run(&["check", "a"]).status(), 0);
}
