//! `callsheet registry get`

use super::arguments::Named;
use super::shown::{self, Rows};
use super::{Session, absent};
use crate::Outcome;
use crate::report::{self, Failure};

/// Prints one service, or one instance of it.
pub(super) async fn run(session: &Session, named: &Named) -> Result<Outcome, Failure> {
    let view = session.view(&named.service).await?;
    let mut rows = Rows::default();
    rows.live(&view);
    rows.left(&view);
    if let Some(id) = &named.id {
        rows.keep(id);
        if rows.is_empty() {
            return Ok(absent(&view, id));
        }
    }
    report::print(&rows.text(session.format))?;
    let skipped = view.skipped();
    if skipped.count > 0 {
        report::say(&format!(
            "{} of {} not believed; one of them: {}",
            shown::count(skipped.count, "record"),
            view.service(),
            skipped.example.as_deref().unwrap_or("?")
        ));
    }
    if !rows.is_empty() {
        return Ok(Outcome::Clean);
    }
    report::say(&format!(
        "nothing is listed for `{}`: `callsheet registry ls` lists the services that there are",
        view.service()
    ));
    Ok(Outcome::Findings)
}
