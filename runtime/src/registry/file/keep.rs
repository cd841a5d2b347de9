//! The files of one lease, for as long as it lasts.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::entry::{Entry, Tombstone};
use super::super::instance::Instance;
use super::super::lease::Registrar;
use super::super::{Error, unix_ms};
use super::scan::Scan;
use super::store::Store;
use super::{BEAT, blocking};

/// How often a server looks for remains of others: rarely, for it reads every file of its services.
const SWEEP: Duration = Duration::from_secs(30);

/// Writes, touches and removes the files of one lease; and sweeps what dead servers left, so that a directory that
/// nobody watches does not grow.
pub(super) struct Files {
    store: Store,
    scans: BTreeMap<String, Scan>,
    swept: Instant,
}

impl Files {
    pub(super) fn new(store: Store) -> Self {
        Self {
            store,
            scans: BTreeMap::new(),
            swept: Instant::now(),
        }
    }

    async fn sweep(&mut self, records: &[Instance]) -> Result<(), Error> {
        let now = Instant::now();
        let elapsed = now - self.swept;
        if elapsed < SWEEP {
            return Ok(());
        }
        self.swept = now;
        for record in records {
            if let Some(directory) = self.store.service(&record.service)
                && !self.scans.contains_key(&record.service)
            {
                let scan = Scan::new(self.store.clone(), directory, SWEEP + BEAT);
                self.scans.insert(record.service.clone(), scan);
            }
        }
        let mut scans = std::mem::take(&mut self.scans);
        self.scans = blocking(&self.store, move |_| {
            for scan in scans.values_mut() {
                // What cannot be read now is swept another time; the beat has said whether files can be written.
                drop(scan.look(elapsed));
            }
            Ok(scans)
        })
        .await?;
        Ok(())
    }
}

fn listed(records: &[Instance]) -> Vec<Entry> {
    records.iter().cloned().map(Entry::Listed).collect()
}

impl Registrar for Files {
    async fn publish(&mut self, records: &[Instance]) -> Result<(), Error> {
        let entries = listed(records);
        blocking(&self.store, move |store| {
            entries.iter().try_for_each(|entry| store.write(entry))
        })
        .await
    }

    async fn renew(&mut self, records: &[Instance]) -> Result<(), Error> {
        let entries = listed(records);
        blocking(&self.store, move |store| {
            entries.iter().try_for_each(|entry| store.beat(entry))
        })
        .await?;
        self.sweep(records).await
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        let left =
            |record: &Instance| Entry::Left(Tombstone::new(&record.id, &record.service, unix_ms()));
        let entries: Vec<_> = records.iter().map(left).collect();
        blocking(&self.store, move |store| {
            for entry in &entries {
                store.write(entry)?;
                store.forget_override(entry.service(), entry.id())?;
            }
            Ok(())
        })
        .await
    }
}
