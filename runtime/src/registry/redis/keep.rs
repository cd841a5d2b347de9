//! The records of one lease, for as long as it lasts.

use std::sync::Arc;
use std::time::Duration;

use super::super::entry::{Entry, Tombstone};
use super::super::instance::Instance;
use super::super::lease::Registrar;
use super::super::{Error, ErrorKind, unix_ms};
use super::Shared;
use super::conn::{Call, Conn};
use super::script::{self, Script};

/// How long an instance is listed without being renewed. Long enough for a server of Redis that restarts or is
/// suspended for a moment; those that die are found sooner by their connections.
const LIFETIME: Duration = Duration::from_secs(6);

/// How often it is renewed.
pub(super) const PERIOD: Duration = Duration::from_secs(2);

/// How long a tombstone is shown: longer than any client needs to see it.
const TOMBSTONE: Duration = Duration::from_secs(60);

/// Lists the records of one lease over a connection of its own.
pub(super) struct Records {
    shared: Arc<Shared>,
    conn: Option<Conn>,
}

impl Records {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, conn: None }
    }

    /// Runs a script for each entry, all in one go.
    async fn write(
        &mut self,
        script: &'static Script,
        entries: &[Entry],
        lifetime: Duration,
    ) -> Result<(), Error> {
        let calls = entries
            .iter()
            .map(|entry| self.shared.call(entry, lifetime))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(conn) = &mut self.conn {
            match conn.run(script, &calls).await {
                Ok(_) => return Ok(()),
                Err(fault) => {
                    self.conn = None;
                    // The server may have been restarted since, or another be the master: another connection tells.
                    if !fault.is_broken() && !fault.is_demoted() {
                        return Err(self.shared.dialer.error(fault));
                    }
                }
            }
        }
        let mut conn = self.shared.dialer.dial().await?;
        let done = conn.run(script, &calls).await;
        done.map_err(|fault| self.shared.dialer.error(fault))?;
        self.conn = Some(conn);
        Ok(())
    }
}

impl Shared {
    /// What a script is called with that lists or withdraws an instance.
    fn call(&self, entry: &Entry, lifetime: Duration) -> Result<Call, Error> {
        let json = entry.to_json().map_err(|error| {
            Error::new(ErrorKind::Record, self.dialer.address(), error.to_string())
        })?;
        let (service, id) = (entry.service(), entry.id());
        Ok(Call::new(self.keys.of_instance(service, id))
            .with(json)
            .with(id)
            .with(service)
            .with_number(&lifetime.as_millis())
            .with(self.keys.channel(service)))
    }
}

fn listed(records: &[Instance]) -> Vec<Entry> {
    records.iter().cloned().map(Entry::Listed).collect()
}

impl Registrar for Records {
    async fn publish(&mut self, records: &[Instance]) -> Result<(), Error> {
        self.write(&script::LIST, &listed(records), LIFETIME).await
    }

    /// Compares what stands there and puts it right, so that nothing is left to audit.
    async fn renew(&mut self, records: &[Instance]) -> Result<(), Error> {
        self.publish(records).await
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        let left = |one: &Instance| Entry::Left(Tombstone::new(&one.id, &one.service, unix_ms()));
        let entries: Vec<_> = records.iter().map(left).collect();
        self.write(&script::WITHDRAW, &entries, TOMBSTONE).await
    }
}
