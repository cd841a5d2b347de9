//! The README names what there is to choose from.

use crate::manifest::Manifest;
use crate::source::read;
use crate::{Breach, uphold};

#[test]
fn readme_names_every_feature_of_the_runtime() {
    uphold(
        "Each cargo feature of `callsheet` has a row in README.md: its name in backticks, and what it adds.",
        unnamed(&Manifest::of("runtime"), &read("README.md")),
    );
}

fn unnamed(manifest: &Manifest, readme: &str) -> Vec<Breach> {
    manifest
        .names("features")
        .into_iter()
        .filter(|feature| feature != "default" && !readme.contains(&format!("`{feature}`")))
        .map(|feature| Breach::new("README.md", 0, format!("does not name `{feature}`")))
        .collect()
}

#[test]
fn feature_without_a_row_is_found() {
    let manifest = Manifest::parse("[features]\ndefault = []\njson = []\ntls = []\n");
    let breaches = unnamed(&manifest, "| `json` | JSON |\ntls");
    assert_eq!(
        breaches,
        [Breach::new("README.md", 0, "does not name `tls`")]
    );
}
