//! All files at once: what was found in each, and what only shows where several meet.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

use super::{Check, dotted};
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::{Import, Loaded, Names};
use crate::source::{FileId, SourceMap, Span};

/// What is known once each file has been checked.
pub(super) struct Whole<'a> {
    pub(super) sources: &'a SourceMap,
    pub(super) loaded: &'a Loaded,
    pub(super) names: &'a Names,
    /// What is known of each file, by position.
    pub(super) files: Vec<Found>,
    /// Files whose package is told where a name shows that it is wrong.
    pub(super) misnamed: HashSet<FileId>,
    /// Reports that another file's check makes needless.
    dropped: HashSet<usize>,
    /// The request messages of argument lists: by the place of the method, the simple name.
    pub(super) requests: HashMap<Span, String>,
    pub(super) out: Vec<Diagnostic>,
}

/// What the check of a file found out.
pub(super) struct Found {
    /// Which of its imports it needs.
    pub(super) used: HashSet<usize>,
    /// The `.proto` files of the well-known types that it refers to.
    pub(super) well_known: BTreeSet<&'static str>,
    /// Whether it has names that were not found.
    pub(super) incomplete: bool,
    /// Those names, with the report of each and whether there was a near one.
    missing: Vec<(bool, usize, String)>,
}

impl<'a> Whole<'a> {
    pub(super) fn new(sources: &'a SourceMap, loaded: &'a Loaded, names: &'a Names) -> Self {
        Self {
            sources,
            loaded,
            names,
            files: Vec::with_capacity(loaded.files.len()),
            misnamed: HashSet::default(),
            dropped: HashSet::default(),
            requests: HashMap::default(),
            out: Vec::new(),
        }
    }

    /// Adds what was found in the next file.
    pub(super) fn add(&mut self, check: Check<'a>) {
        let before = self.out.len();
        for (file, report) in check.misnamed {
            // One report for all names that the package would bring.
            if !self.misnamed.insert(file) {
                self.dropped.insert(before + report);
            }
        }
        let missing = check.missing.into_iter().map(|(name, report)| {
            let near = check.near_missing.contains(&report);
            (near, before + report, name)
        });
        self.files.push(Found {
            used: check.used,
            well_known: check.well_known,
            incomplete: check.incomplete,
            missing: missing.collect(),
        });
        self.requests.extend(check.requests);
        self.out.extend(check.out);
    }

    /// Reports what is declared twice, and what is declared where only protobuf declares.
    pub(super) fn duplicates(&mut self) {
        let names = self.names;
        for (id, decl) in names.iter() {
            let Some((file, span)) = decl.file.zip(decl.span) else {
                continue;
            };
            let first = names.named(&decl.name.0)[0];
            // What is inside a second copy is one mistake with it.
            let scope = decl.name.0.rsplit_once('.').map_or("", |(scope, _)| scope);
            if first == id || names.named(scope).len() > 1 {
                continue;
            }
            // An import that brings a duplicate is not unused as well.
            if let Some(owner) = names.decl(first).file {
                self.files[file].used.insert(owner);
            }
            let Some(first) = names.decl(first).span else {
                continue;
            };
            let report = Diagnostic::new(
                Code::DuplicateDefinition,
                span,
                format!("`{}` is defined twice", decl.name),
            )
            .label("defined again here")
            .also(first, "first defined here")
            .help("rename or remove one of them");
            self.out.push(report);
        }
        for file in &self.loaded.files {
            if let Some(path) = &file.ast.package
                && (dotted(path) == "google.protobuf"
                    || dotted(path).starts_with("google.protobuf."))
            {
                self.out.push(
                    Diagnostic::new(
                        Code::PackageReserved,
                        path.span,
                        "the package `google.protobuf` belongs to protobuf",
                    )
                    .label("its types are known to every file already")
                    .help("choose a package of your own"),
                );
            }
        }
    }

    /// Takes back as many reports of unknown names as there are declarations whose name is missing: one mistake each.
    pub(super) fn names_of_the_nameless(&mut self) {
        let nameless = |position: usize| self.loaded.files[position].ast.lost.nameless;
        // Which names each file with something nameless may have had: those unknown to it and to its importers.
        let mut unknown: HashMap<usize, Vec<(bool, usize, &str)>> = HashMap::default();
        for (position, found) in self.files.iter().enumerate() {
            let imports = &self.loaded.files[position].imports;
            let imported = imports.iter().filter_map(|import| match import {
                Import::File(target) => Some(*target),
                Import::Idle | Import::Missing => None,
            });
            for target in std::iter::once(position).chain(imported) {
                if nameless(target) == 0 {
                    continue;
                }
                let of_target = unknown.entry(target).or_default();
                for (near, report, name) in &found.missing {
                    if self.out[*report].code == Code::UnknownName {
                        let name = name.rsplit('.').next().unwrap_or(name);
                        of_target.push((*near, *report, name));
                    }
                }
            }
        }
        for (position, mut unknown) in unknown {
            // What is like nothing else is likelier the name of something nameless.
            unknown.sort_unstable();
            let most = nameless(position);
            let mut meant: Vec<&str> = Vec::new();
            for (_, report, name) in unknown {
                if !meant.contains(&name) && meant.len() < most {
                    meant.push(name);
                }
                if meant.contains(&name) {
                    self.dropped.insert(report);
                }
            }
        }
        let mut index = 0;
        self.out.retain(|_| {
            index += 1;
            !self.dropped.contains(&(index - 1))
        });
    }
}
