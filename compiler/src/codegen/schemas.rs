//! The descriptors that each package embeds: of its own files, and of those that no generated package has. The others are
//! those of the packages that it imports, so that all packages together hold each file of the contracts once.

use std::collections::{BTreeSet, HashMap, HashSet};

use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::descriptor;
use crate::model::{File, Model, PackageName};

use super::options::Options;

/// Every file that a package may have to embed, by import path.
#[derive(Debug)]
pub(super) struct Schemas<'a> {
    files: HashMap<&'a str, &'a File>,
    well_known: HashMap<&'a str, &'a FileDescriptorProto>,
    options: &'a Options,
}

/// What one package embeds.
#[derive(Debug)]
pub(super) struct Embedded<'a> {
    /// A protobuf-encoded `FileDescriptorSet`.
    pub(super) set: Vec<u8>,
    /// The generated packages that it imports, but for itself.
    pub(super) imports: BTreeSet<&'a PackageName>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(
        model: &'a Model,
        well_known: &'a [FileDescriptorProto],
        options: &'a Options,
    ) -> Self {
        Self {
            files: model
                .files
                .iter()
                .map(|file| (&*file.import_path, file))
                .collect(),
            well_known: well_known.iter().map(|file| (file.name(), file)).collect(),
            options,
        }
    }

    /// What `package` embeds, which consists of these files.
    pub(super) fn of(&self, package: &PackageName, own: &[&'a File]) -> Embedded<'a> {
        let mut imports = BTreeSet::new();
        let mut met: HashSet<&str> = HashSet::new();
        let mut set = FileDescriptorSet::default();
        // Own files come in dependency order; what they import of others is looked into at once.
        for file in own {
            let mut foreign = Vec::new();
            let mut open: Vec<&'a str> = file.imports.iter().map(|import| &**import).collect();
            while let Some(path) = open.pop() {
                if let Some(file) = self.well_known.get(path) {
                    if met.insert(path) {
                        foreign.push((*file).clone());
                        open.extend(file.dependency.iter().map(String::as_str));
                    }
                } else if let Some(file) = self.files.get(path) {
                    if self.options.extern_path(&file.package.0).is_none() {
                        imports.insert(&file.package);
                    } else if met.insert(path) {
                        foreign.push(descriptor::lower_file(file));
                        open.extend(file.imports.iter().map(|import| &**import));
                    }
                }
            }
            set.file.extend(foreign.into_iter().rev());
            set.file.push(descriptor::lower_file(file));
        }
        imports.remove(package);
        Embedded {
            set: set.encode_to_vec(),
            imports,
        }
    }
}
