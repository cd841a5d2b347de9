//! Contracts as other tools have them: `.proto` files, descriptors.

mod descriptors;
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
