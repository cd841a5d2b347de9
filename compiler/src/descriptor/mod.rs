//! The protobuf contract: what the model means to any protobuf tool.
//!
//! Knows the model and `prost_types`; knows no Rust that is to be generated.

mod message;
mod well_known;

use std::collections::{BTreeMap, BTreeSet};

use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::model::{File, Model};

/// The name of the descriptor of an `.rpc` file: `shop/orders.proto` for `shop/orders.rpc`.
pub fn proto_path(import_path: &str) -> String {
    match import_path.strip_suffix(".rpc") {
        Some(stem) => format!("{stem}.proto"),
        None => import_path.to_owned(),
    }
}

/// One descriptor per file of the model, in its order; behind those of Protobuf's own files that they refer to, at any
/// remove, each behind all that it imports.
pub fn lower(model: &Model) -> Vec<FileDescriptorProto> {
    let mut files = well_known(model);
    files.extend(model.files.iter().map(lower_file));
    files
}

/// The descriptors of Protobuf's own files that the model refers to, at any remove, each behind all that it imports.
pub fn well_known(model: &Model) -> Vec<FileDescriptorProto> {
    let mut files = Vec::new();
    let mut present = BTreeSet::new();
    for import in model.files.iter().flat_map(|file| &file.imports) {
        add_well_known(import, &mut present, &mut files);
    }
    files
}

/// The files named `roots` and all that they import, in the order of `files`.
pub fn closure(files: &[FileDescriptorProto], roots: &[String]) -> FileDescriptorSet {
    let by_name: BTreeMap<&str, &FileDescriptorProto> =
        files.iter().map(|file| (file.name(), file)).collect();
    let mut wanted = BTreeSet::new();
    let mut open: Vec<&str> = roots.iter().map(String::as_str).collect();
    while let Some(name) = open.pop() {
        if let Some(file) = by_name.get(name)
            && wanted.insert(name)
        {
            open.extend(file.dependency.iter().map(String::as_str));
        }
    }
    FileDescriptorSet {
        file: files
            .iter()
            .filter(|file| wanted.contains(file.name()))
            .cloned()
            .collect(),
    }
}

fn add_well_known(
    name: &str,
    present: &mut BTreeSet<String>,
    files: &mut Vec<FileDescriptorProto>,
) {
    let Some(file) = well_known::file(name) else {
        return;
    };
    if !present.insert(name.to_owned()) {
        return;
    }
    for dependency in &file.dependency {
        add_well_known(dependency, present, files);
    }
    files.push(file);
}

fn lower_file(file: &File) -> FileDescriptorProto {
    let errors = file.errors.iter().map(|error| &error.message);
    FileDescriptorProto {
        name: Some(proto_path(&file.import_path)),
        package: Some(file.package.to_string()),
        dependency: file
            .imports
            .iter()
            .map(|import| proto_path(import))
            .collect(),
        message_type: file
            .messages
            .iter()
            .chain(errors)
            .map(message::lower_message)
            .collect(),
        enum_type: file.enums.iter().map(message::lower_enum).collect(),
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}
