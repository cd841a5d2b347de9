//! `callsheet config edit`: the document in an editor, and back.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use super::arguments::{Edit, Format};
use super::put;
use super::store::Stored;
use crate::Outcome;
use crate::reach::Reached;
use crate::report::{self, Failure};

/// What stands in the editor where there is no document yet.
const FIRST: &str = "# How calls are treated; what is not said here is left to programs and contracts.\n\
    # timeout = \"300ms\"\n";

/// Lets an editor change the document, and sets what comes of it.
pub(super) async fn run(
    reached: &Reached,
    edit: &Edit,
    format: Format,
) -> Result<Outcome, Failure> {
    let name = &edit.named.service;
    let stored = Stored::read(reached, name).await?;
    let before = stored.text().unwrap_or(FIRST).to_owned();
    let file = std::env::temp_dir().join(format!("callsheet-{}-{name}.toml", std::process::id()));
    let written = |error: std::io::Error| Failure(format!("{}: {error}", file.display()));
    let made = OpenOptions::new().write(true).create_new(true).open(&file);
    made.and_then(|mut it| it.write_all(before.as_bytes()))
        .map_err(written)?;
    open(&file)?;
    let text = std::fs::read_to_string(&file).map_err(written)?;
    if text == before {
        report::say(&format!("{name}: nothing changes"));
        std::fs::remove_file(&file).map_err(written)?;
        return Ok(Outcome::Clean);
    }
    let origin = file.display().to_string();
    let outcome = put(reached, &edit.named, &text, &origin, &edit.change, format).await;
    if matches!(outcome, Ok(Outcome::Clean)) {
        std::fs::remove_file(&file).map_err(written)?;
    } else {
        // Nobody has to write it again.
        report::say(&format!(
            "what was written is in {origin}: mend it there, and set it with `callsheet config set {name} {origin}`"
        ));
    }
    outcome
}

/// Runs the user's editor on a file until it ends.
fn open(file: &Path) -> Result<(), Failure> {
    let variable = |name| {
        std::env::var(name)
            .ok()
            .filter(|it: &String| !it.is_empty())
    };
    let editor = variable("VISUAL")
        .or_else(|| variable("EDITOR"))
        .unwrap_or_else(|| "vi".into());
    // As git does: the variable may hold arguments, and the shell splits them.
    let status = Command::new("sh")
        .args(["-c", &format!("{editor} \"$@\""), "sh"])
        .arg(file)
        .status()
        .map_err(|error| Failure(format!("cannot run the editor `{editor}`: {error}")))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure(format!(
            "the editor `{editor}` ended with {status}, so nothing was set; what was written is in {}",
            file.display()
        )))
    }
}
