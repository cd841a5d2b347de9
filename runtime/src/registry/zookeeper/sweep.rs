//! Clears tombstones away where no client does, so that a service that nobody watches does not grow.
//!
//! Of all servers of a service the one whose id comes first does it, for all others a look at that one is enough.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::Entry;
use super::super::instance::MAX_RECORD_BYTES;
use super::follow::WINDOW;
use super::layout::{id_of, name_in};
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
                    self.seen
                        .retain(|path, _| name_in(directory, path).is_none());
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
            name_in(directory, path).is_none() || dead.iter().any(|(one, _)| one == path)
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

#[cfg(test)]
mod tests {
    use super::super::fake::Nodes;
    use super::*;
    use crate::registry::{Instance, Tombstone};

    const SERVICE: &str = "shop.Orders";
    const DIRECTORY: &str = "/shop/services/shop.Orders";

    fn put(nodes: &Nodes, entry: &Entry, owner: i64) {
        let path = format!("{DIRECTORY}/{}", entry.key());
        nodes.put(&path, &entry.to_json().unwrap(), owner);
    }

    fn instance(id: &str) -> Entry {
        let mut instance = Instance::new(id, SERVICE);
        instance.addresses = vec!["tcp://h:1".into()];
        Entry::Listed(instance)
    }

    fn tombstone(id: &str) -> Entry {
        Entry::Left(Tombstone::new(id, SERVICE, 0))
    }

    async fn look(sweep: &mut Sweep, line: &Line, own: &str) {
        sweep.service(line, DIRECTORY, vec![own]).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_server_deletes_tombstones_when_it_has_seen_them_long_enough() {
        let nodes = Nodes::default();
        let line = nodes.line();
        put(&nodes, &tombstone("a"), 0);
        put(&nodes, &instance("b"), 1);
        put(&nodes, &instance("c"), 2);
        put(&nodes, &tombstone("d"), 0);
        put(&nodes, &instance("by-hand"), 0);
        nodes.put(&format!("{DIRECTORY}/d~"), b"{}", 0);
        let (mut first, mut second) = (Sweep::new(1), Sweep::new(2));
        let before = nodes.paths();
        look(&mut first, &line, "b").await;
        look(&mut second, &line, "c").await;
        tokio::time::advance(TOMBSTONE / 2).await;
        look(&mut first, &line, "b").await;
        assert_eq!(nodes.paths(), before);
        tokio::time::advance(TOMBSTONE * 2).await;
        look(&mut second, &line, "c").await;
        assert_eq!(nodes.paths(), before, "the second leaves it to the first");
        look(&mut first, &line, "b").await;
        let left: Vec<_> = nodes
            .paths()
            .iter()
            .map(|path| path.rsplit('/').next().unwrap().to_owned())
            .collect();
        assert_eq!(left, ["b", "by-hand", "c", "d~"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_is_back_is_not_swept_for_its_old_tombstone() {
        let nodes = Nodes::default();
        let line = nodes.line();
        put(&nodes, &instance("a"), 1);
        put(&nodes, &tombstone("b"), 0);
        let mut sweep = Sweep::new(1);
        look(&mut sweep, &line, "a").await;
        put(&nodes, &instance("b"), 3);
        tokio::time::advance(TOMBSTONE * 3).await;
        look(&mut sweep, &line, "a").await;
        // It left again just now: that tombstone is new.
        put(&nodes, &tombstone("b"), 0);
        look(&mut sweep, &line, "a").await;
        look(&mut sweep, &line, "a").await;
        assert_eq!(nodes.paths().len(), 2);
    }
}
