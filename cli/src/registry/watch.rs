//! `callsheet registry watch`

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{Freshness, Handle, Snapshot};
use serde_json::json;
use tokio::sync::mpsc;

use super::arguments::Format;
use super::{Session, shown};
use crate::Outcome;
use crate::clock;
use crate::report::{self, Failure};

/// How often a registry is asked for services that are new: as often as somebody who waits for one would look.
const LOOK: Duration = Duration::from_secs(1);

/// A view of a service, and the one before it.
type News = (Arc<Snapshot>, Option<Arc<Snapshot>>);

/// Prints what changes as it happens.
pub(super) async fn run(session: &Session, service: Option<&str>) -> Result<Outcome, Failure> {
    let (sender, mut news) = mpsc::unbounded_channel::<News>();
    let (names, mut found) = mpsc::unbounded_channel();
    let looking = if let Some(service) = service {
        let _ = names.send(vec![service.to_owned()]);
        None
    } else {
        let _ = names.send(session.services().await?);
        Some(tokio::spawn(look(session.registry.clone(), names)))
    };
    let mut watched = BTreeSet::new();
    loop {
        tokio::select! {
            Some((now, before)) = news.recv() => {
                if !tell(session.format, &now, before.as_deref())? {
                    break;
                }
            }
            Some(services) = found.recv() => {
                for service in services {
                    if watched.insert(service.clone()) {
                        let watch = session.registry.watch(&service);
                        tokio::spawn(relay(watch, sender.clone()));
                    }
                }
            }
        }
    }
    if let Some(looking) = looking {
        looking.abort();
    }
    Ok(Outcome::Clean)
}

/// Looks for services again and again.
async fn look(registry: Handle, names: mpsc::UnboundedSender<Vec<String>>) {
    let mut failing = false;
    loop {
        tokio::time::sleep(LOOK).await;
        match registry.services().await {
            Ok(services) => {
                failing = false;
                if names.send(services).is_err() {
                    return;
                }
            }
            // What ails a watched service is told by its view; this tells it where none is watched yet.
            Err(error) if !failing => {
                failing = true;
                report::say(&format!("callsheet: {error}; trying again"));
            }
            Err(_) => {}
        }
    }
}

/// Passes on every view of a service.
async fn relay(mut watch: callsheet::registry::Watch, news: mpsc::UnboundedSender<News>) {
    let mut before = None;
    let mut next = Some(watch.answered().await);
    while let Some(now) = next {
        if news.send((Arc::clone(&now), before.replace(now))).is_err() {
            return;
        }
        next = watch.changed().await;
    }
}

/// Prints what is new; `false` when nobody reads any more.
fn tell(format: Format, now: &Snapshot, before: Option<&Snapshot>) -> Result<bool, Failure> {
    let mut lines = String::new();
    let time = clock::now();
    let mut line = |event: &str, text: &str, mut value: serde_json::Value| match format {
        Format::Table => {
            lines.push_str(&shown::one_line(&format!(
                "{} {event:<8} {text}",
                clock::utc(time)
            )));
            lines.push('\n');
        }
        Format::Json => {
            value["event"] = event.into();
            value["service"] = now.service().into();
            value["seen_unix_ms"] = time.into();
            lines.push_str(&shown::line(&value));
        }
    };
    let service = now.service();
    let stale = |view: &Snapshot| matches!(view.freshness(), Freshness::Stale(_));
    match now.freshness() {
        Freshness::Stale(error) if !before.is_some_and(stale) => {
            let reason = error.to_string();
            line(
                "stale",
                &format!("{service} {reason}"),
                json!({ "reason": reason }),
            );
        }
        Freshness::Current if before.is_some_and(stale) => line("current", service, json!({})),
        _ => {}
    }
    let mut instances = |event: &str, list: &[Arc<callsheet::registry::Instance>]| {
        for instance in list {
            line(
                event,
                &shown::brief(instance),
                json!({ "instance": **instance }),
            );
        }
    };
    match before {
        None => {
            instances("listed", now.instances());
            instances("drained", now.drained());
        }
        Some(before) => {
            let changes = now.changes_since(before);
            let drained = |id: &str| now.drained().iter().any(|instance| instance.id == id);
            let (drained, left): (Vec<_>, Vec<_>) =
                changes.left.into_iter().partition(|one| drained(&one.id));
            instances("joined", &changes.joined);
            instances("changed", &changes.changed);
            instances("drained", &drained);
            instances("left", &left);
            instances("lost", &changes.lost);
        }
    }
    if lines.is_empty() {
        return Ok(true);
    }
    let mut out = io::stdout().lock();
    match out.write_all(lines.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure(format!("standard output: {error}"))),
        Ok(()) => Ok(true),
    }
}
