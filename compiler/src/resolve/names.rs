//! Every declaration by its full name, and the look-up of written names.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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

/// What a look-up is for: other kinds of declaration are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// A message, enum or error.
    Type,
    /// A constant.
    Constant,
}

impl Want {
    fn takes(self, kind: DeclKind) -> bool {
        match self {
            Self::Type => matches!(kind, DeclKind::Message | DeclKind::Enum | DeclKind::Error),
            Self::Constant => kind == DeclKind::Constant,
        }
    }
}

/// What a look-up found instead of what it was for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// Nothing of that name.
    Unknown,
    /// Nothing, and the reason is reported elsewhere: a broken declaration.
    Covered,
    /// Nothing, and a file that might have it did not load, which is reported elsewhere.
    Unsure,
    /// Declarations in files that are not imported.
    NotImported(Vec<DeclId>),
    /// Declarations of several imported files.
    Ambiguous(Vec<DeclId>),
    /// A declaration of another kind.
    Other(DeclId),
    /// The innermost scope that has the first part, and has not the rest; the declaration that an outer scope has.
    Within(String, Option<DeclId>),
}

/// What one file sees.
#[derive(Debug, Default)]
struct View {
    package: String,
    /// Itself and its imports.
    files: HashSet<usize>,
    /// Imported files, in order.
    imports: Vec<usize>,
    /// Every package of these with every prefix.
    packages: HashSet<String>,
    /// Whether an import failed or a package is missing, so that names may be unknown for a reason already reported.
    partial: bool,
    /// What the parser could not read.
    lost: ast::Lost,
}

/// The declarations of all files.
#[derive(Debug, Default)]
pub struct Names {
    decls: Vec<Decl>,
    by_name: HashMap<Arc<str>, Vec<DeclId>>,
    by_span: HashMap<Span, DeclId>,
    /// Top-level declarations by their last part.
    simple: HashMap<Arc<str>, Vec<DeclId>>,
    views: Vec<View>,
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
            for item in &file.ast.items {
                names.item(position, &package, item);
            }
            let lost = file.ast.lost.clone();
            names.views.push(View {
                partial: file.ast.package.is_none()
                    || lost.covers("import")
                    || file.imports.contains(&Import::Missing),
                package,
                lost,
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
            packages: HashSet::from(["google".to_owned(), "google.protobuf".to_owned()]),
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
            view.partial |= other.package.is_empty();
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

    /// Whether `file` may name `id`.
    pub fn sees(&self, file: usize, id: DeclId) -> bool {
        self.decls[id.0]
            .file
            .is_none_or(|owner| self.views[file].files.contains(&owner))
    }

    /// What `path` names where it stands inside the declaration or package `scope` of `file`.
    ///
    /// As in protobuf, the scopes are tried from the innermost outwards, and the first that has the first part decides;
    /// after them, the top-level declarations of imported files by simple name.
    ///
    /// # Errors
    /// What it names instead.
    pub fn find(&self, file: usize, scope: &str, path: &Path, want: Want) -> Result<DeclId, Miss> {
        let mut other = None;
        if let Some(found) = self.outwards(file, scope, path, want, &mut other) {
            return found;
        }
        if !path.absolute {
            let mut found = self.imported(path, want, &self.views[file].imports);
            found.dedup();
            match found[..] {
                [] => {}
                [only] => return Ok(only),
                _ => return Err(Miss::Ambiguous(found)),
            }
        }
        if let Some(other) = other {
            return Err(Miss::Other(other));
        }
        Err(self.miss(file, scope, path, want))
    }

    fn outwards(
        &self,
        file: usize,
        scope: &str,
        path: &Path,
        want: Want,
        other: &mut Option<DeclId>,
    ) -> Option<Result<DeclId, Miss>> {
        let mut within = None;
        for scope in scopes(scope, path.absolute) {
            let candidate = join(scope, &path.parts[0].text);
            if path.parts.len() > 1 {
                let aggregate = self.views[file].packages.contains(&candidate)
                    || self
                        .named(&candidate)
                        .iter()
                        .any(|&id| self.decl(id).kind != DeclKind::Constant && self.sees(file, id));
                if !aggregate {
                    continue;
                }
            }
            let whole = join(scope, &text(path));
            for &id in self.named(&whole) {
                if !self.sees(file, id) {
                    continue;
                }
                if want.takes(self.decl(id).kind) {
                    return Some(match within {
                        Some(candidate) => Err(Miss::Within(candidate, Some(id))),
                        None => Ok(id),
                    });
                }
                other.get_or_insert(id);
            }
            // A package may be spread over files, and one that is not imported may have the rest.
            let hidden = self.named(&whole).iter().any(|&id| !self.sees(file, id));
            if path.parts.len() > 1 && !hidden && !self.covered(file, path) {
                within.get_or_insert(candidate);
            }
        }
        let within = within?;
        if self.views[file].partial || !self.hidden(scope, path, want).is_empty() {
            return None;
        }
        match other {
            Some(_) => None,
            None => Some(Err(Miss::Within(within, None))),
        }
    }

    /// What `path` names among the top-level declarations of `files`, and inside them.
    fn imported(&self, path: &Path, want: Want, files: &[usize]) -> Vec<DeclId> {
        let Some(heads) = self.simple.get(&path.parts[0].text) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for &head in heads {
            let decl = self.decl(head);
            if !decl.file.is_some_and(|owner| files.contains(&owner)) {
                continue;
            }
            let mut name = decl.name.0.to_string();
            for part in &path.parts[1..] {
                name = join(&name, &part.text);
            }
            found.extend(
                self.named(&name).iter().copied().filter(|&id| {
                    self.decl(id).file == decl.file && want.takes(self.decl(id).kind)
                }),
            );
        }
        found
    }

    /// What `path` would name if every file were imported.
    fn hidden(&self, scope: &str, path: &Path, want: Want) -> Vec<DeclId> {
        for scope in scopes(scope, path.absolute) {
            let whole = join(scope, &text(path));
            let found: Vec<DeclId> = self
                .named(&whole)
                .iter()
                .copied()
                .filter(|&id| want.takes(self.decl(id).kind) && self.decl(id).file.is_some())
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        if path.absolute {
            return Vec::new();
        }
        let all: Vec<usize> = (0..self.views.len()).collect();
        if self.simple.contains_key(&path.parts[0].text) {
            self.imported(path, want, &all)
        } else {
            Vec::new()
        }
    }

    fn miss(&self, file: usize, scope: &str, path: &Path, want: Want) -> Miss {
        if self.covered(file, path) {
            return Miss::Covered;
        }
        let hidden = self.hidden(scope, path, want);
        if hidden.is_empty() {
            if self.views[file].partial {
                Miss::Unsure
            } else {
                Miss::Unknown
            }
        } else {
            Miss::NotImported(hidden)
        }
    }

    /// Whether a broken declaration that `file` sees may be what `path` names.
    fn covered(&self, file: usize, path: &Path) -> bool {
        let view = &self.views[file];
        let broken = |owner: usize| {
            let lost = &self.views[owner].lost;
            path.parts.iter().any(|part| lost.covers(&part.text))
        };
        broken(file) || view.imports.iter().any(|&owner| broken(owner))
    }

    /// The shortest way to write `id` inside `scope` of `file`.
    pub fn shortest(&self, file: usize, scope: &str, id: DeclId, want: Want) -> String {
        let name = &self.decl(id).name.0;
        let parts: Vec<&str> = name.split('.').collect();
        for length in 1..=parts.len() {
            let tail = &parts[parts.len() - length..];
            let nowhere = self.decls.iter().find_map(|decl| decl.span);
            let Some(span) = nowhere else { break };
            let path = Path {
                absolute: false,
                parts: tail
                    .iter()
                    .map(|part| ast::Ident {
                        text: (*part).into(),
                        span,
                    })
                    .collect(),
                span,
            };
            if self.find(file, scope, &path, want) == Ok(id) {
                return tail.join(".");
            }
        }
        format!(".{name}")
    }
}

/// The package of a file, empty where it has none.
fn package_text(file: &ast::File) -> String {
    file.package.as_ref().map(text).unwrap_or_default()
}

/// A path without its leading dot.
fn text(path: &Path) -> String {
    let parts: Vec<&str> = path.parts.iter().map(|part| &*part.text).collect();
    parts.join(".")
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() {
        name.to_owned()
    } else {
        format!("{scope}.{name}")
    }
}

/// `a.b.c`, `a.b`, `a`, and the top; only the top for an absolute name.
fn scopes(scope: &str, absolute: bool) -> impl Iterator<Item = &str> {
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
