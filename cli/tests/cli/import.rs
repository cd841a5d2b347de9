//! `callsheet import`: what is written, said and refused.

use crate::Project;

const PROTO: &str = "syntax = \"proto3\";\npackage notes;\nmessage Note { string text = 1; }\n";
const IMPORT: &[&str] = &["import", "idl", "-I", "idl", "--out", "out"];

#[test]
fn a_folder_becomes_contracts_that_pass_the_check() {
    let user = "syntax = \"proto3\";\npackage users;\nimport \"notes.proto\";\nmessage User { notes.Note note = 1; }\n";
    let project = Project::new(&[("idl/notes.proto", PROTO), ("idl/users.proto", user)]);
    let run = project.run(IMPORT);
    assert_eq!((run.status(), run.out()), (0, ""), "{}", run.err());
    assert!(run.err().contains("everything came along"));
    assert!(
        project
            .read("out/users.rpc")
            .contains("import \"notes.rpc\";")
    );
    let check = project.run(&["check", "out", "--root", "out", "--format", "short"]);
    assert_eq!((check.status(), check.out()), (0, ""));
}

#[test]
fn what_does_not_come_along_is_said_with_its_place() {
    let text = PROTO
        .replace("proto3", "proto2")
        .replace("string text", "required string text");
    let project = Project::new(&[("idl/notes.proto", &text)]);
    let run = project.run(IMPORT);
    assert_eq!(run.status(), 0);
    assert!(
        run.out()
            .contains("notes.proto:3:16: `text` is optional with the rule `@required`"),
        "{}",
        run.out()
    );
    assert!(
        run.err()
            .contains("2 things did not come along as they were")
    );
}

#[test]
fn a_contract_that_was_edited_is_not_touched() {
    let project = Project::new(&[("idl/notes.proto", PROTO)]);
    assert_eq!(project.run(IMPORT).status(), 0);
    assert_eq!(project.run(IMPORT).status(), 0);
    project.write("out/notes.rpc", "edition 2026;\npackage notes;\n");
    let run = project.run(IMPORT);
    assert_eq!(run.status(), 1);
    assert!(
        run.err()
            .contains("out/notes.rpc: is there already and says something else")
    );
    assert_eq!(
        project.read("out/notes.rpc"),
        "edition 2026;\npackage notes;\n"
    );
    assert_eq!(
        project.run(&[IMPORT, &["--overwrite"]].concat()).status(),
        0
    );
    assert!(project.read("out/notes.rpc").contains("message Note"));
}

#[test]
fn a_file_that_is_no_protobuf_is_said_with_its_place() {
    let project = Project::new(&[
        ("idl/notes.proto", PROTO),
        ("idl/bad.proto", "syntax = \"proto3\";\nmessage {"),
    ]);
    let run = project.run(IMPORT);
    assert_eq!(run.status(), 1);
    assert!(run.out().starts_with("bad.proto:2:9: "), "{}", run.out());
    assert!(!project.path("out").exists());
}

#[test]
fn names_that_meet_in_rust_are_said() {
    let text = "syntax = \"proto3\";\npackage notes;\nmessage ANote {}\nmessage A_Note {}\n";
    let project = Project::new(&[("idl/notes.proto", text)]);
    let run = project.run(IMPORT);
    assert_eq!(run.status(), 1);
    assert!(run.out().starts_with("notes.rpc:"), "{}", run.out());
    assert!(run.err().contains("mend them by hand"));
}

#[test]
fn nothing_to_import_is_said() {
    let project = Project::new(&[("idl/notes.txt", "")]);
    let run = project.run(IMPORT);
    assert_eq!(run.status(), 2);
    assert!(run.err().contains("no .proto file was found"));
}
