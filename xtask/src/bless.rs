//! `cargo xtask bless`: what the snapshot tests see now becomes what they expect.

use std::path::Path;

use crate::{runner, workspace};

/// Runs the tests with `INSTA_UPDATE=always`. `Ok(false)` when one fails for another reason, or when a snapshot that
/// stands inside a source file waits for a review, since only `cargo insta` can write those.
pub(crate) fn bless() -> Result<bool, String> {
    let mut command = workspace::cargo(&[
        "test",
        "--workspace",
        "--all-features",
        "--lib",
        "--bins",
        "--tests",
        "--no-fail-fast",
    ]);
    command.env("INSTA_UPDATE", "always");
    let outcome = runner::run(command);

    let root = workspace::root();
    let inline = workspace::files(&root, ".pending-snap")?;
    for file in &inline {
        let file = file.strip_prefix(&root).unwrap_or(Path::new(file));
        println!("waits for a review: {}", file.display());
    }
    if !inline.is_empty() {
        println!("Inline snapshots: run `cargo insta review` (`cargo install cargo-insta`).");
    }
    println!("See what changed: git diff");
    Ok(outcome.succeeded && inline.is_empty())
}
