//! From the model to Rust text: messages by prost-build in memory, services by templates.
//!
//! Pure: the same model and options give the same bytes. Names, types and decisions are made here; the templates only
//! print.

mod docs;
mod fold;
mod lints;
mod messages;
mod options;
mod output;
mod rust;
mod schemas;
mod shapes;

use std::collections::BTreeMap;
use std::fmt;

use callsheet_templates as views;

use crate::descriptor;
use crate::model::{File, Message, Model, PackageName, Release};
use crate::parallel;

pub use options::{Options, Pattern};
pub use output::Files;

use lints::MethodLints;
use rust::services::Catalogue;
use rust::types::Scope;
use rust::{aliases, constants, displays, merge, redact, rules, services};
use schemas::Schemas;
use shapes::Shapes;

/// The number of the joint between generated code and runtime; both sides change it together.
const CONTRACT: u32 = 2;

/// Why options do not fit a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No service lists the release asked for.
    NoSuchRelease {
        /// The release.
        at: Release,
        /// Those that services list, oldest first.
        listed: Vec<Release>,
    },
    /// An extern path that cannot be.
    ExternPath(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchRelease { at, listed } if listed.is_empty() => {
                write!(f, "no release {at}: there is no service")
            }
            Self::NoSuchRelease { at, listed } => {
                let listed: Vec<String> = listed.iter().map(Release::to_string).collect();
                write!(
                    f,
                    "no service lists release {at}; listed are {}",
                    listed.join(", ")
                )
            }
            Self::ExternPath(reason) => write!(f, "extern path: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

/// The Rust text of every package of `model` that is not of another crate, and `mod.rs`.
///
/// # Errors
/// A release that no service lists, an extern path that cannot be.
pub fn generate(model: &Model, options: &Options) -> Result<Files, Error> {
    check_release(model, options)?;
    options.check_extern_paths().map_err(Error::ExternPath)?;
    let well_known = descriptor::well_known(model);
    let known = Known {
        schemas: Schemas::new(model, &well_known, options),
        catalogue: Catalogue::new(model, &well_known),
        shapes: Shapes::new(model, &well_known),
        options,
    };
    let mut packages: BTreeMap<&PackageName, Vec<&File>> = BTreeMap::new();
    for file in &model.files {
        if options.extern_path(&file.package.0).is_none() {
            packages.entry(&file.package).or_default().push(file);
        }
    }
    let packages: Vec<(&PackageName, Vec<&File>)> = packages.into_iter().collect();
    let texts = parallel::map(&packages, |(package, sources)| {
        let view = known.view(package, sources)?;
        Ok((output::file_name(&package.0), tidy(&view.to_string())))
    });
    let mut files = Files(texts.into_iter().collect::<Result<_, Error>>()?);
    files
        .0
        .insert(Files::ROOT.to_owned(), tidy(&root(&packages).to_string()));
    Ok(files)
}

/// `mod.rs` of these packages.
fn root(packages: &[(&PackageName, Vec<&File>)]) -> views::Modules {
    let files = || packages.iter().flat_map(|(_, files)| files);
    let mut sources: Vec<&str> = files().map(|file| &*file.import_path).collect();
    sources.sort_unstable();
    let docs = packages.iter().map(|(package, files)| {
        let docs = files.iter().flat_map(|file| file.docs.iter().cloned());
        (package.to_string(), docs.collect())
    });
    output::modules(output::header(&sources), &docs.collect())
}

fn check_release(model: &Model, options: &Options) -> Result<(), Error> {
    let Some(at) = options.at else {
        return Ok(());
    };
    let mut listed: Vec<Release> = model
        .files
        .iter()
        .flat_map(|file| &file.services)
        .flat_map(|service| service.releases.iter().copied())
        .collect();
    listed.sort_unstable();
    listed.dedup();
    if listed.contains(&at) {
        Ok(())
    } else {
        Err(Error::NoSuchRelease { at, listed })
    }
}

/// What every package is generated from.
struct Known<'a> {
    schemas: Schemas<'a>,
    catalogue: Catalogue<'a>,
    shapes: Shapes,
    options: &'a Options,
}

impl<'a> Known<'a> {
    fn view(&self, package: &PackageName, sources: &[&'a File]) -> Result<views::Package, Error> {
        let scope = Scope::package(package, self.options);
        let messages = messages::generate(package, sources, &self.shapes, self.options)
            .map_err(Error::ExternPath)?;
        let paths: Vec<&str> = sources.iter().map(|file| &*file.import_path).collect();
        let embedded = self.schemas.of(package, sources);
        let imported = embedded.imports.iter().map(|other| scope.schema(other));
        let mut view = views::Package {
            header: output::header(&paths),
            contract: CONTRACT,
            messages,
            aliases: Vec::new(),
            displays: Vec::new(),
            names: Vec::new(),
            debugs: Vec::new(),
            merges: Vec::new(),
            validations: Vec::new(),
            constants: Vec::new(),
            groups: Vec::new(),
            descriptor_set: output::byte_string(&embedded.set),
            imported_schemas: imported.collect(),
            majors: majors(sources, scope.major(), &self.catalogue, self.options),
        };
        let ruled = &self.catalogue.rules;
        for file in sources {
            let local = |message: &&Message| !scope.is_foreign(&message.name);
            for declared in file.enums.iter().filter(|one| !scope.is_foreign(&one.name)) {
                view.aliases.extend(aliases::of_enum(scope, declared));
                view.displays
                    .extend(displays::of_enum(scope, declared, self.options));
            }
            for message in file.messages.iter().filter(local) {
                aliases::of_message(scope, message, &mut view.aliases);
                displays::of_message(scope, message, self.options, &mut view.displays);
                type_names(scope, package, message, &mut view.names);
                redact::debugs(scope, message, &mut view.debugs);
                merge::merges(scope, message, &mut view.merges);
                rules::validations(scope, message, ruled, &mut view.validations);
            }
            for message in file.errors.iter().map(|error| &error.message).filter(local) {
                aliases::of_message(scope, message, &mut view.aliases);
                displays::of_message(scope, message, self.options, &mut view.displays);
                type_names(scope, package, message, &mut view.names);
                redact::debugs(scope, message, &mut view.debugs);
                rules::validations(scope, message, ruled, &mut view.validations);
                // An error is no part of a reply, but what is nested in it may be.
                for nested in &message.messages {
                    merge::merges(scope, nested, &mut view.merges);
                }
            }
            view.constants
                .extend(file.constants.iter().map(constants::constant));
            view.groups
                .extend(file.services.iter().map(services::group_enum));
        }
        Ok(view)
    }
}

fn type_names(
    scope: Scope<'_>,
    package: &PackageName,
    message: &Message,
    out: &mut Vec<views::Name>,
) {
    let name = message.name.simple();
    out.push(views::Name {
        path: scope.path(&message.name),
        name: name.to_owned(),
        package: package.to_string(),
        full_name: (package.child(name) != message.name).then(|| message.name.to_string()),
    });
    for nested in &message.messages {
        type_names(scope, package, nested, out);
    }
}

fn majors(
    sources: &[&File],
    scope: Scope<'_>,
    catalogue: &Catalogue<'_>,
    options: &Options,
) -> Vec<views::Major> {
    let mut by_major: BTreeMap<u32, Vec<services::Surface<'_>>> = BTreeMap::new();
    for service in sources.iter().flat_map(|file| &file.services) {
        for surface in services::surfaces(service, options.at) {
            by_major.entry(surface.major()).or_default().push(surface);
        }
    }
    by_major
        .into_iter()
        .map(|(major, surfaces)| {
            let module = format!("v{major}");
            let mut lints = MethodLints::of(&scope.package_name().0, &module);
            views::Major {
                services: surfaces
                    .iter()
                    .map(|surface| surface.view(scope, catalogue, &mut lints))
                    .collect(),
                module,
                docs: docs::comment(&[format!(
                    "Services of `{}` at major {major}.",
                    scope.package_name()
                )]),
                attributes: lints.attribute(),
            }
        })
        .collect()
}

/// No line too long; no blanks at the end of a line; no empty line behind another, behind an opening brace or before a
/// closing one; one line end at the end.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    let mut literal = false;
    for line in text.lines().map(str::trim_end) {
        // The descriptors, line by line. Only the last does not end in a break.
        let starts = line.ends_with("b\"\\");
        if literal || starts {
            literal = line.ends_with('\\');
            out.push_str(line);
            out.push('\n');
            continue;
        }
        if line.is_empty() {
            blank = true;
            continue;
        }
        let outer = line.trim_start().starts_with('}') || out.ends_with("{\n");
        if blank && !outer && !out.is_empty() {
            out.push('\n');
        }
        blank = false;
        fold::push(line, &mut out);
    }
    out
}
