//! `callsheet export`

use std::collections::BTreeMap;

use callsheet_build::codegen;
use callsheet_build::host::Tree;
use callsheet_build::model::{Model, Release};
use callsheet_build::proto;

use crate::Outcome;
use crate::arguments::{Export, ExportTree};
use crate::check::analyse;
use crate::outcome;
use crate::report::Failure;

/// Writes the contracts in another form, or compares that with what is there.
pub(crate) fn run(export: &Export) -> Result<Outcome, Failure> {
    match export {
        Export::Proto(tree) => folder(tree, "proto", proto::HEADER, "export proto", |model| {
            proto::texts(model, tree.at)
        }),
    }
}

/// A folder of files that end in `.ending` and have `mark` in their first lines.
fn folder(
    tree: &ExportTree,
    ending: &str,
    mark: &str,
    command: &str,
    make: impl FnOnce(&Model) -> BTreeMap<String, String>,
) -> Result<Outcome, Failure> {
    let (analysis, outcome) = analyse(&tree.input)?;
    let Some(model) = &analysis.model else {
        return Ok(outcome);
    };
    listed(model, tree.at)?;
    let files = make(model);
    let output = Tree::new(&tree.out).ours(ending, mark);
    if tree.check {
        let differences = output.compare(&files).map_err(Failure::of)?;
        let (count, format) = (files.len(), tree.input.format);
        outcome::differences(&tree.out, &differences, count, command, format)
    } else {
        let written = output.synchronize(&files).map_err(Failure::of)?;
        outcome::written(&tree.out, &written);
        Ok(Outcome::Clean)
    }
}

/// Refuses a release that no service lists.
fn listed(model: &Model, at: Option<Release>) -> Result<(), Failure> {
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
