//! The nodes of one lease, for as long as it lasts.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::super::instance::MAX_RECORD_BYTES;
use super::super::lease::Registrar;
use super::super::{Entry, Error, ErrorKind, Instance, Tombstone, override_key, unix_ms};
use super::line::{Depth, Fault, Line};
use super::proto::{Change, Lasts, code};
use super::sweep::Sweep;
use super::{Shared, TRIES};

/// Makes, watches and deletes the nodes of one lease. Each lasts as long as the session; one that another session made is
/// made anew, for it will go when that session does.
pub(super) struct Nodes {
    shared: Arc<Shared>,
    /// The connection on which the nodes were last seen to be ours.
    line: Option<Line>,
    /// What happens to the nodes, each told by one of these.
    events: Vec<mpsc::UnboundedReceiver<String>>,
    sweep: Sweep,
}

impl Nodes {
    pub(super) fn new(shared: Arc<Shared>, seed: u64) -> Self {
        Self {
            shared,
            line: None,
            events: Vec::new(),
            sweep: Sweep::new(seed),
        }
    }

    fn path(&self, record: &Instance) -> String {
        self.shared.layout.entry(&record.service, &record.id)
    }

    fn json(&self, entry: &Entry) -> Result<Vec<u8>, Error> {
        entry.to_json().map_err(|error| {
            Error::new(
                ErrorKind::Record,
                &self.shared.party.address,
                error.to_string(),
            )
        })
    }

    /// Whether anything has happened to the nodes since they were seen to be ours, if only by ourselves.
    fn is_touched(&mut self) -> bool {
        let mut touched = false;
        for events in &mut self.events {
            while events.try_recv().is_ok() {
                touched = true;
            }
        }
        touched
    }

    /// Puts right what is not as it should be; costs one look where all is.
    async fn ensure(&self, line: &Line, records: &[Instance]) -> Result<(), Error> {
        let asked: Vec<_> = records
            .iter()
            .map(|record| line.read(&self.path(record), MAX_RECORD_BYTES))
            .collect();
        for (record, answer) in records.iter().zip(asked) {
            let json = self.json(&Entry::Listed(record.clone()))?;
            match answer.await {
                Ok(Some((data, status))) if status.owner == line.session() && data == json => {}
                Err(Fault::Lost(error)) => return Err(error),
                _ => self.list(line, record, &json).await?,
            }
        }
        Ok(())
    }

    /// Lists one record as ours, over whatever stands in its place.
    async fn list(&self, line: &Line, record: &Instance, json: &[u8]) -> Result<(), Error> {
        let path = self.path(record);
        let create = Change::Create(&path, json, Lasts::Session, self.shared.access);
        for _ in 0..TRIES {
            match line.change(create).await {
                Ok(()) => return Ok(()),
                Err(Fault::Refused(code::NO_NODE)) => {
                    self.make_directory(line, record).await?;
                    continue;
                }
                Err(Fault::Refused(code::NODE_EXISTS)) => {}
                Err(fault) => return Err(self.shared.party.error("create", &path, fault)),
            }
            let change = match line.read(&path, MAX_RECORD_BYTES).await {
                Ok(None) => continue,
                Ok(Some((data, status))) if status.owner == line.session() => {
                    if data == json {
                        return Ok(());
                    }
                    line.change(Change::Write(&path, json, status.version))
                        .await
                }
                Err(Fault::Lost(error)) => return Err(error),
                // A tombstone, what does not belong here, or a node of ours from a session before, which the server will
                // delete with that session. All at once, so that no watcher misses us.
                Ok(Some(_)) | Err(_) => line.change_all(&[Change::Delete(&path, -1), create]).await,
            };
            match change {
                Ok(()) => return Ok(()),
                Err(Fault::Refused(code::NO_NODE | code::BAD_VERSION | code::NODE_EXISTS)) => {}
                Err(fault) => return Err(self.shared.party.error("write", &path, fault)),
            }
        }
        let fault = Fault::Refused(code::NODE_EXISTS);
        Err(self.shared.party.error("write", &path, fault))
    }

    async fn make_directory(&self, line: &Line, record: &Instance) -> Result<(), Error> {
        let directory = self.shared.layout.service(&record.service);
        // The server clears it away when it has been empty for a while.
        self.shared.make(line, &directory, Lasts::WhileFilled).await
    }

    /// Leaves a tombstone in the place of one record.
    async fn bury(&self, line: &Line, record: &Instance) -> Result<(), Error> {
        let path = self.path(record);
        let left = Tombstone::new(&record.id, &record.service, unix_ms());
        let json = self.json(&Entry::Left(left))?;
        let create = Change::Create(&path, &json, Lasts::Forever, self.shared.access);
        line.unwatch(&path);
        for _ in 0..TRIES {
            let buried = match line.change_all(&[Change::Delete(&path, -1), create]).await {
                Err(Fault::Refused(code::NO_NODE)) => line.change(create).await,
                buried => buried,
            };
            match buried {
                Ok(()) => {
                    let order = self
                        .shared
                        .layout
                        .entry(&record.service, &override_key(&record.id));
                    // Where it stays it says nothing of anybody.
                    drop(line.change(Change::Delete(&order, -1)).await);
                    return Ok(());
                }
                Err(Fault::Refused(code::NO_NODE)) => self.make_directory(line, record).await?,
                Err(Fault::Refused(code::NODE_EXISTS)) => {}
                Err(fault) => return Err(self.shared.party.error("write", &path, fault)),
            }
        }
        let fault = Fault::Refused(code::NODE_EXISTS);
        Err(self.shared.party.error("write", &path, fault))
    }
}

impl Registrar for Nodes {
    async fn publish(&mut self, records: &[Instance]) -> Result<(), Error> {
        let line = self.shared.session.line().await?;
        self.line = None;
        self.events.clear();
        for record in records {
            let path = self.path(record);
            let events = line.watch(&path, Depth::Node).await;
            let events = events.map_err(|fault| self.shared.party.error("watch", &path, fault))?;
            self.events.push(events);
        }
        self.ensure(&line, records).await?;
        self.line = Some(line);
        Ok(())
    }

    async fn renew(&mut self, records: &[Instance]) -> Result<(), Error> {
        let line = self.shared.session.line().await?;
        if !self.line.as_ref().is_some_and(|own| own.is(&line)) {
            // Another connection, with watches to be set again; perhaps another session, with nothing listed.
            return self.publish(records).await;
        }
        if self.is_touched() {
            self.ensure(&line, records).await?;
        }
        Ok(())
    }

    async fn audit(&mut self, records: &[Instance]) -> Result<(), Error> {
        let line = self.shared.session.line().await?;
        self.ensure(&line, records).await?;
        let services: BTreeSet<_> = records.iter().map(|record| &record.service).collect();
        for service in services {
            let own = records
                .iter()
                .filter(|record| record.service == *service)
                .map(|record| record.id.as_str());
            let directory = self.shared.layout.service(service);
            let swept = self.sweep.service(&line, &directory, own.collect()).await;
            // What cannot be swept is no reason to be listed less.
            if let Err(Fault::Lost(error)) = swept {
                return Err(error);
            }
        }
        Ok(())
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        let line = self.shared.session.line().await?;
        for record in records {
            self.bury(&line, record).await?;
        }
        Ok(())
    }
}
