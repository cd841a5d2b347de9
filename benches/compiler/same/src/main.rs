//! Whether a tree means the same in both languages: `same-contract RPC_ROOT DESCRIPTOR_SET` compares the messages and
//! enums that Callsheet finds below a root with those of a descriptor set, such as protoc writes.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports to whoever started it"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use callsheet_build::descriptor;
use callsheet_build::driver;
use callsheet_build::host::{DiskLoader, ImportRoots};
use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, set] = arguments.as_slice() else {
        eprintln!("takes `RPC_ROOT DESCRIPTOR_SET`");
        return ExitCode::from(2);
    };
    match compare(Path::new(root), Path::new(set)) {
        Ok(types) => {
            println!("types={types}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// How many top-level types there are, the same in both.
fn compare(root: &Path, set: &Path) -> Result<usize, Box<dyn Error>> {
    let roots = ImportRoots::new([root])?;
    let entries = roots.entries(&[root])?;
    let analysis = driver::analyse(&mut DiskLoader::new(roots), &entries);
    let model = analysis.model.ok_or("Callsheet finds errors in the tree")?;
    let ours = types(descriptor::lower(&model));
    let theirs = types(FileDescriptorSet::decode(fs::read(set)?.as_slice())?.file);
    if let Some(name) = ours.keys().find(|name| !theirs.contains_key(*name)) {
        return Err(format!("{name} is in the .rpc files only").into());
    }
    for (name, theirs) in &theirs {
        match ours.get(name) {
            Some(ours) if ours == theirs => {}
            Some(ours) => {
                return Err(format!("{name} differs: {}", difference(ours, theirs)).into());
            }
            None => return Err(format!("{name} is in the .proto files only").into()),
        }
    }
    Ok(ours.len())
}

/// The first lines that differ.
fn difference(ours: &Type, theirs: &Type) -> String {
    let [ours, theirs] = [ours, theirs].map(|one| format!("{one:#?}"));
    let lines = ours.lines().zip(theirs.lines());
    let found = lines.enumerate().find(|(_, (ours, theirs))| ours != theirs);
    found.map_or_else(
        || "one is longer".to_owned(),
        |(at, _)| {
            let from = |text: &str| -> String {
                text.lines().skip(at.saturating_sub(3)).take(6).collect()
            };
            format!("ours {}; theirs {}", from(&ours), from(&theirs))
        },
    )
}

/// A top-level type.
#[derive(Debug, PartialEq)]
enum Type {
    Message(DescriptorProto),
    Enum(EnumDescriptorProto),
}

/// Every type of the trees by its file and name, without what depends on the one who writes a descriptor.
fn types(files: Vec<FileDescriptorProto>) -> BTreeMap<String, Type> {
    let mut types = BTreeMap::new();
    for file in files {
        let path = file.name().to_owned();
        if path.starts_with("google/protobuf/") {
            continue;
        }
        for mut message in file.message_type {
            plain(&mut message);
            types.insert(
                format!("{path}: {}", message.name()),
                Type::Message(message),
            );
        }
        for enumeration in file.enum_type {
            types.insert(
                format!("{path}: {}", enumeration.name()),
                Type::Enum(enumeration),
            );
        }
    }
    types
}

/// protoc writes the names in JSON, which follow from those of the fields; and the order of nested types is nobody's
/// business.
fn plain(message: &mut DescriptorProto) {
    for field in &mut message.field {
        field.json_name = None;
    }
    for nested in &mut message.nested_type {
        plain(nested);
    }
    message
        .nested_type
        .sort_by(|one, other| one.name.cmp(&other.name));
}
