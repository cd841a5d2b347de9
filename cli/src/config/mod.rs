//! `callsheet config`: the documents by which running clients and servers are steered.
//!
//! ```text
//!   file, editor, history ──▶ judgement (rules, contract, live servers) ──▶ store (history, document, history)
//! ```

mod arguments;
mod contract;
mod edit;
mod history;
mod judgement;
mod shown;
mod store;

use std::io::Read as _;
use std::path::Path;

use callsheet::governance::{Document, Fault, GLOBAL, schema};
use callsheet::registry::MAX_DOCUMENT_BYTES;

pub(crate) use arguments::Arguments;
use arguments::{Change, Check, Diff, Format, Named, Rollback, Set, Task};
use judgement::Judgement;
use store::{Stored, documents};

use crate::Outcome;
use crate::project;
use crate::reach::{self, Reached};
use crate::report::{self, Failure};

/// Does what was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let format = arguments.format;
    let reach = &arguments.reach;
    match &arguments.task {
        Task::Schema => return print_schema(format),
        Task::Check(check) if !reach.is_named() => return check_alone(check, format),
        _ => {}
    }
    reach::block_on(async {
        let reached = reach.open().await?;
        match &arguments.task {
            Task::Ls => ls(&reached, format).await,
            Task::Get(named) => get(&reached, named, format).await,
            Task::Set(set) => self::set(&reached, set, format).await,
            Task::Edit(edit) => edit::run(&reached, edit, format).await,
            Task::Diff(diff) => self::diff(&reached, diff).await,
            Task::Check(check) => self::check(&reached, check, format).await,
            Task::Schema => print_schema(format),
            Task::History(history) => shown::history(&reached, history, format).await,
            Task::Rollback(rollback) => self::rollback(&reached, rollback, format).await,
            Task::Rm(remove) => {
                let mut stored = Stored::read(&reached, &remove.named.service).await?;
                if stored.text().is_none() {
                    return Ok(absent(&remove.named));
                }
                change(&mut stored, None, &remove.named, &remove.change).await
            }
        }
    })
}

/// As it is published, or in one line.
fn print_schema(format: Format) -> Result<Outcome, Failure> {
    report::print(&match format {
        Format::Text => format!("{:#}\n", schema()),
        Format::Json => format!("{}\n", schema()),
    })?;
    Ok(Outcome::Clean)
}

async fn ls(reached: &Reached, format: Format) -> Result<Outcome, Failure> {
    let names = reached.within(documents(reached)?.names()).await?;
    let names = names.map_err(Failure::of)?;
    for name in names.iter().filter(|name| !history::is_history(name)) {
        report::print(&match format {
            Format::Text => format!("{name}\n"),
            Format::Json => format!("{}\n", serde_json::json!({ "document": name })),
        })?;
    }
    Ok(Outcome::Clean)
}

async fn get(reached: &Reached, named: &Named, format: Format) -> Result<Outcome, Failure> {
    let stored = Stored::read(reached, &named.service).await?;
    let Some(text) = stored.text() else {
        return Ok(absent(named));
    };
    report::print(&match format {
        Format::Text => format!("{}\n", shown::safe(text).trim_end_matches('\n')),
        Format::Json => {
            let whole = serde_json::json!({
                "document": named.service,
                "revision": stored.revision(),
                "text": text,
            });
            format!("{whole}\n")
        }
    })?;
    Ok(Outcome::Clean)
}

async fn set(reached: &Reached, set: &Set, format: Format) -> Result<Outcome, Failure> {
    let text = read(&set.file)?;
    let origin = project::shown(&set.file);
    put(reached, &set.named, &text, &origin, &set.change, format).await
}

/// Sets a text that came from `origin`, if nothing is wrong with it.
async fn put(
    reached: &Reached,
    named: &Named,
    text: &str,
    origin: &str,
    how: &Change,
    format: Format,
) -> Result<Outcome, Failure> {
    let mut stored = Stored::read(reached, &named.service).await?;
    let judgement = Judgement::live(reached, &named.service, text, &how.contract).await?;
    judgement.tell(origin, format)?;
    if judgement.is_refused(how.force) {
        report::say(&judgement.refusal(&named.service));
        return Ok(Outcome::Findings);
    }
    change(&mut stored, Some(text), named, how).await
}

/// Makes a change that nothing speaks against, and shows it.
async fn change(
    stored: &mut Stored<'_>,
    text: Option<&str>,
    named: &Named,
    how: &Change,
) -> Result<Outcome, Failure> {
    let name = &named.service;
    if stored.text() == text {
        report::say(&format!("{name}: nothing changes"));
        return Ok(Outcome::Clean);
    }
    let before = stored.text().unwrap_or_default();
    report::print(&shown::difference(name, before, text.unwrap_or_default()))?;
    if how.dry_run {
        report::say(&format!("{name}: nothing was changed"));
        return Ok(Outcome::Clean);
    }
    let number = stored.change(text, &how.message).await?;
    report::say(&format!(
        "{name}: change {number} is made; `callsheet config rollback {name}` takes it back"
    ));
    Ok(Outcome::Clean)
}

async fn diff(reached: &Reached, diff: &Diff) -> Result<Outcome, Failure> {
    let name = &diff.named.service;
    let stored = Stored::read(reached, name).await?;
    let (before, after) = match (&diff.file, diff.change) {
        (Some(file), _) => (
            stored.text().unwrap_or_default().to_owned(),
            Some(read(file)?),
        ),
        (None, Some(number)) => {
            let history = stored.history();
            let Some(change) = history.change(number) else {
                return Ok(shown::no_change(name, number, &history));
            };
            let before = history.before(number).and_then(|it| it.text.clone());
            (before.unwrap_or_default(), change.text.clone())
        }
        (None, None) => return Err(Failure("name a file, or a change of the history".into())),
    };
    let difference = shown::difference(name, &before, &after.unwrap_or_default());
    report::print(&difference)?;
    Ok(if difference.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

fn check_alone(check: &Check, format: Format) -> Result<Outcome, Failure> {
    let text = read(&check.file)?;
    let judgement = Judgement::of_text(&check.named.service, &text, &check.contract)?;
    judgement.conclude(&project::shown(&check.file), format)
}

async fn check(reached: &Reached, check: &Check, format: Format) -> Result<Outcome, Failure> {
    let text = read(&check.file)?;
    let judgement = Judgement::live(reached, &check.named.service, &text, &check.contract).await?;
    judgement.conclude(&project::shown(&check.file), format)
}

async fn rollback(
    reached: &Reached,
    rollback: &Rollback,
    format: Format,
) -> Result<Outcome, Failure> {
    let name = &rollback.named.service;
    let mut stored = Stored::read(reached, name).await?;
    let history = stored.history();
    let last = history.last().map_or(0, |last| last.number);
    let wanted = match rollback.to {
        Some(number) => history.change(number),
        None => history.before(last),
    };
    let text = match (wanted, rollback.to) {
        (Some(change), _) => change.text.clone(),
        // Before the first change there was nothing.
        (None, None) if last == 1 => None,
        (None, number) => return Ok(shown::no_change(name, number.unwrap_or(last), &history)),
    };
    let how = Change {
        message: if rollback.change.message.is_empty() {
            format!("back to {}", wanted.map_or(0, |change| change.number))
        } else {
            rollback.change.message.clone()
        },
        ..rollback.change.clone()
    };
    match text {
        Some(text) => put(reached, &rollback.named, &text, name, &how, format).await,
        None => change(&mut stored, None, &rollback.named, &how).await,
    }
}

/// The documents that steer a service now: that of all services, and its own. One that is wrong is an error here: running
/// clients and servers go by the one before it.
pub(crate) async fn documents_of(
    reached: &Reached,
    service: &str,
) -> Result<(Option<Document>, Option<Document>), Failure> {
    let global = parsed(reached, GLOBAL).await?;
    Ok((global, parsed(reached, service).await?))
}

async fn parsed(reached: &Reached, name: &str) -> Result<Option<Document>, Failure> {
    let stored = Stored::read(reached, name).await?;
    let Some(text) = stored.text() else {
        return Ok(None);
    };
    let document = Document::parse(name, text);
    document.map(Some).map_err(|faults| refused(name, &faults))
}

/// A document that is there and not in force.
pub(crate) fn refused(name: &str, faults: &[Fault]) -> Failure {
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    Failure(format!(
        "the document {name} is wrong, so whoever runs goes by an earlier one: {}",
        faults.join("; ")
    ))
}

fn absent(named: &Named) -> Outcome {
    report::say(&format!(
        "{}: there is no document; `callsheet config set` makes one",
        named.service
    ));
    Outcome::Findings
}

/// The text of a file, or of standard input, that is no larger than registries take.
fn read(file: &Path) -> Result<String, Failure> {
    let name = project::shown(file);
    let most = u64::try_from(MAX_DOCUMENT_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(most + 1)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(most + 1).read_to_string(&mut text))
    };
    read.map_err(|error| Failure(format!("cannot read {name}: {error}")))?;
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(Failure(format!(
            "{name} is larger than a document may be, {MAX_DOCUMENT_BYTES} bytes"
        )));
    }
    Ok(text)
}
