//! Look-up: what a written name names.

use crate::syntax::ast::{self, Path};

use super::names::{join, scopes, text};
use super::{DeclId, DeclKind, Names};

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
    /// The innermost scope that has the first part has not the rest.
    Within {
        /// The longest part of the name that is there, in full.
        scope: String,
        /// What is not in it.
        rest: String,
        /// The declaration that an outer scope has.
        outer: Option<DeclId>,
    },
}

impl Names {
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
            let mut found =
                self.imported(path, want, |owner| self.views[file].files.contains(&owner));
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
                        Some(candidate) => Err(self.within(file, candidate, path, Some(id))),
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
        if self.unsure(file, path) || !self.hidden(scope, path, want).is_empty() {
            return None;
        }
        match other {
            Some(_) => None,
            None => Some(Err(self.within(file, within, path, None))),
        }
    }

    /// How far `path` leads from `scope`, which has its first part.
    fn within(&self, file: usize, mut scope: String, path: &Path, outer: Option<DeclId>) -> Miss {
        let mut rest = path.parts[1..].iter().map(|part| &*part.text).peekable();
        while let Some(part) = rest.peek() {
            let next = join(&scope, part);
            let there = self.views[file].packages.contains(&next)
                || self.named(&next).iter().any(|&id| self.sees(file, id));
            if !there {
                break;
            }
            scope = next;
            rest.next();
        }
        let rest: Vec<&str> = rest.collect();
        Miss::Within {
            scope,
            rest: rest.join("."),
            outer,
        }
    }

    /// What `path` names among the top-level declarations of the files that `has` takes, and inside them.
    fn imported(&self, path: &Path, want: Want, has: impl Fn(usize) -> bool) -> Vec<DeclId> {
        let Some(heads) = self.simple.get(&path.parts[0].text) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for &head in heads {
            let decl = self.decl(head);
            if !decl.file.is_some_and(&has) {
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
        self.imported(path, want, |_| true)
    }

    fn miss(&self, file: usize, scope: &str, path: &Path, want: Want) -> Miss {
        if self.covered(file, path) {
            return Miss::Covered;
        }
        let hidden = self.hidden(scope, path, want);
        if hidden.is_empty() {
            if self.unsure(file, path) {
                Miss::Unsure
            } else {
                Miss::Unknown
            }
        } else {
            Miss::NotImported(hidden)
        }
    }

    /// Whether `path` may be unknown to `file` for a reason reported elsewhere.
    fn unsure(&self, file: usize, path: &Path) -> bool {
        let view = &self.views[file];
        view.partial || view.unplaced && (path.parts.len() > 1 || path.absolute)
    }

    /// Whether a broken declaration that `file` sees may be what `path` names.
    fn covered(&self, file: usize, path: &Path) -> bool {
        let view = &self.views[file];
        let broken = |owner: usize| {
            let lost = &self.views[owner].lost;
            path.parts.iter().any(|part| lost.may_declare(&part.text))
        };
        broken(file) || view.imports.iter().any(|&owner| broken(owner))
    }

    /// The shortest way to write `id` inside `scope` of `file`.
    pub fn shortest(&self, file: usize, scope: &str, id: DeclId, want: Want) -> String {
        let name = &self.decl(id).name.0;
        let parts: Vec<&str> = name.split('.').collect();
        for length in 1..=parts.len() {
            let tail = &parts[parts.len() - length..];
            let nowhere = self.iter().find_map(|(_, decl)| decl.span);
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
