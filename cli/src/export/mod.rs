//! `callsheet export`

mod html;
mod json;
mod markdown;
mod schema;

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use callsheet_build::codegen;
use callsheet_build::host::{self, Tree};
use callsheet_build::model::{Model, Release};
use callsheet_build::proto;
use prost::Message as _;
use prost_types::FileDescriptorSet;

use crate::Outcome;
use crate::arguments::{Export, ExportFile, ExportTree, Format};
use crate::check::analyse;
use crate::outcome;
use crate::project::shown;
use crate::report::{self, Failure};

/// What a folder of exports is.
struct Kind {
    /// As it is asked for.
    command: &'static str,
    /// The end of its files' names.
    ending: &'static str,
    /// What stands in the first lines of each.
    mark: &'static str,
}

/// Writes the contracts in another form, or compares that with what is there.
pub(crate) fn run(export: &Export) -> Result<Outcome, Failure> {
    match export {
        Export::Proto(proto) => {
            let kind = Kind {
                command: "export proto",
                ending: "proto",
                mark: proto::HEADER,
            };
            folder(&proto.tree, &kind, |model| {
                listed(model, proto.at)?;
                Ok(proto::texts(model, proto.at))
            })
        }
        Export::Descriptors(set) => file(&set.file, "export descriptors", |model| {
            listed(model, set.at)?;
            let file = proto::descriptors(model, set.at, set.source_info);
            Ok(FileDescriptorSet { file }.encode_to_vec())
        }),
        Export::Json(json) => file(json, "export json", |model| Ok(json::text(model).into())),
        Export::Html(tree) => {
            let kind = Kind {
                command: "export html",
                ending: "html",
                mark: html::MARK,
            };
            folder(tree, &kind, html::pages)
        }
        Export::JsonSchema(tree) => {
            let kind = Kind {
                command: "export json-schema",
                ending: "json",
                mark: schema::MARK,
            };
            folder(tree, &kind, |model| Ok(schema::files(model)))
        }
    }
}

/// A folder of files.
fn folder(
    tree: &ExportTree,
    kind: &Kind,
    make: impl FnOnce(&Model) -> Result<BTreeMap<String, String>, Failure>,
) -> Result<Outcome, Failure> {
    let (analysis, outcome) = analyse(&tree.input)?;
    let Some(model) = &analysis.model else {
        return Ok(outcome);
    };
    let files = make(model)?;
    let output = Tree::new(&tree.out).ours(kind.ending, kind.mark);
    if tree.check {
        let differences = output.compare(&files).map_err(Failure::of)?;
        outcome::differences(
            &tree.out,
            &differences,
            files.len(),
            kind.command,
            tree.input.format,
        )
    } else {
        let written = output.synchronize(&files).map_err(Failure::of)?;
        outcome::written(&tree.out, &written);
        Ok(Outcome::Clean)
    }
}

/// One file, or standard output.
fn file(
    file: &ExportFile,
    command: &str,
    make: impl FnOnce(&Model) -> Result<Vec<u8>, Failure>,
) -> Result<Outcome, Failure> {
    if file.out.is_none() && matches!(file.input.format, Format::Short | Format::Json) {
        return Err(Failure(
            "findings and the export would both go to standard output: pass `--out FILE`, or leave `--format` out"
                .to_owned(),
        ));
    }
    let (analysis, outcome) = analyse(&file.input)?;
    let Some(model) = &analysis.model else {
        return Ok(outcome);
    };
    let bytes = make(model)?;
    let Some(out) = &file.out else {
        let mut standard = io::stdout().lock();
        return match standard.write_all(&bytes).and_then(|()| standard.flush()) {
            // Whoever reads has read enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure(format!("standard output: {error}")))
            }
            _ => Ok(Outcome::Clean),
        };
    };
    if file.check {
        if host::holds(out, &bytes).map_err(Failure::of)? {
            report::say(&format!("{} is up to date", shown(out)));
            return Ok(Outcome::Clean);
        }
        report::say(&format!(
            "{} is missing or stale; run `callsheet {command}` without `--check`",
            shown(out)
        ));
        return Ok(Outcome::Findings);
    }
    let did = if host::write_file(out, &bytes).map_err(Failure::of)? {
        "wrote"
    } else {
        "unchanged:"
    };
    report::say(&format!("{did} {}", shown(out)));
    Ok(Outcome::Clean)
}

/// Refuses a release that no service lists.
pub(crate) fn listed(model: &Model, at: Option<Release>) -> Result<(), Failure> {
    let services = model.files.iter().flat_map(|file| &file.services);
    let mut listed: Vec<Release> = services
        .flat_map(|service| service.releases.iter().copied())
        .collect();
    listed.sort_unstable();
    listed.dedup();
    match at {
        Some(at) if !listed.contains(&at) => {
            Err(Failure::of(codegen::Error::NoSuchRelease { at, listed }))
        }
        _ => Ok(()),
    }
}
