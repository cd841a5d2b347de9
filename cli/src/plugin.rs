//! `callsheet plugin`: what protoc is to its plugins.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use callsheet_build::diagnostic::render;
use callsheet_build::host::Tree;
use callsheet_build::proto;
use prost::Message as _;
use prost_types::FileDescriptorProto;
use prost_types::compiler::code_generator_response::{Feature, File};
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse, Version};

use crate::Outcome;
use crate::arguments::Plugin;
use crate::check::analyse;
use crate::export::listed;
use crate::outcome;
use crate::report::{self, Failure};

/// The release of protobuf whose descriptors we speak; plugins ask for it.
const VERSION: (i32, i32, i32) = (3, 21, 12);

/// Runs the plugin and writes what it gives, or compares that with what is there.
pub(crate) fn run(plugin: &Plugin) -> Result<Outcome, Failure> {
    let (analysis, outcome) = analyse(&plugin.tree.input)?;
    let Some(model) = &analysis.model else {
        return Ok(outcome);
    };
    listed(model, plugin.at)?;
    let files = proto::descriptors(model, plugin.at, true);
    let request = CodeGeneratorRequest {
        file_to_generate: files
            .iter()
            .filter(|file| file.package() != "google.protobuf")
            .map(|file| file.name().to_owned())
            .collect(),
        parameter: (!plugin.options.is_empty()).then(|| plugin.options.join(",")),
        compiler_version: Some(Version {
            major: Some(VERSION.0),
            minor: Some(VERSION.1),
            patch: Some(VERSION.2),
            suffix: None,
        }),
        proto_file: files,
    };
    let program = program(&plugin.program);
    let name = program.to_string_lossy();
    let answer = converse(&program, &request.encode_to_vec())
        .map_err(|why| Failure(format!("{name}: {why}")))?;
    let response = CodeGeneratorResponse::decode(&*answer).map_err(|error| {
        Failure(format!(
            "{name}: its output is no answer of a plugin: {error}"
        ))
    })?;
    if let Some(error) = &response.error {
        report::say(&format!("{name}: {error}"));
        return Ok(Outcome::Findings);
    }
    if let Some(refusal) = unsupported(&response, &request.proto_file) {
        return Err(Failure(format!("{name}: {refusal}")));
    }
    let files =
        assemble(response.file).map_err(|why| Failure(render::shown(&format!("{name}: {why}"))))?;
    let output = Tree::new(&plugin.tree.out);
    if plugin.tree.check {
        let differences = output.compare(&files).map_err(Failure::of)?;
        let format = plugin.tree.input.format;
        outcome::differences(
            &plugin.tree.out,
            &differences,
            files.len(),
            "plugin",
            format,
        )
    } else {
        let written = output.synchronize(&files).map_err(Failure::of)?;
        outcome::written(&plugin.tree.out, &written);
        Ok(Outcome::Clean)
    }
}

/// `go` is the program `protoc-gen-go`; what has a slash is a path.
fn program(plugin: &Path) -> PathBuf {
    let name = plugin.to_string_lossy();
    let is_path = plugin.components().count() > 1;
    if is_path || name.starts_with("protoc-gen-") {
        plugin.to_owned()
    } else {
        PathBuf::from(format!("protoc-gen-{name}"))
    }
}

/// Hands the plugin its request and takes its answer. What it says to people goes to them as it is.
fn converse(program: &Path, request: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                "there is no such program: install the plugin, or give the path to it".to_owned()
            }
            _ => error.to_string(),
        })?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // A plugin may answer before it has read everything: neither side waits for the other.
        let writer =
            scope.spawn(move || stdin.map_or(Ok(()), |mut stdin| stdin.write_all(request)));
        let output = child.wait_with_output();
        match writer.join() {
            // One that needs no more of the request closes it.
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            Ok(_) => output,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
    .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(format!("it failed ({})", output.status))
    }
}

/// Why the plugin cannot be trusted with these files.
fn unsupported(response: &CodeGeneratorResponse, files: &[FileDescriptorProto]) -> Option<String> {
    let supported = response.supported_features() & Feature::Proto3Optional as u64 != 0;
    if supported {
        return None;
    }
    let optional = |message: &prost_types::DescriptorProto| {
        fn has(message: &prost_types::DescriptorProto) -> bool {
            message
                .field
                .iter()
                .any(prost_types::FieldDescriptorProto::proto3_optional)
                || message.nested_type.iter().any(has)
        }
        has(message)
    };
    let file = files
        .iter()
        .find(|file| file.message_type.iter().any(optional))?;
    Some(format!(
        "it does not know optional fields (`T?`), which {} has: take a newer release of the plugin",
        file.name()
    ))
}

/// The files of an answer: pieces joined, insertions made.
fn assemble(pieces: Vec<File>) -> Result<BTreeMap<String, String>, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for piece in pieces {
        let content = piece.content();
        if piece.name().is_empty() {
            match files.get_mut(&last) {
                Some(file) => file.push_str(content),
                None => return Err("its first file has no name".to_owned()),
            }
            continue;
        }
        piece.name().clone_into(&mut last);
        if !piece.insertion_point().is_empty() {
            let file = files.get_mut(&last).ok_or_else(|| {
                format!("it inserts into `{last}`, which it has not generated before")
            })?;
            *file = insert(file, piece.insertion_point(), content).ok_or_else(|| {
                format!(
                    "`{last}` has no insertion point `{}`",
                    piece.insertion_point()
                )
            })?;
        } else if files.insert(last.clone(), content.to_owned()).is_some() {
            return Err(format!("it generates `{last}` twice"));
        }
    }
    Ok(files)
}

/// `text` with `content` before the line of the insertion point, as far indented as that.
fn insert(text: &str, point: &str, content: &str) -> Option<String> {
    let at = text.find(&format!("@@protoc_insertion_point({point})"))?;
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = &text[start..];
    let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    let mut out = String::with_capacity(text.len() + content.len());
    out.push_str(&text[..start]);
    for line in content.split_inclusive('\n') {
        if !line.trim().is_empty() {
            out.push_str(indent);
        }
        out.push_str(line);
    }
    out.push_str(&text[start..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, point: &str, content: &str) -> File {
        File {
            name: (!name.is_empty()).then(|| name.to_owned()),
            insertion_point: (!point.is_empty()).then(|| point.to_owned()),
            content: Some(content.to_owned()),
            generated_code_info: None,
        }
    }

    #[test]
    fn pieces_are_joined_and_insertions_made() {
        let files = assemble(vec![
            file("a.txt", "", "one\n  // @@protoc_insertion_point(here)\n"),
            file("", "", "two\n"),
            file("a.txt", "here", "first\n"),
            file("a.txt", "here", "second\n\n"),
        ]);
        let text = "one\n  first\n  second\n\n  // @@protoc_insertion_point(here)\ntwo\n";
        assert_eq!(files.unwrap()["a.txt"], text);
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_refused() {
        let refused = |pieces| assemble(pieces).unwrap_err();
        assert!(refused(vec![file("", "", "x")]).contains("no name"));
        assert!(refused(vec![file("a", "here", "x")]).contains("not generated before"));
        assert!(
            refused(vec![file("a", "", ""), file("a", "here", "")]).contains("no insertion point")
        );
        assert!(refused(vec![file("a", "", ""), file("a", "", "")]).contains("twice"));
    }

    #[test]
    fn a_short_name_is_that_of_a_plugin() {
        let name = |text: &str| program(Path::new(text)).to_string_lossy().into_owned();
        assert_eq!(name("go"), "protoc-gen-go");
        assert_eq!(name("protoc-gen-go"), "protoc-gen-go");
        assert_eq!(name("./mine"), "./mine");
    }
}
