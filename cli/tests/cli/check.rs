//! `check` and `explain`.

use crate::{NOTES, Project};

/// Five mistakes that have nothing to do with each other.
const FIVE: &str = "edition 2026;
package five;

message Order {
    id: strin = 1;
    customer: string = 2;
    note: string = 2;
}

enum Status {
    PLACED = 1;
}

service Orders {
    @hedge(30ms)
    rpc place(Order) -> Order;
    rpc get(Order) -> Missing;
}
";

#[test]
fn a_clean_contract_ends_with_0_and_says_so() {
    let project = Project::new(&[("notes.rpc", NOTES)]);
    let run = project.run(&["check", "notes.rpc"]);
    assert_eq!((run.status(), run.out()), (0, ""));
    assert_eq!(run.err(), "no errors, no lints in 1 file\n");
}

#[test]
fn lints_alone_end_with_0() {
    let project = Project::new(&[("notes.rpc", &NOTES.replace("edition 2026;\n", ""))]);
    let run = project.run(&["check", "notes.rpc"]);
    assert_eq!(run.status(), 0);
    assert!(
        run.err().ends_with("no errors, 1 lint in 1 file\n"),
        "{}",
        run.err()
    );
}

#[test]
fn five_mistakes_are_five_findings_with_places_and_help() {
    let project = Project::new(&[("five.rpc", FIVE)]);
    let run = project.run(&["check", "five.rpc", "--format", "json"]);
    assert_eq!((run.status(), run.err()), (1, ""));
    let findings = run.findings();
    let lines: Vec<_> = findings
        .iter()
        .map(|finding| finding["line"].as_u64())
        .collect();
    assert_eq!(lines, [5, 7, 10, 15, 17].map(Some));
    let keys = [
        "code",
        "severity",
        "message",
        "file",
        "line",
        "column",
        "end_line",
        "end_column",
        "labels",
        "notes",
        "help",
        "fix",
    ];
    for finding in &findings {
        assert!(
            keys.iter().all(|key| finding.get(key).is_some()),
            "{finding}"
        );
        assert_eq!(finding["file"], "five.rpc");
        assert_eq!(finding["severity"], "error");
        assert!(finding["help"].is_string(), "{finding}");
    }
    let human = project.run(&["check", "five.rpc"]);
    assert_eq!(human.out(), "");
    assert!(
        human.err().ends_with("5 errors, no lints in 1 file\n"),
        "{}",
        human.err()
    );
    assert!(
        !human.err().contains('\u{1b}'),
        "colours belong on a terminal"
    );
    let short = project.run(&["check", "five.rpc", "--format", "short"]);
    assert!(
        short.out().starts_with("five.rpc:5:9: error["),
        "{}",
        short.out()
    );
}

#[test]
fn a_path_that_is_not_there_ends_with_2() {
    let project = Project::new(&[("notes.txt", NOTES)]);
    for path in ["nowhere.rpc", "nowhere", "notes.txt"] {
        let run = project.run(&["check", path]);
        assert_eq!((run.status(), run.out()), (2, ""), "{path}");
        assert!(
            run.err().starts_with(&format!("callsheet: {path}: ")),
            "{}",
            run.err()
        );
    }
    for wrong in [
        &["check"][..],
        &["chekc"],
        &["check", "a.rpc", "--format", "xml"],
        &[],
    ] {
        assert_eq!(project.run(wrong).status(), 2, "{wrong:?}");
    }
}

#[test]
fn imports_start_at_the_roots_that_are_given_configured_or_here() {
    let main = "edition 2026;\npackage shop.main;\n\nimport \"shop/common.rpc\";\n\nmessage Basket {\n    first: common.Item = 1;\n}\n";
    let common = "edition 2026;\npackage shop.common;\n\nmessage Item {\n    sku: string = 1;\n}\n";
    let files = [("idl/shop/main.rpc", main), ("idl/shop/common.rpc", common)];

    let project = Project::new(&files);
    assert_eq!(project.run(&["check", "idl", "--root", "idl"]).status(), 0);
    assert_eq!(
        project.run(&["check", "idl"]).status(),
        1,
        "`idl` is no root here"
    );

    project.write("callsheet.toml", "roots = [\"idl\"]\n");
    let run = project.run(&["check", "idl/shop/main.rpc"]);
    assert_eq!(run.status(), 0, "{}", run.err());
    project.write("idl/callsheet.toml", "roots = [\".\"]\n");
    assert_eq!(
        project.run(&["check", "idl"]).status(),
        0,
        "the nearest holds"
    );

    project.write("idl/callsheet.toml", "rots = []\n");
    let run = project.run(&["check", "idl"]);
    assert_eq!(run.status(), 2);
    assert!(run.err().contains("unknown field `rots`"), "{}", run.err());
}

#[test]
fn explain_prints_the_page_of_a_code() {
    let project = Project::new(&[]);
    let run = project.run(&["explain", "cs0001"]);
    assert_eq!((run.status(), run.err()), (0, ""));
    assert!(run.out().starts_with("# CS0001: "), "{}", run.out());
    assert_eq!(project.run(&["explain", "1"]).out(), run.out());
    let coloured = project.run(&["explain", "CS0001", "--color", "always"]);
    assert!(
        coloured.out().contains("\u{1b}[1mCS0001: "),
        "{}",
        coloured.out()
    );
}

#[test]
fn explain_lists_the_codes_and_those_near_an_unknown_one() {
    let project = Project::new(&[]);
    let list = project.run(&["explain", "--list"]);
    assert_eq!((list.status(), list.err()), (0, ""));
    assert!(
        list.out().contains("CS0015  error  missing `;`\n"),
        "{}",
        list.out()
    );
    assert!(
        list.out()
            .contains("CS0016  lint   `;` that ends nothing\n"),
        "{}",
        list.out()
    );
    for (wanted, near) in [
        ("CS9999", "there is no code `CS9999`; near it are"),
        ("CS0048", "CS0049  too many lints"),
        ("group", "CS0217  duplicate group"),
        ("xyzzy", "`callsheet explain --list` lists them all"),
    ] {
        let unknown = project.run(&["explain", wanted]);
        assert_eq!((unknown.status(), unknown.out()), (2, ""));
        assert!(unknown.err().contains(near), "{}", unknown.err());
    }
    assert_eq!(project.run(&["explain"]).status(), 2);
}

#[test]
fn files_are_named_from_where_the_command_runs() {
    let project = Project::new(&[
        ("callsheet.toml", "roots = [\"idl\"]\n"),
        (
            "idl/shop/five.rpc",
            &FIVE.replace("package five", "package shop.five"),
        ),
        ("idl/other/empty.rpc", "edition 2026;\npackage other;\n"),
    ]);
    for (folder, path, shown) in [
        (".", "idl/shop/five.rpc", "idl/shop/five.rpc"),
        ("idl/shop", "five.rpc", "five.rpc"),
        ("idl/other", "../shop/five.rpc", "../shop/five.rpc"),
    ] {
        let run = project.run_in(folder, &["check", path, "--format", "json"]);
        let files: Vec<_> = run.findings().iter().map(|it| it["file"].clone()).collect();
        assert_eq!(files, [shown; 5], "in {folder}");
    }
}

#[test]
fn line_ends_of_windows_are_not_drawn() {
    let text = FIVE.replace('\n', "\r\n");
    let project = Project::new(&[("five.rpc", &text)]);
    let run = project.run(&["check", "five.rpc"]);
    assert!(run.err().contains("5 errors"), "{}", run.err());
    assert!(!run.err().contains('\u{240d}'), "{}", run.err());
}

#[test]
fn a_foreign_letter_in_a_name_is_one_finding() {
    let text = "edition 2026;\npackage shop;\n\nmessage \u{c4} {\n    x: \u{d6} = 1;\n}\n\nmessage \u{d6} {\n    \u{df}: string = 1;\n    \u{e6}: string = 2;\n}\n";
    let project = Project::new(&[("shop.rpc", text)]);
    let run = project.run(&["check", "shop.rpc", "--format", "json"]);
    assert_eq!(run.codes(), ["CS0001"; 5], "{}", run.out());
}

#[test]
fn a_file_that_an_earlier_root_hides_is_refused() {
    let project = Project::new(&[
        ("a/notes.rpc", NOTES),
        ("b/notes.rpc", &NOTES.replace("text: string", "text: strin")),
    ]);
    let run = project.run(&["check", "--root", "a", "--root", "b", "b/notes.rpc"]);
    assert_eq!(run.status(), 2, "{}", run.err());
    assert!(
        run.err().contains("`a/notes.rpc` hides it"),
        "{}",
        run.err()
    );
    let run = project.run(&["check", "--root", "b", "--root", "a", "b/notes.rpc"]);
    assert_eq!(run.status(), 1, "{}", run.err());
}
