//! Input that no honest author writes: a finding each, never a hang, a panic, or a look outside the roots.

use std::fs::{self, File};

use crate::{NOTES, Project};

/// The codes that `check` finds in `path`, and its exit status.
fn check(project: &Project, path: &str) -> (Vec<String>, i32) {
    let run = project.run(&["check", path, "--format", "json"]);
    let findings = run.findings();
    assert!(!findings.is_empty(), "{}", run.err());
    assert!(
        findings.iter().all(|finding| finding["file"] == path),
        "{}",
        run.out()
    );
    (run.codes(), run.status())
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let project = Project::new(&[]);
    project.write("latin.rpc", b"edition 2026;\npackage latin; // caf\xe9\n");
    assert_eq!(check(&project, "latin.rpc"), (vec!["CS0102".to_owned()], 2));
    project.write("nul.rpc", "edition 2026;\npackage nul;\n\0\n");
    assert_eq!(check(&project, "nul.rpc"), (vec!["CS0002".to_owned()], 1));
}

#[test]
fn a_file_of_100_megabytes_is_refused_unread() {
    let project = Project::new(&[]);
    // Sparse: it takes no room, and whoever reads it all the same reads zeros.
    let file = File::create(project.path("huge.rpc")).expect("a file");
    file.set_len(100 << 20).expect("a sparse file");
    assert_eq!(check(&project, "huge.rpc"), (vec!["CS0103".to_owned()], 2));
}

#[test]
fn ten_thousand_levels_deep_is_a_finding() {
    let deep = format!(
        "edition 2026;\npackage deep;\n{}{}\n",
        "message M { ".repeat(10_000),
        "}".repeat(10_000)
    );
    let project = Project::new(&[("deep.rpc", &deep)]);
    assert_eq!(check(&project, "deep.rpc").1, 1);
}

#[test]
fn an_import_never_leaves_the_roots() {
    let outside = Project::new(&[("secret.rpc", "this is a secret")]);
    let secret = outside.path("secret.rpc");
    for path in [
        "../secret.rpc",
        secret.to_str().expect("UTF-8"),
        "a/../../secret.rpc",
    ] {
        let text = NOTES.replace("\nmessage", &format!("\nimport \"{path}\";\n\nmessage"));
        let project = Project::new(&[("notes.rpc", &text)]);
        let run = project.run(&["check", "notes.rpc"]);
        assert_eq!(run.status(), 1, "{path}");
        assert!(!run.err().contains("this is a secret"), "{}", run.err());
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_link_out_of_the_roots_is_not_followed() {
        let outside = Project::new(&[("notes.rpc", NOTES)]);
        let importing = NOTES.replace("\nmessage", "\nimport \"linked.rpc\";\n\nmessage");
        let project = Project::new(&[("notes.rpc", &importing)]);
        symlink(outside.path("notes.rpc"), project.path("linked.rpc")).expect("a link");
        assert_eq!(check(&project, "notes.rpc"), (vec!["CS0106".to_owned()], 1));
        assert_eq!(
            check(&project, "linked.rpc"),
            (vec!["CS0106".to_owned()], 2)
        );

        fs::remove_file(project.path("linked.rpc")).expect("a link");
        fs::create_dir(project.path("inside")).expect("a folder");
        project.write(
            "inside/linked.rpc",
            NOTES.replace("package notes", "package linked"),
        );
        symlink(
            project.path("inside/linked.rpc"),
            project.path("linked.rpc"),
        )
        .expect("a link");
        assert_eq!(
            project.run(&["check", "linked.rpc"]).status(),
            0,
            "a link inside is fine"
        );
    }

    #[test]
    fn a_link_to_itself_and_a_folder_that_holds_itself_end() {
        let project = Project::new(&[("notes.rpc", NOTES)]);
        symlink("loop.rpc", project.path("loop.rpc")).expect("a link");
        symlink(".", project.path("folder")).expect("a link");
        let run = project.run(&["check", ".", "--format", "json"]);
        assert_eq!(run.codes(), ["CS0101"], "{}", run.out());
    }

    #[test]
    fn a_pipe_a_device_and_a_folder_are_no_contracts() {
        let project = Project::new(&[]);
        let made = Command::new("mkfifo")
            .arg(project.path("pipe.rpc"))
            .status()
            .expect("mkfifo");
        assert!(made.success());
        assert_eq!(check(&project, "pipe.rpc"), (vec!["CS0104".to_owned()], 2));

        let importing = NOTES.replace("\nmessage", "\nimport \"pipe.rpc\";\n\nmessage");
        project.write("notes.rpc", importing);
        assert_eq!(check(&project, "notes.rpc"), (vec!["CS0104".to_owned()], 1));

        assert_eq!(project.run(&["check", "/dev/zero"]).status(), 2);
    }
}
