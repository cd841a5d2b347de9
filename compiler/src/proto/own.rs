//! Where the code that protobuf's own files have in other languages is: their options, as protobuf gives them.

use heck::ToUpperCamelCase as _;
use prost_types::{FileDescriptorProto, FileOptions};

/// Adds to one of protobuf's own files the options that plugins look for.
pub(super) fn complete(file: &mut FileDescriptorProto) {
    let Some(stem) = file
        .name()
        .strip_prefix("google/protobuf/")
        .and_then(|name| name.strip_suffix(".proto"))
    else {
        return;
    };
    let go = stem.replace('_', "");
    // Three files are written without.
    let arenas = !matches!(stem, "any" | "api" | "source_context");
    file.options = Some(FileOptions {
        java_package: Some("com.google.protobuf".to_owned()),
        java_outer_classname: Some(format!("{}Proto", stem.to_upper_camel_case())),
        java_multiple_files: Some(true),
        go_package: Some(format!("google.golang.org/protobuf/types/known/{go}pb")),
        cc_enable_arenas: arenas.then_some(true),
        objc_class_prefix: Some("GPB".to_owned()),
        csharp_namespace: Some("Google.Protobuf.WellKnownTypes".to_owned()),
        ..FileOptions::default()
    });
}
