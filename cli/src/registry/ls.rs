//! `callsheet registry ls`

use super::shown::Rows;
use super::{Format, Session};
use crate::Outcome;
use crate::report::{self, Failure};

/// Prints every service with its instances.
pub(super) async fn run(session: &Session) -> Result<Outcome, Failure> {
    let services = session.services().await?;
    // Asked for all at once, so that waiting for one is waiting for all.
    let watches: Vec<_> = services
        .iter()
        .map(|service| session.registry.watch(service))
        .collect();
    let mut rows = Rows::default();
    for service in &services {
        rows.live(&*session.view(service).await?);
    }
    drop(watches);
    report::print(&rows.text(session.format))?;
    if session.format == Format::Table {
        report::say(&format!(
            "{} in {}",
            rows.summary(),
            session.registry.address()
        ));
    }
    Ok(Outcome::Clean)
}
