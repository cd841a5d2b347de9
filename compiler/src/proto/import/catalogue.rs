//! What all files declare, and where.

use std::collections::{BTreeSet, HashMap};

use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::super::HEADER;
use crate::print::Symbols;
use crate::resolve::{WORDS, well_known};

/// The full names of all types, each with the position of its file.
pub(super) fn names(files: &[FileDescriptorProto]) -> Vec<(String, usize)> {
    let mut names = Vec::new();
    for (position, file) in files.iter().enumerate() {
        for message in &file.message_type {
            nested_names(file.package(), message, position, &mut names);
        }
        for one in &file.enum_type {
            names.push((join(file.package(), one.name()), position));
        }
    }
    names
}

fn nested_names(
    scope: &str,
    message: &DescriptorProto,
    position: usize,
    names: &mut Vec<(String, usize)>,
) {
    let name = join(scope, message.name());
    for one in &message.enum_type {
        names.push((format!("{name}.{}", one.name()), position));
    }
    for nested in &message.nested_type {
        nested_names(&name, nested, position, names);
    }
    names.push((name, position));
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// Whether a file is protobuf's own: no contract can be of its package.
pub(super) fn is_own(file: &FileDescriptorProto) -> bool {
    file.package() == "google.protobuf"
}

/// A package for a file that has none: `shop.orders` for `shop/orders.proto`.
pub(super) fn package_of(name: &str) -> String {
    let stem = name.strip_suffix(".proto").unwrap_or(name);
    let part = |part: &str| {
        let mut word: String = part
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() {
                    letter
                } else {
                    '_'
                }
            })
            .collect();
        if word.is_empty() || word.starts_with(|first: char| first.is_ascii_digit()) {
            word.insert(0, '_');
        }
        word
    };
    stem.split('/').map(part).collect::<Vec<_>>().join(".")
}

/// What is looked up while reading.
pub(super) struct Catalogue<'d> {
    files: &'d [FileDescriptorProto],
    symbols: Symbols<'d>,
    /// Which file declares a type.
    homes: HashMap<&'d str, usize>,
    /// Packages that declare messages or enums.
    declaring: BTreeSet<&'d str>,
    /// Extensions of options: by what they extend and their number.
    extensions: HashMap<(String, i32), String>,
}

impl<'d> Catalogue<'d> {
    pub(super) fn new(files: &'d [FileDescriptorProto], names: &'d [(String, usize)]) -> Self {
        let mut catalogue = Self {
            files,
            symbols: Symbols::default(),
            homes: HashMap::new(),
            declaring: BTreeSet::new(),
            extensions: HashMap::new(),
        };
        for (name, position) in names {
            catalogue.symbols.add(name);
            catalogue.homes.insert(name, *position);
        }
        for file in files {
            catalogue.symbols.add_package(file.package());
            if !file.message_type.is_empty() || !file.enum_type.is_empty() {
                catalogue.declaring.insert(file.package());
            }
            catalogue.extend(file.package(), &file.extension);
            for message in &file.message_type {
                catalogue.extend_within(file.package(), message);
            }
        }
        catalogue
    }

    fn extend(&mut self, scope: &str, extensions: &'d [FieldDescriptorProto]) {
        for one in extensions {
            let extendee = one.extendee().trim_start_matches('.');
            let key = (extendee.to_owned(), one.number());
            self.extensions.insert(key, join(scope, one.name()));
        }
    }

    fn extend_within(&mut self, scope: &str, message: &'d DescriptorProto) {
        let scope = join(scope, message.name());
        self.extend(&scope, &message.extension);
        for nested in &message.nested_type {
            self.extend_within(&scope, nested);
        }
    }

    /// The name of the option of this number.
    pub(super) fn extension(&self, extendee: &str, number: i32) -> Option<&str> {
        let key = (extendee.to_owned(), number);
        self.extensions.get(&key).map(String::as_str)
    }

    /// Whether a package holds more than services.
    pub(super) fn declares(&self, package: &str) -> bool {
        self.declaring.contains(package)
    }

    /// Whether a type is one of protobuf's own that no contract knows.
    pub(super) fn is_unknown(&self, name: &str) -> bool {
        let name = name.trim_start_matches('.');
        let home = self.homes.get(name).map(|&home| &self.files[home]);
        home.is_some_and(is_own) && well_known(name).is_none()
    }

    /// The files of `entries`, and those whose types they use at any remove, in their order.
    pub(super) fn wanted(&self, entries: &[String]) -> Vec<&'d FileDescriptorProto> {
        let mut wanted: BTreeSet<usize> = BTreeSet::new();
        let mut open: Vec<usize> = (0..self.files.len())
            .filter(|&position| {
                entries
                    .iter()
                    .any(|entry| entry == self.files[position].name())
            })
            .collect();
        while let Some(position) = open.pop() {
            if !wanted.insert(position) {
                continue;
            }
            for name in types(&self.files[position]) {
                let home = self.homes.get(name.trim_start_matches('.')).copied();
                let other = home.filter(|&home| !is_own(&self.files[home]));
                open.extend(other);
            }
        }
        wanted
            .into_iter()
            .map(|position| &self.files[position])
            .collect()
    }

    /// How a type is written in `scope` of `package`, and the contract that has to be imported for it.
    pub(super) fn written(
        &self,
        package: &str,
        scope: &str,
        name: &str,
    ) -> (String, Option<String>) {
        let name = name.trim_start_matches('.');
        if let Some((word, _)) = WORDS.iter().find(|(_, full)| *full == name) {
            return ((*word).to_owned(), None);
        }
        let home = self.homes.get(name).map(|&home| &self.files[home]);
        let import = home.filter(|_| well_known(name).is_none()).map(path);
        // A file without a package has got one.
        let full = match home {
            Some(file) if file.package().is_empty() => {
                let full = format!("{}.{name}", package_of(file.name()));
                return (format!(".{full}"), import);
            }
            _ => name,
        };
        let written = self.symbols.written(package, scope, full);
        (written.into_owned(), import)
    }
}

/// The import path of the contract that a file becomes: what it was made from, or else its own.
pub(super) fn path(file: &FileDescriptorProto) -> String {
    if let Some(source) = made_from(file) {
        return source;
    }
    let stem = file.name().strip_suffix(".proto").unwrap_or(file.name());
    format!("{stem}.rpc")
}

/// The source that a file of ours names in its first line.
pub(super) fn made_from(file: &FileDescriptorProto) -> Option<String> {
    let info = file.source_code_info.as_ref()?;
    let said = HEADER.trim_start_matches("// ");
    let comments = info
        .location
        .iter()
        .filter(|location| location.path == [12])
        .flat_map(|location| &location.leading_detached_comments);
    comments
        .filter_map(|comment| comment.trim().strip_prefix(said)?.strip_prefix(" from "))
        .find_map(|rest| {
            let path = rest.split(". Do not edit").next()?;
            let plain = path.strip_suffix(".rpc").is_some()
                && path
                    .split('/')
                    .all(|part| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':']));
            plain.then(|| path.to_owned())
        })
}

/// Every type that a file names.
fn types(file: &FileDescriptorProto) -> Vec<&str> {
    let mut types = Vec::new();
    for message in &file.message_type {
        within(message, &mut types);
    }
    for method in file.service.iter().flat_map(|service| &service.method) {
        types.extend([method.input_type(), method.output_type()]);
    }
    types
}

fn within<'d>(message: &'d DescriptorProto, types: &mut Vec<&'d str>) {
    types.extend(message.field.iter().map(FieldDescriptorProto::type_name));
    for nested in &message.nested_type {
        within(nested, types);
    }
}
