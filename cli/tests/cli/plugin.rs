//! `callsheet plugin`, with a plugin that keeps its request and answers what the test wants.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use prost::Message as _;
use prost_types::FileDescriptorProto;
use prost_types::compiler::code_generator_response::File;
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};

use crate::{NOTES, Project, Run};

const PLUGIN: &[&str] = &[
    "plugin",
    "./protoc-gen-test",
    "notes.rpc",
    "--out",
    "out",
    "--opt",
    "a=b",
    "--opt",
    "c",
];

fn file(name: &str, content: &str) -> File {
    File {
        name: Some(name.to_owned()),
        content: Some(content.to_owned()),
        ..File::default()
    }
}

/// A project whose plugin gives this answer.
fn project(contract: &str, answer: &CodeGeneratorResponse) -> Project {
    let project = Project::new(&[("notes.rpc", contract)]);
    project.write("answer", answer.encode_to_vec());
    script(&project, "cat > request; cat answer");
    project
}

fn script(project: &Project, body: &str) {
    project.write("protoc-gen-test", format!("#!/bin/sh\n{body}\n"));
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(project.path("protoc-gen-test"), mode).expect("permissions");
}

fn run(answer: &CodeGeneratorResponse) -> (Project, Run) {
    let project = project(NOTES, answer);
    let run = project.run(PLUGIN);
    (project, run)
}

#[test]
fn a_plugin_is_asked_as_protoc_asks_and_its_files_are_written() {
    let (project, run) = run(&CodeGeneratorResponse {
        file: vec![file("deep/notes.txt", "generated")],
        ..CodeGeneratorResponse::default()
    });
    assert_eq!(run.status(), 0, "{}", run.err());
    assert_eq!(project.read("out/deep/notes.txt"), "generated");

    let request = fs::read(project.path("request")).unwrap();
    let request = CodeGeneratorRequest::decode(&*request).unwrap();
    assert_eq!(request.parameter(), "a=b,c");
    assert_eq!(
        request.file_to_generate,
        ["notes.proto", "notes/v1/notes.proto"]
    );
    let names: Vec<&str> = request
        .proto_file
        .iter()
        .map(FileDescriptorProto::name)
        .collect();
    assert_eq!(names, ["notes.proto", "notes/v1/notes.proto"]);
    let service = &request.proto_file[1];
    assert_eq!(service.service[0].method[0].name(), "get");
    assert!(service.source_code_info.is_some());
    assert_eq!(request.compiler_version.unwrap().major(), 3);

    let check = [PLUGIN, &["--check"]].concat();
    assert_eq!(project.run(&check).status(), 0);
    project.write("out/deep/notes.txt", "edited");
    assert_eq!(project.run(&check).status(), 1);
}

#[test]
fn what_the_plugin_says_is_wrong_is_told() {
    let (project, run) = run(&CodeGeneratorResponse {
        error: Some("no go_package".to_owned()),
        ..CodeGeneratorResponse::default()
    });
    assert_eq!(run.status(), 1);
    assert!(run.err().contains("./protoc-gen-test: no go_package"));
    assert!(!project.path("out").exists());
}

#[test]
fn no_file_leaves_the_folder() {
    for name in [
        "../evil",
        "/tmp/evil",
        "a/../../evil",
        "a\\b",
        "C:evil",
        "",
        "a//b",
        "./a",
    ] {
        let (project, run) = run(&CodeGeneratorResponse {
            file: vec![file("fine", ""), file(name, "x")],
            ..CodeGeneratorResponse::default()
        });
        if name.is_empty() {
            // A file without a name is the rest of the one before.
            assert_eq!(project.read("out/fine"), "x");
            continue;
        }
        assert_eq!(run.status(), 2, "{name}");
        assert!(run.err().contains("not a plain path"), "{}", run.err());
        assert!(!project.path("out/fine").exists() && !project.path("evil").exists());
    }
}

#[test]
fn a_plugin_that_does_not_know_optional_fields_gets_none() {
    let contract = NOTES.replace("text: string", "text: string?");
    let mut answer = CodeGeneratorResponse {
        file: vec![file("a", "")],
        ..CodeGeneratorResponse::default()
    };
    let refused = project(&contract, &answer).run(PLUGIN);
    assert_eq!(refused.status(), 2);
    assert!(
        refused
            .err()
            .contains("does not know optional fields (`T?`), which notes.proto has")
    );
    answer.supported_features = Some(1);
    assert_eq!(project(&contract, &answer).run(PLUGIN).status(), 0);
}

#[test]
fn a_plugin_that_fails_or_talks_nonsense_is_said() {
    let project = project(NOTES, &CodeGeneratorResponse::default());
    script(&project, "exit 3");
    let failed = project.run(PLUGIN);
    assert_eq!(failed.status(), 2);
    assert!(
        failed
            .err()
            .contains("./protoc-gen-test: it failed (exit status: 3)"),
        "{}",
        failed.err()
    );
    script(&project, "echo nonsense");
    assert!(
        project
            .run(PLUGIN)
            .err()
            .contains("its output is no answer of a plugin")
    );
    fs::remove_file(project.path("protoc-gen-test")).unwrap();
    assert!(
        project
            .run(PLUGIN)
            .err()
            .contains("there is no such program")
    );
}
