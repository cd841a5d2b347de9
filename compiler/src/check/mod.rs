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
mod declared;
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
mod whole;
mod windows;

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use crate::diagnostic::Diagnostic;
use crate::model::{ConstantValue, Docs, Documentation, FieldShape, File, Model, PackageName};
use crate::parallel;
use crate::resolve::{DeclId, Loaded, Names, Near};
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::ast::{self, Item};
use whole::Whole;

/// Checks every file and says what they mean. The model is whole only where no error is reported, here or before.
///
/// What needs all files at once is done first and last; in between each file is checked by itself, on all cores.
pub fn check(sources: &SourceMap, loaded: &Loaded, names: &Names) -> (Model, Vec<Diagnostic>) {
    let mut checks: Vec<Check<'_>> = (0..loaded.files.len())
        .map(|position| Check::new(sources, loaded, names, position))
        .collect();
    let near = Near::default();
    let near = constants::constants(&mut checks, near);
    let files = each(&mut checks, near);
    let mut whole = Whole::new(sources, loaded, names);
    let mut model = Model { files };
    for check in checks {
        whole.add(check);
    }
    whole.duplicates();
    whole.required_cycles(&model);
    whole.clashes();
    for (position, file) in model.files.iter_mut().enumerate() {
        whole.file(position, file);
    }
    whole.names_of_the_nameless();
    (model, whole.out)
}

/// Checks the files one by one, on all cores.
///
/// Near names are looked for within one budget for all files, in their order. So each has an equal share at first, and those
/// to which it does not suffice are checked again with what the others have left: what is found does not depend on which
/// file came first.
fn each(checks: &mut [Check<'_>], near: Near) -> Vec<File> {
    let share = near.share(checks.len());
    let made = parallel::map(checks, |check| {
        let mut attempt = check.clone();
        attempt.near = share.clone();
        let file = attempt.whole_file();
        (attempt, file)
    });
    let mut files = Vec::with_capacity(made.len());
    let mut again = Vec::new();
    for (position, (attempt, file)) in made.into_iter().enumerate() {
        if attempt.near.sufficed() {
            near.spend(&share, &attempt.near);
            checks[position] = attempt;
        } else {
            again.push(position);
        }
        files.push(file);
    }
    let mut near = near;
    for position in again {
        let check = &mut checks[position];
        check.near = near;
        files[position] = check.whole_file();
        near = std::mem::take(&mut check.near);
    }
    files
}

/// Where a name is written: look-up starts in `scope`, a full name without leading dot.
#[derive(Clone, Copy)]
struct Place<'p> {
    file: usize,
    scope: &'p str,
}

/// A field by name; no shape where its type is wrong.
type NamedShape = (Arc<str>, Option<FieldShape>);

/// The values of constants; `None` where one is wrong.
type Constants = HashMap<DeclId, Option<ConstantValue>>;

/// What is known while checking one file.
#[derive(Clone)]
struct Check<'a> {
    sources: &'a SourceMap,
    loaded: &'a Loaded,
    names: &'a Names,
    /// The file, by position.
    position: usize,
    documentation: Documentation,
    near: Near,
    /// Which of its imports it needs.
    used: HashSet<usize>,
    /// The `.proto` files of the well-known types that it refers to.
    well_known: BTreeSet<&'static str>,
    /// Reports of names that were not found, so that a second use becomes a label of the first report.
    missing: HashMap<String, usize>,
    /// Those of them for which there was a near name.
    near_missing: HashSet<usize>,
    /// Files whose package is told where a name shows that it is wrong, by the report that does.
    misnamed: HashMap<FileId, usize>,
    /// Whether it has names that were not found: which imports it needs is not known.
    incomplete: bool,
    /// Of all files.
    constants: Arc<Constants>,
    /// The fields of the request messages that are made for argument lists, by name.
    fields: HashMap<Arc<str>, Vec<NamedShape>>,
    /// The request messages of argument lists: by the place of the method, the simple name.
    requests: HashMap<Span, String>,
    out: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn new(sources: &'a SourceMap, loaded: &'a Loaded, names: &'a Names, position: usize) -> Self {
        let file = &loaded.files[position].ast;
        Self {
            sources,
            loaded,
            names,
            position,
            documentation: file.documentation(&sources.file(file.id).text),
            near: Near::nothing(),
            used: HashSet::default(),
            well_known: BTreeSet::new(),
            missing: HashMap::default(),
            near_missing: HashSet::default(),
            misnamed: HashMap::default(),
            incomplete: false,
            constants: Arc::default(),
            fields: HashMap::default(),
            requests: HashMap::default(),
            out: Vec::new(),
        }
    }

    /// Documentation of a declaration in this file.
    fn docs(&self, docs: ast::Docs) -> Docs {
        self.documentation.part(docs.range())
    }

    fn report(&mut self, report: Diagnostic) {
        self.out.push(report);
    }

    /// Everything that can be said of a file without knowing what else was found.
    fn whole_file(&mut self) -> File {
        let loaded = self.loaded;
        let file = &loaded.files[self.position].ast;
        self.declarations(file);
        let mut made = self.messages_and_enums(file);
        self.accessors(&made);
        self.services(file, &mut made);
        made
    }

    /// The part of a file that needs no other part: everything but services.
    fn messages_and_enums(&mut self, file: &'a ast::File) -> File {
        let package = package(file);
        let (mut messages, mut enums, mut errors) = (0, 0, 0);
        for item in &file.items {
            match item {
                Item::Message(_) => messages += 1,
                Item::Enum(_) => enums += 1,
                Item::Error(_) => errors += 1,
                Item::Const(_) | Item::Service(_) => {}
            }
        }
        let mut made = File {
            import_path: self.sources.file(file.id).import_path.clone(),
            package: PackageName(package.as_str().into()),
            docs: self.docs(file.docs),
            imports: Vec::new(),
            messages: Vec::with_capacity(messages),
            enums: Vec::with_capacity(enums),
            errors: Vec::with_capacity(errors),
            constants: Vec::new(),
            services: Vec::new(),
        };
        let place = Place {
            file: self.position,
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
