//! Contracts as other tools have them: `.proto` files, descriptors.

mod descriptors;
mod import;
mod random;
mod text;

use std::path::Path;

use callsheet_build::driver::analyse;
use callsheet_build::host::{DiskLoader, ImportRoots};
use callsheet_build::model::Model;
use callsheet_build::resolve::MemoryLoader;

/// The contracts of a folder of the workspace.
fn of_folder(folder: &str) -> Model {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let roots = ImportRoots::new([&folder]).expect("a folder");
    let entries = roots.entries(&[&folder]).expect("contracts");
    let analysis = analyse(&mut DiskLoader::new(roots), &entries);
    analysis.model.expect("no errors")
}

/// A contract of package `shop.orders`.
fn of_text(body: &str) -> Model {
    let text = format!("edition 2026;\npackage shop.orders;\n\n{body}");
    let mut loader = MemoryLoader::new([("shop/orders.rpc", text.as_str())]);
    let analysis = analyse(&mut loader, &["shop/orders.rpc".to_owned()]);
    assert!(
        analysis.diagnostics.is_empty(),
        "{:?}",
        analysis.diagnostics
    );
    analysis.model.expect("no errors")
}

/// A model without places, with the names of enum values as descriptors have them, and sorted: what stood in several files
/// has no order of its own.
fn bare(model: &Model) -> String {
    let mut model = model.clone();
    for file in &mut model.files {
        file.messages.sort_by_key(|message| message.name.clone());
        file.services.sort_by_key(|service| service.name.clone());
        for service in &mut file.services {
            service
                .methods
                .sort_by_key(|method| (method.name.clone(), method.window.added));
        }
    }
    let mut files: Vec<String> = model
        .files
        .iter()
        .map(|file| format!("{file:#?}"))
        .collect();
    files.sort();
    let text = files.join("\n");
    let mut out = String::with_capacity(text.len());
    let mut span = false;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        span |= trimmed.starts_with("span: Span {");
        let written = trimmed.starts_with("name: \"")
            && lines
                .peek()
                .is_some_and(|next| next.trim_start().starts_with("descriptor_name: "));
        if !span && !written {
            out.push_str(line);
            out.push('\n');
        }
        // `file: FileId(0,)` closes with a parenthesis, the span with a brace.
        span &= trimmed != "},";
    }
    out
}
