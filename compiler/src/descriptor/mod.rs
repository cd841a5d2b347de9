//! The protobuf contract: what the model means to any protobuf tool.
//!
//! Knows the model and `prost_types`; knows no Rust that is to be generated.

mod message;
mod path;
mod well_known;

use std::collections::BTreeSet;

use prost_types::FileDescriptorProto;

use crate::model::{File, Model};

pub use message::json_name;
pub use path::field_numbers;

/// The name of the descriptor of an `.rpc` file: `shop/orders.proto` for `shop/orders.rpc`.
pub fn proto_path(import_path: &str) -> String {
    match import_path.strip_suffix(".rpc") {
        Some(stem) => format!("{stem}.proto"),
        None => import_path.to_owned(),
    }
}

/// Protobuf's own files, those that need no import.
pub fn well_known_files() -> Vec<FileDescriptorProto> {
    well_known::FILES
        .iter()
        .filter_map(|name| well_known::file(name))
        .collect()
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

/// The descriptor of one file.
pub fn lower_file(file: &File) -> FileDescriptorProto {
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
