//! Compiles the contracts that the README shows and the quickstart serves, as a user's build script would; and, for the
//! test `generated`, those that no user would write.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};

use callsheet_build::codegen::Options;
use callsheet_build::host::{DiskLoader, ImportRoots, Output};
use callsheet_build::{configure, driver};

fn main() -> Result<(), Box<dyn Error>> {
    configure()
        .root("../idl-examples")
        .compile(&["../idl-examples/library", "../idl-examples/shop"])?;

    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    configure()
        .root("../idl-examples")
        .extern_path(".shop.common", "::callsheet_tests::rpc::shop::common")
        .derive("Note", "PartialOrd")
        .attribute("Note", "#[must_use]")
        .field_attribute("Note.text", "#[doc(alias = \"memo\")]")
        .at("1.0")
        .out_dir(out.join("options"))
        .compile(&["../idl-examples/shop/orders.rpc"])?;
    configure()
        .root("compat")
        .out_dir(out.join("versions"))
        .compile(&["compat/versions.rpc"])?;
    adversarial(&out.join("adversarial"))
}

/// Compiles `idl/` without a word: its names are bad on purpose, and as many lints would hide those that matter.
fn adversarial(out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=idl");
    let roots = ImportRoots::new(["idl"])?;
    let entries = roots.entries(&["idl"])?;
    let analysis = driver::analyse(&mut DiskLoader::new(roots), &entries);
    let model = analysis.model.ok_or_else(|| {
        callsheet_build::diagnostic::render::human(&analysis.diagnostics, &analysis.sources, false)
    })?;
    Output::new(out).write(&driver::generate(&model, &Options::default())?)?;
    Ok(())
}
