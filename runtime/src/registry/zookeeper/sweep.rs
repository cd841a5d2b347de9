//! Clears tombstones away where no client does, so that a service that nobody watches does not grow.
//!
//! Of all servers of a service the one whose id comes first does it, for all others a look at that one is enough.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Entry;
use super::super::instance::MAX_RECORD_BYTES;
use super::follow::WINDOW;
use super::layout::id_of;
use super::line::{Fault, Line};
use super::proto::{Change, Stat};
use crate::random::Random;

/// How long a tombstone stays, at least: longer than any client needs to see it.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// A server's memory of the tombstones of its services.
#[derive(Debug)]
pub(super) struct Sweep {
    /// The change that wrote each, by path, and when to delete it.
    seen: HashMap<String, (i64, Instant)>,
    random: Random,
}

impl Sweep {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seen: HashMap::new(),
            random: Random::new(seed),
        }
    }

    /// Looks once through the nodes of a service in which the instances `own` are ours.
    pub(super) async fn service(
        &mut self,
        line: &Line,
        directory: &str,
        own: Vec<&str>,
    ) -> Result<(), Fault> {
        let mut names = line.children(directory).await?.unwrap_or_default();
        names.retain(|name| id_of(name) == Some(name) && !own.contains(&name.as_str()));
        names.sort_unstable();
        let first = own.iter().min().copied().unwrap_or_default();
        let mut dead: Vec<(String, Stat)> = Vec::new();
        let (before, behind): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| name.as_str() < first);
        for name in before {
            let path = format!("{directory}/{name}");
            match line.status(&path).await? {
                // That one does it.
                Some(status) if status.owner != 0 => {
                    self.seen.retain(|path, _| !path.starts_with(directory));
                    return Ok(());
                }
                Some(status) => dead.push((path, status)),
                None => {}
            }
        }
        for names in behind.chunks(WINDOW) {
            let paths: Vec<_> = names
                .iter()
                .map(|name| format!("{directory}/{name}"))
                .collect();
            let asked: Vec<_> = paths.iter().map(|path| line.status(path)).collect();
            for (path, answer) in paths.into_iter().zip(asked) {
                if let Some(status) = answer.await?.filter(|status| status.owner == 0) {
                    dead.push((path, status));
                }
            }
        }
        self.seen.retain(|path, _| {
            !path.starts_with(directory) || dead.iter().any(|(one, _)| one == path)
        });
        for (path, status) in dead {
            self.look(line, path, status).await?;
        }
        Ok(())
    }

    /// Looks at one node that outlasts sessions.
    async fn look(&mut self, line: &Line, path: String, status: Stat) -> Result<(), Fault> {
        let now = Instant::now();
        match self.seen.get(&path) {
            Some((written, until)) if *written == status.written => {
                if *until <= now {
                    line.change(Change::Delete(&path, status.version)).await?;
                    self.seen.remove(&path);
                }
            }
            _ => {
                let Some((json, status)) = line.read(&path, MAX_RECORD_BYTES).await? else {
                    return Ok(());
                };
                if matches!(Entry::from_json(&json), Ok(Entry::Left(_))) {
                    let until = now + TOMBSTONE.mul_f64(1.0 + self.random.unit());
                    self.seen.insert(path, (status.written, until));
                }
            }
        }
        Ok(())
    }
}
