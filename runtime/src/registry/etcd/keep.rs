//! The records of one registration, under one lease of etcd's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::super::{Entry, Error, ErrorKind, Instance, Registrar, Tombstone, unix_ms};
use super::api::{LeaseGrant, LeaseKeepAlive, LeaseRevoke, Step, Txn, TxnAnswer, Unchanged};
use super::cluster::Cluster;
use super::fault::Fault;
use super::keys::Keys;

/// After so many seconds without a sign of life etcd takes the records of a server off the list. A leader is elected
/// within two, and two keep-alives may be lost besides; that a server is dead its clients see much earlier.
const SECONDS: i64 = 9;

/// How often it is kept alive: a third of that.
pub(super) const PERIOD: Duration = Duration::from_secs(3);

/// How long a tombstone stays: longer than any client needs to see it, short enough to be forgotten.
const TOMBSTONE_SECONDS: i64 = 60;

/// How many steps go into one transaction. etcd takes 128 unless it is told otherwise.
const STEPS: usize = 100;

/// How many bytes of values go into one transaction. etcd takes 1.5 MiB unless it is told otherwise.
const STEP_BYTES: usize = 1024 * 1024;

/// Puts, keeps and removes the records of one lease.
pub(super) struct Leased {
    cluster: Arc<Cluster>,
    keys: Keys,
    lease: Option<i64>,
    /// At which revision we wrote each key: whoever has changed or removed it since has moved it.
    written: HashMap<Bytes, i64>,
}

impl Leased {
    pub(super) fn new(cluster: Arc<Cluster>, keys: Keys) -> Self {
        Self {
            cluster,
            keys,
            lease: None,
            written: HashMap::new(),
        }
    }

    /// Whether the lease is there still, for as long as it is granted.
    async fn keep_alive(&mut self) -> Result<Option<i64>, Fault> {
        let Some(id) = self.lease else {
            return Ok(None);
        };
        let answer = self.cluster.call(&LeaseKeepAlive { id }).await;
        let alive = match answer {
            Ok(answer) => answer.seconds > 0,
            Err(fault) if fault.is_lost_lease() => false,
            Err(fault) => return Err(fault),
        };
        if !alive {
            self.lease = None;
            self.written.clear();
        }
        Ok(self.lease)
    }

    /// Everything under the lease that is there, or a new one.
    async fn put_all(&mut self, records: &[Instance]) -> Result<(), Fault> {
        if self.lease.is_none() {
            self.lease = Some(grant(&self.cluster, SECONDS).await?);
            self.written.clear();
        }
        self.put(records).await
    }

    async fn put(&mut self, records: &[Instance]) -> Result<(), Fault> {
        let lease = self.lease.unwrap_or_default();
        let mut entries = Vec::with_capacity(records.len());
        for record in records {
            // The lease has checked them.
            if let Ok(json) = Entry::Listed(record.clone()).to_json() {
                entries.push((self.keys.instance(record), json));
            }
        }
        for batch in batches(&entries) {
            let steps = batch
                .iter()
                .map(|(key, json)| Step::put(key.clone(), json.clone(), lease));
            let answer = write(&self.cluster, steps.collect()).await?;
            let revision = answer.header.unwrap_or_default().revision;
            for (key, _) in batch {
                self.written.insert(key.clone(), revision);
            }
        }
        Ok(())
    }

    /// Whether every record is listed as we wrote it, by nobody but us; what is not is written anew.
    async fn check(&mut self, records: &[Instance]) -> Result<(), Fault> {
        for batch in records.chunks(STEPS) {
            let compare = batch.iter().map(|record| {
                let key = self.keys.instance(record);
                let revision = self.written.get(&key).copied().unwrap_or_default();
                Unchanged::since(revision, key)
            });
            let question = Txn {
                compare: compare.collect(),
                success: Vec::new(),
            };
            if !self.cluster.call(&question).await?.succeeded {
                self.put(batch).await?;
            }
        }
        Ok(())
    }

    async fn bury(&mut self, records: &[Instance]) -> Result<(), Fault> {
        if records.is_empty() {
            return Ok(());
        }
        let lease = grant(&self.cluster, TOMBSTONE_SECONDS).await?;
        for batch in records.chunks(STEPS / 2) {
            let mut steps = Vec::with_capacity(STEPS);
            for record in batch {
                let left = Entry::Left(Tombstone::new(&record.id, &record.service, unix_ms()));
                if let Ok(json) = left.to_json() {
                    steps.push(Step::put(self.keys.instance(record), json, lease));
                }
                steps.push(Step::delete(self.keys.order(record)));
            }
            write(&self.cluster, steps).await?;
            for record in batch {
                self.written.remove(&self.keys.instance(record));
            }
        }
        if self.written.is_empty()
            && let Some(id) = self.lease.take()
        {
            // Nothing hangs on it any more, and it runs out by itself.
            drop(self.cluster.call(&LeaseRevoke { id }).await);
        }
        Ok(())
    }

    fn told(&self, result: Result<(), Fault>) -> Result<(), Error> {
        result.map_err(|fault| self.cluster.error(fault))
    }
}

impl Registrar for Leased {
    async fn publish(&mut self, records: &[Instance]) -> Result<(), Error> {
        let kept = match self.keep_alive().await {
            Ok(_) => self.put_all(records).await,
            Err(fault) => Err(fault),
        };
        let result = match kept {
            Err(fault) if fault.is_lost_lease() => {
                // Between two requests; the next one is granted to live longer than that.
                self.lease = None;
                self.put_all(records).await
            }
            result => result,
        };
        self.told(result)
    }

    async fn renew(&mut self, records: &[Instance]) -> Result<(), Error> {
        match self.keep_alive().await {
            Ok(Some(_)) => {
                let checked = self.check(records).await;
                self.told(checked)
            }
            Ok(None) => Err(Error::new(
                ErrorKind::Unavailable,
                self.cluster.address(),
                "the lease has run out, or was revoked: the records are put again under a new one",
            )),
            Err(fault) => self.told(Err(fault)),
        }
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        let buried = self.bury(records).await;
        self.told(buried)
    }
}

async fn grant(cluster: &Cluster, seconds: i64) -> Result<i64, Fault> {
    let answer = cluster.call(&LeaseGrant { seconds }).await?;
    Ok(answer.id)
}

async fn write(cluster: &Cluster, success: Vec<Step>) -> Result<TxnAnswer, Fault> {
    let compare = Vec::new();
    cluster.call(&Txn { compare, success }).await
}

/// Entries in the same order, in groups that fit into a transaction each.
fn batches(entries: &[(Bytes, Vec<u8>)]) -> Vec<&[(Bytes, Vec<u8>)]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, (key, json)) in entries.iter().enumerate() {
        let size = key.len() + json.len();
        if index > start && (index - start >= STEPS || bytes + size > STEP_BYTES) {
            batches.push(&entries[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < entries.len() {
        batches.push(&entries[start..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_both_limits_and_every_entry() {
        let sizes = |entries: &[(Bytes, Vec<u8>)]| -> Vec<usize> {
            batches(entries).iter().map(|batch| batch.len()).collect()
        };
        let entries = |count, bytes| vec![(Bytes::from_static(b"key"), vec![b'x'; bytes]); count];
        assert_eq!(sizes(&entries(0, 1)), [0_usize; 0]);
        assert_eq!(sizes(&entries(250, 300)), [100, 100, 50]);
        assert_eq!(sizes(&entries(20, 64 * 1024)), [15, 5]);
        assert_eq!(sizes(&entries(2, 2 * STEP_BYTES)), [1, 1]);
    }
}
