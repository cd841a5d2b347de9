//! Every declaration by its full name, and the look-up of written names.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use crate::model::FullName;
use crate::source::Span;
use crate::syntax::ast::{self, Item, Member, Path};

use super::{Import, Loaded, wellknown};

/// Names one declaration of a [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeclId(usize);

/// A declaration that other places may name.
#[derive(Clone, Debug)]
pub struct Decl {
    /// Its full name.
    pub name: FullName,
    /// What it is.
    pub kind: DeclKind,
    /// The file that has it, by position in [`Loaded::files`]; `None` for a well-known type.
    pub file: Option<usize>,
    /// Where its name stands; `None` for a well-known type.
    pub span: Option<Span>,
}

/// The kinds of declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeclKind {
    /// A message.
    Message,
    /// An enum.
    Enum,
    /// A typed error.
    Error,
    /// A service.
    Service,
    /// A constant.
    Constant,
}

impl DeclKind {
    /// With its article, for a sentence.
    pub fn described(self) -> &'static str {
        match self {
            Self::Message => "a message",
            Self::Enum => "an enum",
            Self::Error => "an error",
            Self::Service => "a service",
            Self::Constant => "a constant",
        }
    }
}

/// What one file sees.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) package: String,
    /// Itself and its imports.
    pub(super) files: HashSet<usize>,
    /// Imported files, in order.
    pub(super) imports: Vec<usize>,
    /// Its own declarations, by position.
    pub(super) decls: Range<usize>,
    /// Every package of these with every prefix.
    pub(super) packages: HashSet<String>,
    /// Whether an import failed, so that names may be unknown for a reason already reported.
    pub(super) partial: bool,
    /// Whether the package of this file or of an import is lost or missing, so that names of several parts may be unknown
    /// for a reason already reported. One without dots does not depend on it.
    pub(super) unplaced: bool,
    /// What the parser could not read.
    pub(super) lost: ast::Lost,
}

/// The declarations of all files.
#[derive(Debug, Default)]
pub struct Names {
    decls: Vec<Decl>,
    by_name: HashMap<Arc<str>, Vec<DeclId>>,
    by_span: HashMap<Span, DeclId>,
    /// Top-level declarations by their last part.
    pub(super) simple: HashMap<Arc<str>, Vec<DeclId>>,
    pub(super) views: Vec<View>,
}

impl Names {
    /// Collects what the files declare.
    pub fn new(loaded: &Loaded) -> Self {
        let mut names = Self::default();
        for known in wellknown::ALL {
            let kind = match known.fields {
                Some(_) => DeclKind::Message,
                None => DeclKind::Enum,
            };
            names.declare(FullName(known.name.into()), kind, None, None);
        }
        for (position, file) in loaded.files.iter().enumerate() {
            let package = package_text(&file.ast);
            let first = names.decls.len();
            for item in &file.ast.items {
                names.item(position, &package, item);
            }
            let lost = file.ast.lost.clone();
            names.views.push(View {
                partial: lost.covers("import") || file.imports.contains(&Import::Missing),
                unplaced: file.ast.package.is_none() || lost.package,
                package,
                lost,
                decls: first..names.decls.len(),
                ..View::default()
            });
        }
        for (position, file) in loaded.files.iter().enumerate() {
            names.look_around(position, &file.imports);
        }
        names
    }

    fn look_around(&mut self, position: usize, imports: &[Import]) {
        let mut view = View {
            packages: HashSet::from_iter(["google".to_owned(), "google.protobuf".to_owned()]),
            ..std::mem::take(&mut self.views[position])
        };
        view.files.insert(position);
        for import in imports {
            if let Import::File(target) = *import {
                view.imports.push(target);
                view.files.insert(target);
            }
        }
        add_prefixes(&mut view.packages, &view.package);
        for &target in &view.imports {
            let other = &self.views[target];
            add_prefixes(&mut view.packages, &other.package);
            view.unplaced |= other.unplaced;
        }
        self.views[position] = view;
    }

    fn item(&mut self, file: usize, package: &str, item: &Item) {
        let (ident, kind) = match item {
            Item::Const(item) => (&item.name, DeclKind::Constant),
            Item::Message(item) => (&item.name, DeclKind::Message),
            Item::Enum(item) => (&item.name, DeclKind::Enum),
            Item::Error(item) => (&item.name, DeclKind::Error),
            Item::Service(item) => (&item.name, DeclKind::Service),
        };
        let name = join(package, &ident.text);
        let id = self.declare(
            FullName(name.as_str().into()),
            kind,
            Some(file),
            Some(ident.span),
        );
        self.simple.entry(ident.text.clone()).or_default().push(id);
        match item {
            Item::Message(item) => self.members(file, &name, &item.members),
            Item::Error(item) => self.members(file, &name, &item.members),
            Item::Const(_) | Item::Enum(_) | Item::Service(_) => {}
        }
    }

    fn members(&mut self, file: usize, scope: &str, members: &[Member]) {
        for member in members {
            match member {
                Member::Message(nested) => {
                    let name = join(scope, &nested.name.text);
                    let full = FullName(name.as_str().into());
                    self.declare(full, DeclKind::Message, Some(file), Some(nested.name.span));
                    self.members(file, &name, &nested.members);
                }
                Member::Enum(nested) => {
                    let full = FullName(join(scope, &nested.name.text).into());
                    self.declare(full, DeclKind::Enum, Some(file), Some(nested.name.span));
                }
                Member::Field(_) | Member::Oneof(_) | Member::Reserved(_) => {}
            }
        }
    }

    fn declare(
        &mut self,
        name: FullName,
        kind: DeclKind,
        file: Option<usize>,
        span: Option<Span>,
    ) -> DeclId {
        let id = DeclId(self.decls.len());
        self.by_name.entry(name.0.clone()).or_default().push(id);
        if let Some(span) = span {
            self.by_span.insert(span, id);
        }
        self.decls.push(Decl {
            name,
            kind,
            file,
            span,
        });
        id
    }

    /// The declaration that `id` names.
    pub fn decl(&self, id: DeclId) -> &Decl {
        &self.decls[id.0]
    }

    /// The declaration whose name stands at `span`.
    pub fn at(&self, span: Span) -> Option<DeclId> {
        self.by_span.get(&span).copied()
    }

    /// Every declaration, in order of files, an outer one before those inside.
    pub fn iter(&self) -> impl Iterator<Item = (DeclId, &Decl)> {
        self.decls
            .iter()
            .enumerate()
            .map(|(index, decl)| (DeclId(index), decl))
    }

    /// Every declaration of this full name, in order.
    pub fn named(&self, name: &str) -> &[DeclId] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// Every declaration that `file` may name, those of one file side by side.
    pub fn visible(&self, file: usize) -> impl Iterator<Item = (DeclId, &Decl)> {
        let view = &self.views[file];
        let files = std::iter::once(file).chain(view.imports.iter().copied());
        let ranges = files.map(|file| self.views[file].decls.clone());
        let built_in = 0..wellknown::ALL.len();
        std::iter::once(built_in)
            .chain(ranges)
            .flatten()
            .map(|index| (DeclId(index), &self.decls[index]))
    }

    /// Whether `file` may name `id`.
    pub fn sees(&self, file: usize, id: DeclId) -> bool {
        self.decls[id.0]
            .file
            .is_none_or(|owner| self.views[file].files.contains(&owner))
    }
}

/// The package of a file, empty where it has none.
fn package_text(file: &ast::File) -> String {
    file.package.as_ref().map(text).unwrap_or_default()
}

/// A path without its leading dot.
pub(super) fn text(path: &Path) -> String {
    let parts: Vec<&str> = path.parts.iter().map(|part| &*part.text).collect();
    parts.join(".")
}

/// `scope.name`
pub(super) fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// `a.b.c`, `a.b`, `a`, and the top; only the top for an absolute name.
pub(super) fn scopes(scope: &str, absolute: bool) -> impl Iterator<Item = &str> {
    let start = if absolute { "" } else { scope };
    std::iter::successors(Some(start), |scope| {
        if scope.is_empty() {
            None
        } else {
            Some(scope.rsplit_once('.').map_or("", |(outer, _)| outer))
        }
    })
}

fn add_prefixes(packages: &mut HashSet<String>, package: &str) {
    for scope in scopes(package, false) {
        if !scope.is_empty() {
            packages.insert(scope.to_owned());
        }
    }
}
