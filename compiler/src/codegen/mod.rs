//! From the model to Rust text: messages by prost-build in memory, services by templates.
//!
//! Pure: the same model and options give the same bytes. Names, types and decisions are made here; the templates only
//! print.

mod docs;
mod lints;
mod messages;
mod options;
mod output;
mod rust;
mod stubs;

use std::collections::BTreeMap;
use std::fmt;

use callsheet_templates as views;
use prost::Message as _;
use prost_types::FileDescriptorProto;

use crate::descriptor;
use crate::model::{File, Message, Model, PackageName, Release};

pub use options::{Options, Pattern};
pub use output::Files;

use lints::MethodLints;
use rust::services::Catalogue;
use rust::types::Scope;
use rust::{aliases, constants, merge, redact, services};

/// The number of the joint between generated code and runtime; both sides change it together.
const CONTRACT: u32 = 1;

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
    let descriptors = descriptor::lower(model);
    let mut texts = messages::generate(model, &descriptors, options).map_err(Error::ExternPath)?;
    let catalogue = Catalogue::new(model);

    let mut packages: BTreeMap<&PackageName, Vec<&File>> = BTreeMap::new();
    for file in &model.files {
        if options.extern_path(&file.package.0).is_none() {
            packages.entry(&file.package).or_default().push(file);
        }
    }
    let mut files = Files::default();
    let mut package_docs = BTreeMap::new();
    for (package, sources) in &packages {
        let text = texts.remove(&*package.0).unwrap_or_default();
        let view = view(package, sources, text, &descriptors, &catalogue, options);
        files
            .0
            .insert(output::file_name(&package.0), tidy(&view.to_string()));
        let docs: Vec<String> = sources.iter().flat_map(|file| file.docs.clone()).collect();
        package_docs.insert(package.to_string(), docs);
    }
    let mut sources: Vec<&str> = packages
        .values()
        .flatten()
        .map(|file| &*file.import_path)
        .collect();
    sources.sort_unstable();
    let root = output::modules(output::header(&sources), &package_docs);
    files
        .0
        .insert(Files::ROOT.to_owned(), tidy(&root.to_string()));
    Ok(files)
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

fn view(
    package: &PackageName,
    sources: &[&File],
    messages: String,
    descriptors: &[FileDescriptorProto],
    catalogue: &Catalogue<'_>,
    options: &Options,
) -> views::Package {
    let scope = Scope::package(package, options);
    let paths: Vec<&str> = sources.iter().map(|file| &*file.import_path).collect();
    let roots: Vec<String> = paths
        .iter()
        .map(|path| descriptor::proto_path(path))
        .collect();
    let mut view = views::Package {
        header: output::header(&paths),
        contract: CONTRACT,
        messages,
        aliases: Vec::new(),
        names: Vec::new(),
        debugs: Vec::new(),
        merges: Vec::new(),
        constants: Vec::new(),
        groups: Vec::new(),
        descriptor_set: output::byte_string(
            &descriptor::closure(descriptors, &roots).encode_to_vec(),
        ),
        majors: majors(sources, scope.major(), catalogue, options),
    };
    for file in sources {
        let local = |message: &&Message| !scope.is_foreign(&message.name);
        let local_enums = file.enums.iter().filter(|one| !scope.is_foreign(&one.name));
        view.aliases
            .extend(local_enums.filter_map(|one| aliases::of_enum(scope, one)));
        for message in file.messages.iter().filter(local) {
            aliases::of_message(scope, message, &mut view.aliases);
            type_names(scope, package, message, &mut view.names);
            redact::debugs(scope, message, &mut view.debugs);
            merge::merges(scope, message, &mut view.merges);
        }
        for message in file.errors.iter().map(|error| &error.message).filter(local) {
            type_names(scope, package, message, &mut view.names);
            redact::debugs(scope, message, &mut view.debugs);
        }
        view.constants
            .extend(file.constants.iter().map(constants::constant));
        view.groups
            .extend(file.services.iter().map(services::group_enum));
    }
    view
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

/// No blanks at the end of a line; no empty line behind another, behind an opening brace or before a closing one; one
/// line end at the end.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            blank = true;
            continue;
        }
        let outer = line.trim_start().starts_with('}') || out.ends_with("{\n");
        if blank && !outer && !out.is_empty() {
            out.push('\n');
        }
        blank = false;
        out.push_str(line);
        out.push('\n');
    }
    out
}
