//! From written names to what they name, with a report where they name nothing fitting.

use crate::diagnostic::{Code, Diagnostic, Label};
use crate::model::{FieldType, FullName, Scalar};
use crate::resolve::{self, DeclId, DeclKind, Import, Miss, WORDS, Want, well_known};
use crate::syntax::ast::Path;

use super::files::packages_of;
use super::{Check, Place, dotted, join};

/// The scalars by their names in `.rpc` files.
pub(super) const SCALARS: [(&str, Scalar); 15] = [
    ("bool", Scalar::Bool),
    ("int32", Scalar::Int32),
    ("int64", Scalar::Int64),
    ("uint32", Scalar::Uint32),
    ("uint64", Scalar::Uint64),
    ("sint32", Scalar::Sint32),
    ("sint64", Scalar::Sint64),
    ("fixed32", Scalar::Fixed32),
    ("fixed64", Scalar::Fixed64),
    ("sfixed32", Scalar::Sfixed32),
    ("sfixed64", Scalar::Sfixed64),
    ("float", Scalar::Float),
    ("double", Scalar::Double),
    ("string", Scalar::String),
    ("bytes", Scalar::Bytes),
];

/// The name of a scalar in `.rpc` files.
pub(super) fn scalar_name(scalar: Scalar) -> &'static str {
    SCALARS
        .iter()
        .find(|(_, known)| *known == scalar)
        .map_or("", |(name, _)| name)
}

/// Type names of other languages, with ours.
const FOREIGN: [(&str, &str); 27] = [
    ("i8", "int32"),
    ("i16", "int32"),
    ("i32", "int32"),
    ("i64", "int64"),
    ("u8", "uint32"),
    ("u16", "uint32"),
    ("u32", "uint32"),
    ("u64", "uint64"),
    ("usize", "uint64"),
    ("f32", "float"),
    ("f64", "double"),
    ("int", "int32"),
    ("int8", "int32"),
    ("int16", "int32"),
    ("uint", "uint32"),
    ("uint8", "uint32"),
    ("uint16", "uint32"),
    ("long", "int64"),
    ("byte", "uint32"),
    ("binary", "bytes"),
    ("float32", "float"),
    ("float64", "double"),
    ("boolean", "bool"),
    ("str", "string"),
    ("String", "string"),
    ("Timestamp", "timestamp"),
    ("Duration", "duration"),
];

/// Those among them that can mean nothing else, so that ours may be put in their place.
const EXACT: [&str; 12] = [
    "i32", "i64", "u32", "u64", "f32", "f64", "binary", "float32", "float64", "boolean", "str",
    "String",
];

/// Our word for a type of another language, where it can mean nothing else.
pub(super) fn exact(word: &str) -> Option<&'static str> {
    let known = EXACT.contains(&word);
    let (_, ours) = FOREIGN.iter().find(|(name, _)| known && *name == word)?;
    Some(ours)
}

/// Whether `word` names a type that needs no declaration.
pub(super) fn is_built_in(word: &str) -> bool {
    word == "map"
        || SCALARS.iter().any(|(name, _)| *name == word)
        || WORDS.iter().any(|(name, _)| *name == word)
}

/// The type that needs no declaration, if `path` names one.
pub(super) fn built_in(path: &Path) -> Option<FieldType> {
    let [word] = &path.parts[..] else { return None };
    if path.absolute {
        return None;
    }
    let word = &*word.text;
    if let Some((_, scalar)) = SCALARS.iter().find(|(name, _)| *name == word) {
        return Some(FieldType::Scalar(*scalar));
    }
    let (_, name) = WORDS.iter().find(|(name, _)| *name == word)?;
    Some(FieldType::Message(FullName((*name).into())))
}

impl Check<'_> {
    /// The type that `path` names where a field, an argument, a request or a reply needs one.
    pub(super) fn value_type(&mut self, place: Place<'_>, path: &Path) -> Option<FieldType> {
        if let Some(built_in) = built_in(path) {
            if let FieldType::Message(name) = &built_in {
                self.needs_well_known(&name.0);
            }
            return Some(built_in);
        }
        let id = self.resolve(place, path, Want::Type)?;
        let decl = self.names.decl(id);
        match decl.kind {
            DeclKind::Message => Some(FieldType::Message(decl.name.clone())),
            DeclKind::Enum => Some(FieldType::Enum(decl.name.clone())),
            DeclKind::Error | DeclKind::Service | DeclKind::Constant => {
                let mut report = Diagnostic::new(
                    Code::ErrorAsType,
                    path.span,
                    format!("`{}` is an error, and errors are only thrown", dotted(path)),
                )
                .label("a message, enum or scalar is expected here")
                .help(format!(
                    "name it behind `throws`, or declare a message with the fields that `{}` and this need",
                    decl.name.simple()
                ));
                if let Some(span) = decl.span {
                    report = report.also(span, "declared as an error here");
                }
                self.report(report);
                None
            }
        }
    }

    /// What `path` names; reported where it is nothing that is wanted.
    pub(super) fn resolve(&mut self, place: Place<'_>, path: &Path, want: Want) -> Option<DeclId> {
        let miss = match self.names.find(place.file, place.scope, path, want) {
            Ok(id) => {
                self.uses(id);
                return Some(id);
            }
            Err(miss) => miss,
        };
        let written = dotted(path);
        match miss {
            Miss::Covered => {
                self.incomplete = true;
            }
            // A slip is still told from a name that the missing file may have.
            Miss::Unsure => {
                self.incomplete = true;
                if path.parts.len() == 1 && self.near_name(place, path, want).is_some() {
                    self.unknown(place, path, want, None);
                }
            }
            Miss::Unknown => self.unknown(place, path, want, None),
            Miss::Within {
                scope,
                rest,
                outer: None,
            } => self.unknown(place, path, want, Some((&scope, &rest))),
            Miss::Within {
                scope,
                rest,
                outer: Some(outer),
            } => {
                self.uses(outer);
                let full = self.names.decl(outer).name.clone();
                let report = Diagnostic::new(
                    Code::UnknownName,
                    path.span,
                    format!("`{scope}` has nothing called `{rest}`"),
                )
                .label(format!(
                    "`{}` is looked up in the innermost scope that has `{}`",
                    written, path.parts[0].text
                ))
                .help(format!("write `.{full}`: a leading dot names from the top"))
                .fix(path.span, format!(".{full}"));
                self.report(report);
            }
            Miss::NotImported(found) => self.not_imported(place, path, &found),
            Miss::Ambiguous(found) => {
                let mut report = Diagnostic::new(
                    Code::AmbiguousName,
                    path.span,
                    format!("`{written}` may be {} things", found.len()),
                )
                .label("several imported files declare it");
                for &id in &found {
                    self.uses(id);
                    if let Some(span) = self.names.decl(id).span {
                        report = report.also(span, format!("`{}`", self.names.decl(id).name));
                    }
                }
                let full: Vec<&str> = found
                    .iter()
                    .map(|&id| &*self.names.decl(id).name.0)
                    .collect();
                self.report(report.help(format!(
                    "write the one that is meant in full: {}",
                    super::alternatives(full)
                )));
            }
            Miss::Other(id) => {
                self.uses(id);
                let decl = self.names.decl(id);
                let (code, wanted) = match want {
                    Want::Type => (Code::NotAType, "a message, enum or scalar"),
                    Want::Constant => (Code::NotAConstant, "a constant or literal"),
                };
                let mut report = Diagnostic::new(
                    code,
                    path.span,
                    format!(
                        "`{written}` is {}, where {wanted} is expected",
                        decl.kind.described()
                    ),
                )
                .label(format!("not {wanted}"))
                .help(format!("name {wanted}"));
                if let Some(span) = decl.span {
                    report = report.also(span, "declared here");
                }
                self.report(report);
            }
        }
        None
    }

    /// Notes that the file needs the import that brings `id`.
    pub(super) fn uses(&mut self, id: DeclId) {
        let decl = self.names.decl(id);
        if let Some(owner) = decl.file {
            self.used.insert(owner);
        } else {
            let name = decl.name.clone();
            self.needs_well_known(&name.0);
        }
    }

    /// Notes that the file refers to the well-known type of this full name.
    pub(super) fn needs_well_known(&mut self, name: &str) {
        if let Some(known) = well_known(name) {
            self.well_known.insert(known.proto);
        }
    }

    fn unknown(&mut self, place: Place<'_>, path: &Path, want: Want, scope: Option<(&str, &str)>) {
        let written = dotted(path);
        if self.repeated(written.clone(), path) {
            return;
        }
        let what = match want {
            Want::Type => "type",
            Want::Constant => "constant",
        };
        let message = match scope {
            Some((scope, rest)) => format!("`{scope}` has nothing called `{rest}`"),
            None => format!("there is no {what} called `{written}`"),
        };
        let report =
            Diagnostic::new(Code::UnknownName, path.span, message).label("not found in this scope");
        let simple = path.parts.len() == 1 && !path.absolute;
        if want == Want::Type
            && simple
            && let Some((_, ours)) = FOREIGN.iter().find(|(name, _)| *name == written)
        {
            let report = report.help(format!("write `{ours}`"));
            self.report(match exact(&written) {
                Some(ours) => report.fix(path.span, ours),
                None => report,
            });
            return;
        }
        let literal = written.to_ascii_lowercase();
        if want == Want::Constant && simple && matches!(&*literal, "true" | "false") {
            self.report(
                report
                    .help(format!("write `{literal}`"))
                    .fix(path.span, literal),
            );
            return;
        }
        if self.misnamed_package(place, path) {
            return;
        }
        let help = match self.near_name(place, path, want) {
            Some(near) => {
                self.near_missing.insert(self.out.len());
                format!("write `{near}`, or declare `{}`", last(path))
            }
            None => format!("declare `{}`, or import the file that does", last(path)),
        };
        self.report(report.help(help));
    }

    /// Reports a name that an imported file would have, were its package as its path says. False if there is none.
    fn misnamed_package(&mut self, place: Place<'_>, path: &Path) -> bool {
        let written = dotted(path);
        let loaded = self.loaded;
        let targets = loaded.files[place.file].imports.iter();
        for target in targets.filter_map(|import| match import {
            Import::File(target) => Some(*target),
            Import::Idle | Import::Missing => None,
        }) {
            let file = &loaded.files[target];
            let import_path = self.sources.file(file.id).import_path.clone();
            let right = packages_of(&import_path);
            let Some(package) = &file.ast.package else {
                continue;
            };
            let wrong = dotted(package);
            if right.contains(&wrong) || file.ast.lost.package {
                continue;
            }
            let found = right.iter().find(|right| {
                let rest = scopes(place.scope)
                    .map(|scope| join(scope, &written))
                    .find_map(|full| {
                        Some(
                            full.strip_prefix(right.as_str())?
                                .strip_prefix('.')?
                                .to_owned(),
                        )
                    });
                rest.is_some_and(|rest| !self.names.named(&join(&wrong, &rest)).is_empty())
            });
            let Some(right) = found.cloned() else {
                continue;
            };
            self.used.insert(target);
            // One report for all names that the package would bring.
            if !self.misnamed.contains_key(&file.id) {
                self.misnamed.insert(file.id, self.out.len());
                self.report(
                    Diagnostic::new(
                        Code::UnknownName,
                        path.span,
                        format!(
                            "there is no `{written}`: the package of `{import_path}` is `{wrong}`"
                        ),
                    )
                    .label("not found in this scope")
                    .also(package.span, format!("not `{right}`, as the path has it"))
                    .help(format!(
                        "write `package {right};` there, or name it by the package that it has"
                    )),
                );
            }
            return true;
        }
        false
    }

    /// The visible name that is most like `path`, as it would be written here.
    fn near_name(&self, place: Place<'_>, path: &Path, want: Want) -> Option<String> {
        // Each search walks all declarations that the file sees: whoever has this many unknown names has another problem.
        const MOST: usize = 200;
        if self.missing.len() > MOST || self.near.is_spent() {
            return None;
        }
        let wanted = |kind: DeclKind| match want {
            Want::Type => matches!(kind, DeclKind::Message | DeclKind::Enum),
            Want::Constant => kind == DeclKind::Constant,
        };
        let visible: Vec<DeclId> = self
            .names
            .visible(place.file)
            .filter(|(_, decl)| wanted(decl.kind))
            .map(|(id, _)| id)
            .collect();
        let written = dotted(path);
        let tail = |id: DeclId| {
            let name = &*self.names.decl(id).name.0;
            let skip = name.split('.').count().saturating_sub(path.parts.len());
            name.splitn(skip + 1, '.').last().unwrap_or(name)
        };
        let same = visible.iter().copied().find(|&id| tail(id) == written);
        if let Some(id) = same {
            return Some(self.names.shortest(place.file, place.scope, id, want));
        }
        let mut words: Vec<&str> = visible.iter().map(|&id| tail(id)).collect();
        if want == Want::Type && path.parts.len() == 1 {
            words.extend(SCALARS.iter().map(|(name, _)| *name));
            words.extend(WORDS.iter().map(|(name, _)| *name));
        }
        let near = self.near.find(&written, words)?;
        Some(match visible.iter().copied().find(|&id| tail(id) == near) {
            Some(id) => self.names.shortest(place.file, place.scope, id, want),
            None => near.to_owned(),
        })
    }

    /// Reports the missing import once for all names that it would bring.
    fn not_imported(&mut self, place: Place<'_>, path: &Path, found: &[DeclId]) {
        let first = self.names.decl(found[0]);
        let Some(owner) = first.file else { return };
        let import = self
            .sources
            .file(self.loaded.files[owner].id)
            .import_path
            .clone();
        if self.repeated(format!("import {import}"), path) {
            return;
        }
        let mut report = Diagnostic::new(
            Code::NotImported,
            path.span,
            format!(
                "`{}` is declared in `{import}`, which is not imported",
                dotted(path)
            ),
        )
        .label(format!("this names `{}`", first.name));
        if let Some(span) = first.span {
            report = report.also(span, "declared here");
        }
        report = report.help(format!(
            "add `import \"{import}\";`: a file sees only what it imports itself"
        ));
        let file = &self.loaded.files[place.file].ast;
        if found.len() == 1
            && let Some((at, text)) = resolve::add_import(self.sources, file, &import)
        {
            report = report.fix(at, text);
        }
        self.report(report);
    }

    /// Whether the name was reported before: then the report gets another label.
    fn repeated(&mut self, key: String, path: &Path) -> bool {
        if let Some(&report) = self.missing.get(&key) {
            // A report with a hundred places helps nobody.
            const MOST: usize = 8;
            let labels = &mut self.out[report].labels;
            if labels.len() < MOST {
                labels.push(Label {
                    span: path.span,
                    text: "used here too".to_owned(),
                });
            }
            return true;
        }
        self.incomplete = true;
        self.missing.insert(key, self.out.len());
        false
    }
}

/// A scope and those around it, from the innermost outwards.
fn scopes(scope: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(scope), |scope| {
        (!scope.is_empty()).then(|| scope.rsplit_once('.').map_or("", |(outer, _)| outer))
    })
}

fn last(path: &Path) -> &str {
    path.parts.last().map_or("", |part| &part.text)
}
