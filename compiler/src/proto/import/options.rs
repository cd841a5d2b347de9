//! Options: what they are called, and that most of them have no counterpart.

use prost_types::field_options::{CType, JsType};
use prost_types::{FieldDescriptorProto, FieldOptions};

use super::Source;

const PUBLIC: i32 = 10;
const WEAK: i32 = 11;
const EXTENSIONS: i32 = 7;
const OPTIONS: i32 = 8;

/// The first number that an option of a user may have.
const CUSTOM: i32 = 1000;

impl Source<'_, '_> {
    /// What is said about the file as a whole.
    pub(super) fn file_options(&mut self) {
        if self.file.syntax() != "proto3" {
            self.note(
                &[12],
                "proto2: lists of numbers are packed from now on, and enums keep numbers that they do not know; both are \
                 read by every protobuf since 2.3",
            );
        }
        for (index, _) in (0..).zip(&self.file.public_dependency) {
            let what = "a public import is a plain one: who uses its types imports it too";
            self.note(&[PUBLIC, index], what);
        }
        for (index, _) in (0..).zip(&self.file.weak_dependency) {
            self.note(&[WEAK, index], "a weak import is a plain one");
        }
        self.extensions(&[], EXTENSIONS, &self.file.extension);
        let Some(options) = &self.file.options else {
            return;
        };
        let set = [
            ("java_package", options.java_package.is_some()),
            (
                "java_outer_classname",
                options.java_outer_classname.is_some(),
            ),
            ("java_multiple_files", options.java_multiple_files.is_some()),
            (
                "java_string_check_utf8",
                options.java_string_check_utf8.is_some(),
            ),
            ("optimize_for", options.optimize_for.is_some()),
            ("go_package", options.go_package.is_some()),
            ("cc_generic_services", options.cc_generic_services.is_some()),
            (
                "java_generic_services",
                options.java_generic_services.is_some(),
            ),
            ("py_generic_services", options.py_generic_services.is_some()),
            (
                "php_generic_services",
                options.php_generic_services.is_some(),
            ),
            ("deprecated", options.deprecated.is_some()),
            ("cc_enable_arenas", options.cc_enable_arenas.is_some()),
            ("objc_class_prefix", options.objc_class_prefix.is_some()),
            ("csharp_namespace", options.csharp_namespace.is_some()),
            ("swift_prefix", options.swift_prefix.is_some()),
            ("php_class_prefix", options.php_class_prefix.is_some()),
            ("php_namespace", options.php_namespace.is_some()),
            (
                "php_metadata_namespace",
                options.php_metadata_namespace.is_some(),
            ),
            ("ruby_package", options.ruby_package.is_some()),
        ];
        let names: Vec<&str> = set
            .iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| *name)
            .collect();
        if !names.is_empty() {
            self.note(
                &[OPTIONS],
                format!("options of the file are not kept: {}", names.join(", ")),
            );
        }
        self.custom_options(&[], OPTIONS, "FileOptions");
    }

    /// Options of protobuf itself that a field may have.
    pub(super) fn field_options(
        &mut self,
        path: &[i32],
        field: &FieldDescriptorProto,
        options: &FieldOptions,
    ) {
        let set = [
            (
                "ctype",
                options.ctype.is_some() && options.ctype() != CType::String,
            ),
            ("packed = false", options.packed == Some(false)),
            (
                "jstype",
                options.jstype.is_some() && options.jstype() != JsType::JsNormal,
            ),
            ("lazy", options.lazy()),
            ("weak", options.weak()),
        ];
        for (name, _) in set.iter().filter(|(_, set)| *set) {
            let what = format!("`{name}` of `{}` is not kept", field.name());
            self.note(path, what);
        }
    }

    /// Says which options of users stand on the thing at `path`, whose options are its part `step`.
    pub(super) fn custom_options(&mut self, path: &[i32], step: i32, extendee: &str) {
        let prefix = [path, &[step]].concat();
        let mut numbers: Vec<i32> = self
            .comments
            .options(&prefix)
            .filter(|number| *number >= CUSTOM)
            .collect();
        numbers.dedup();
        for number in numbers {
            let extendee = format!("google.protobuf.{extendee}");
            let name = self.catalogue.extension(&extendee, number);
            let name = name.map_or_else(|| number.to_string(), str::to_owned);
            let path = [&*prefix, &[number]].concat();
            self.note(&path, format!("the option `({name})` is not kept"));
        }
    }
}
