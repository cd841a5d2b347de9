//! Whether the files mean something, and what: every rule of the language, and the model that comes of it.
//!
//! Each family of rules is one file, which reports what is wrong and returns its part of the model. A part that cannot
//! be made is left out and its reason reported once. Knows the tree and the names; knows no protobuf descriptor. Of
//! Rust it knows only how names are spelt there.

mod accessors;
mod annotations;
mod arguments;
mod choices;
mod claims;
mod clashes;
mod constants;
mod cycles;
mod enums;
mod fields;
mod files;
mod hash_path;
mod identifiers;
mod lookup;
mod messages;
mod methods;
mod numbers;
mod patterns;
mod policy;
mod reserved;
mod rules;
mod services;
mod shapes;
mod strategies;
mod table;
mod values;
mod windows;

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use crate::diagnostic::Diagnostic;
use crate::model::{ConstantValue, Docs, FieldShape, File, Model, PackageName};
use crate::resolve::{DeclId, Loaded, Names, Near};
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::ast::{self, Item};

/// Checks every file and says what they mean. The model is whole only where no error is reported, here or before.
pub fn check(sources: &SourceMap, loaded: &Loaded, names: &Names) -> (Model, Vec<Diagnostic>) {
    let mut check = Check::new(sources, loaded, names);
    check.declarations();
    check.constants();
    let mut model = Model::default();
    for (position, file) in loaded.files.iter().enumerate() {
        let file = check.messages_and_enums(position, &file.ast);
        model.files.push(file);
    }
    check.required_cycles(&model);
    check.accessors(&model);
    for (position, file) in loaded.files.iter().enumerate() {
        check.services(position, &file.ast, &mut model.files[position]);
    }
    check.clashes();
    for (position, file) in model.files.iter_mut().enumerate() {
        check.file(position, file);
    }
    check.names_of_the_nameless();
    (model, check.out)
}

/// Where a name is written: look-up starts in `scope`, a full name without leading dot.
#[derive(Clone, Copy)]
struct Place<'p> {
    file: usize,
    scope: &'p str,
}

/// A field by name; no shape where its type is wrong.
type NamedShape = (Arc<str>, Option<FieldShape>);

/// What is known while checking.
struct Check<'a> {
    sources: &'a SourceMap,
    loaded: &'a Loaded,
    names: &'a Names,
    near: Near,
    /// Which file needs which of its imports.
    used: HashSet<(usize, usize)>,
    /// The `.proto` files of the well-known types that each file refers to.
    well_known: Vec<BTreeSet<&'static str>>,
    /// Reports of names that were not found, so that a second use becomes a label of the first report.
    missing: HashMap<(FileId, String), usize>,
    /// Those of them for which there was a near name.
    near_missing: HashSet<usize>,
    /// Files whose package is told where a name shows that it is wrong.
    misnamed: HashSet<FileId>,
    /// Files with names that were not found: which imports they need is not known.
    incomplete: HashSet<FileId>,
    /// Evaluated constants; `None` where one is wrong.
    constants: HashMap<DeclId, Option<ConstantValue>>,
    /// Every enum by name.
    enums: HashMap<Arc<str>, &'a ast::Enum>,
    /// The fields of every message by name.
    fields: HashMap<Arc<str>, Vec<NamedShape>>,
    /// The request messages of argument lists: by the place of the method, the simple name.
    requests: HashMap<Span, String>,
    out: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn new(sources: &'a SourceMap, loaded: &'a Loaded, names: &'a Names) -> Self {
        Self {
            sources,
            loaded,
            names,
            near: Near::default(),
            used: HashSet::default(),
            well_known: vec![BTreeSet::new(); loaded.files.len()],
            missing: HashMap::default(),
            near_missing: HashSet::default(),
            misnamed: HashSet::default(),
            incomplete: HashSet::default(),
            constants: HashMap::default(),
            enums: HashMap::default(),
            fields: HashMap::default(),
            requests: HashMap::default(),
            out: Vec::new(),
        }
    }

    /// Documentation of a declaration in `file`.
    fn docs(&self, file: FileId, docs: &ast::Docs) -> Docs {
        docs.in_source(&self.sources.file(file).text)
    }

    fn report(&mut self, report: Diagnostic) {
        self.out.push(report);
    }

    /// The part of a file that needs no other part: everything but services.
    fn messages_and_enums(&mut self, position: usize, file: &'a ast::File) -> File {
        let package = package(file);
        let mut made = File {
            import_path: self.sources.file(file.id).import_path.clone(),
            package: PackageName(package.as_str().into()),
            docs: self.docs(file.id, &file.docs),
            imports: Vec::new(),
            messages: Vec::new(),
            enums: Vec::new(),
            errors: Vec::new(),
            constants: Vec::new(),
            services: Vec::new(),
        };
        let place = Place {
            file: position,
            scope: &package,
        };
        for item in &file.items {
            match item {
                Item::Const(item) => made.constants.extend(self.constant(place, item)),
                Item::Message(item) => made.messages.push(self.message(place, item)),
                Item::Enum(item) => made.enums.push(self.enumeration(place, item)),
                Item::Error(item) => made.errors.extend(self.error(place, item)),
                Item::Service(_) => {}
            }
        }
        made
    }
}

/// The package of a file; empty where it has none, which the parser reports.
fn package(file: &ast::File) -> String {
    file.package.as_ref().map(dotted).unwrap_or_default()
}

/// A path without its leading dot.
fn dotted(path: &ast::Path) -> String {
    let parts: Vec<&str> = path.parts.iter().map(|part| &*part.text).collect();
    parts.join(".")
}

/// `scope.name`
fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// `a`, `b` or `c`, each in back quotes.
fn alternatives<'s>(words: impl IntoIterator<Item = &'s str>) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

/// The words `near` would offer, as the end of a help.
fn meant(near: Option<&str>) -> String {
    near.map(|word| format!("`{word}` is the nearest; "))
        .unwrap_or_default()
}
