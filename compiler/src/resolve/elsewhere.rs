//! The import that an unknown name lacks, where a file has it that nothing has loaded yet.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::ast::{Item, Member};

use super::{Loaded, Loader, Parse, import};

/// Files that are looked into: enough for a contract repository, and quick.
const MOST_FILES: usize = 256;
/// Bytes that are looked into, all files together.
const MOST_BYTES: usize = 4 << 20;
/// Places that one report shows: one with a hundred helps nobody.
const MOST_LABELS: usize = 8;

/// Turns reports of unknown names into reports of missing imports where exactly one file that is not loaded declares
/// the name.
pub fn suggest_imports(
    loader: &mut dyn Loader,
    sources: &SourceMap,
    loaded: &Loaded,
    parse: Parse,
    reports: &mut Vec<Diagnostic>,
) {
    if !reports
        .iter()
        .any(|report| report.code == Code::UnknownName)
    {
        return;
    }
    let index = index(loader, sources, parse);
    let positions = loaded.files.iter().enumerate();
    let positions = positions
        .map(|(position, file)| (file.id, position))
        .collect();
    // One import mends all names that it brings: one report.
    let mut known: HashMap<(FileId, String), usize> = HashMap::new();
    let mut kept: Vec<Diagnostic> = Vec::new();
    for mut report in std::mem::take(reports) {
        if let Some((path, fix)) = missing_import(sources, loaded, &positions, &index, &mut report)
        {
            if let Some(&first) = known.get(&(report.primary.span.file, path.clone())) {
                let labels = std::iter::once(report.primary).chain(report.labels);
                let first: &mut Diagnostic = &mut kept[first];
                let room = MOST_LABELS.saturating_sub(first.labels.len());
                first.labels.extend(labels.take(room));
                continue;
            }
            known.insert((report.primary.span.file, path), kept.len());
            report.fix = None;
            report = report.fix(fix.0, fix.1);
        }
        kept.push(report);
    }
    *reports = kept;
}

/// Rewrites the report of an unknown name whose import is known; says which and how to add it.
fn missing_import(
    sources: &SourceMap,
    loaded: &Loaded,
    positions: &HashMap<FileId, usize>,
    index: &HashMap<String, Vec<(String, String)>>,
    report: &mut Diagnostic,
) -> Option<(String, (Span, String))> {
    if report.code != Code::UnknownName {
        return None;
    }
    let span = report.primary.span;
    let name = sources.text(span).trim_start_matches('.');
    let last = name.rsplit('.').next().unwrap_or(name);
    let mut found = index.get(last)?.iter().filter(|(full, _)| {
        full.strip_suffix(name)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    });
    let (Some((full, path)), None) = (found.next(), found.next()) else {
        return None;
    };
    let file = &loaded.files[*positions.get(&span.file)?];
    let edit = import::add_import(sources, &file.ast, path)?;
    report.code = Code::NotImported;
    report.message = format!("`{name}` is declared in `{path}`, which is not imported");
    report.primary.text = format!("this names `{full}`");
    report.help = Some(format!("add `import \"{path}\";`"));
    Some((path.clone(), edit))
}

/// Last part to full name and import path, over the files that are not loaded.
fn index(
    loader: &mut dyn Loader,
    sources: &SourceMap,
    parse: Parse,
) -> HashMap<String, Vec<(String, String)>> {
    let known: std::collections::HashSet<&str> = sources
        .iter()
        .map(|(_, source)| &*source.import_path)
        .collect();
    let mut listing = loader.list();
    listing.retain(|path| !known.contains(path.as_str()));
    listing.sort();
    listing.truncate(MOST_FILES);
    let mut scratch = SourceMap::default();
    let mut index: HashMap<String, Vec<(String, String)>> = HashMap::new();
    let mut left = MOST_BYTES;
    for path in listing {
        let Ok(source) = loader.load(&path) else {
            continue;
        };
        if source.text.len() > left {
            break;
        }
        left -= source.text.len();
        let text = source.text.clone();
        let (file, _) = parse(scratch.add(source), &text);
        let Some(package) = &file.package else {
            continue;
        };
        let package: Vec<&str> = package.parts.iter().map(|part| &*part.text).collect();
        let package = package.join(".");
        let mut add = |scope: &str, name: &str| {
            let full = format!("{scope}.{name}");
            index
                .entry(name.to_owned())
                .or_default()
                .push((full.clone(), path.clone()));
            full
        };
        for item in &file.items {
            match item {
                Item::Const(item) => drop(add(&package, &item.name.text)),
                Item::Enum(item) => drop(add(&package, &item.name.text)),
                Item::Error(item) => drop(add(&package, &item.name.text)),
                Item::Message(item) => {
                    let scope = add(&package, &item.name.text);
                    for member in &item.members {
                        match member {
                            Member::Message(nested) => drop(add(&scope, &nested.name.text)),
                            Member::Enum(nested) => drop(add(&scope, &nested.name.text)),
                            Member::Field(_) | Member::Oneof(_) | Member::Reserved(_) => {}
                        }
                    }
                }
                Item::Service(_) => {}
            }
        }
    }
    index
}
