//! `.proto` files as contracts.
//!
//! From descriptors with source info, as any compiler of protobuf makes them. Whatever has no counterpart is left out or
//! replaced, and said with its place; comments come along.

mod catalogue;
mod comments;
mod enums;
mod marks;
mod messages;
mod options;
mod services;

use std::collections::{BTreeMap, BTreeSet};

use prost_types::FileDescriptorProto;

use crate::print::form::{self, Item};

use catalogue::Catalogue;
use comments::Comments;
use services::Offer;

/// What became of `.proto` files.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// Text by import path: `shop/orders.rpc`.
    pub texts: BTreeMap<String, String>,
    /// What did not come along, by place.
    pub notes: Vec<Note>,
}

/// Something that has no counterpart, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The `.proto` file.
    pub file: String,
    /// From 1; 0 where the place is not known.
    pub line: i32,
    /// From 1.
    pub column: i32,
    /// What, and what was done.
    pub what: String,
}

/// The contracts of the files named `entries` and of all whose types they use. `files` holds these files and everything
/// that they import.
pub fn import(files: &[FileDescriptorProto], entries: &[String]) -> Import {
    let names = catalogue::names(files);
    let catalogue = Catalogue::new(files, &names);
    let mut import = Import::default();
    let mut forms: BTreeMap<String, form::File> = BTreeMap::new();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut offers: Vec<Offer> = Vec::new();
    for file in catalogue.wanted(entries) {
        let mut source = Source::new(&catalogue, file);
        if catalogue::is_own(file) {
            let what = "left out: the package `google.protobuf` is protobuf's own, and every contract knows its \
                        well-known types";
            source.note(&[], what);
            import.notes.append(&mut source.notes);
            continue;
        }
        let path = catalogue::path(file);
        let form = forms.entry(path.clone()).or_default();
        source.file(form);
        imports.entry(path).or_default().append(&mut source.used);
        offers.extend(source.offers());
        import.notes.append(&mut source.notes);
    }
    services::settle(offers, &mut forms, &mut imports);
    for (path, mut form) in forms {
        // A file that held nothing but services, which have gone to another.
        if form.items.is_empty() && form.package.is_empty() {
            continue;
        }
        let used = imports.remove(&path).unwrap_or_default();
        form.imports = used.into_iter().filter(|import| *import != path).collect();
        import.texts.insert(path, crate::print::text(&form));
    }
    import.notes.sort();
    import
}

/// One `.proto` file while it is read.
struct Source<'c, 'd> {
    catalogue: &'c Catalogue<'d>,
    file: &'d FileDescriptorProto,
    comments: Comments<'d>,
    package: String,
    /// The import paths of the contracts whose types it uses.
    used: BTreeSet<String>,
    notes: Vec<Note>,
}

impl<'c, 'd> Source<'c, 'd> {
    fn new(catalogue: &'c Catalogue<'d>, file: &'d FileDescriptorProto) -> Self {
        Self {
            catalogue,
            file,
            comments: Comments::new(file),
            package: file.package().to_owned(),
            used: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    /// Says that what stands at `path` of the descriptor `what`.
    fn note(&mut self, path: &[i32], what: impl Into<String>) {
        let (line, column) = self.comments.place(path);
        self.notes.push(Note {
            file: self.file.name().to_owned(),
            line,
            column,
            what: what.into(),
        });
    }

    /// Everything but services.
    fn file(&mut self, form: &mut form::File) {
        const MESSAGES: i32 = 4;
        const ENUMS: i32 = 5;
        let declares = !self.file.message_type.is_empty() || !self.file.enum_type.is_empty();
        let head = self.comments.head();
        if declares || !head.constants.is_empty() || self.file.service.is_empty() {
            if self.package.is_empty() {
                self.package = catalogue::package_of(self.file.name());
                let what = format!(
                    "no package: `{}` was taken from the path, so full names differ",
                    self.package
                );
                self.note(&[], what);
            }
            form.package.clone_from(&self.package);
            form.above = head.above;
        }
        self.file_options();
        form.items.extend(
            head.constants
                .into_iter()
                .map(|(above, statement)| Item::Const(above, statement)),
        );
        let mut items = Vec::new();
        for (index, message) in (0..).zip(&self.file.message_type) {
            let path = [MESSAGES, index];
            let scope = format!("{}.{}", self.package, message.name());
            items.push((
                self.comments.place(&path),
                self.message(&path, &scope, message),
            ));
        }
        for (index, one) in (0..).zip(&self.file.enum_type) {
            let path = [ENUMS, index];
            let made = Item::Enum(self.enumeration(&path, one));
            items.push((self.comments.place(&path), made));
        }
        items.sort_by_key(|(place, _)| *place);
        form.items.extend(items.into_iter().map(|(_, item)| item));
    }
}
