//! One registration in several registries.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::super::lease::{Lease, LeaseState, Registrar, Terms};
use super::super::{Error, ErrorKind, Handle, Instance};
use crate::random;

/// How often the leases are looked at: so late this one says at most that one of them is lost.
const PERIOD: Duration = Duration::from_secs(1);

/// How long a registry may take before it counts as silent. Its own lease goes on trying.
const ANSWER: Duration = Duration::from_secs(3);

/// A lease in each registry that takes any.
pub(super) struct Everywhere {
    address: String,
    registries: Vec<Handle>,
    /// None where nothing is listed.
    leases: Vec<Lease>,
    /// What they were told to list.
    told: Vec<Instance>,
}

impl Everywhere {
    /// # Errors
    /// That of the first registry that refuses the records, or of the first where none takes any.
    pub(super) fn register(
        address: &str,
        registries: &[Handle],
        records: Vec<Instance>,
    ) -> Result<Lease, Error> {
        let mut everywhere = Self {
            address: address.into(),
            registries: Vec::new(),
            leases: Vec::new(),
            told: records.clone(),
        };
        let mut unsupported = None;
        for registry in registries {
            match registry.register(records.clone()) {
                Ok(lease) => {
                    everywhere.leases.push(lease);
                    everywhere.registries.push(registry.clone());
                }
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    unsupported = unsupported.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        if let (true, Some(error)) = (everywhere.leases.is_empty(), unsupported) {
            return Err(error);
        }
        let terms = Terms {
            period: PERIOD,
            seed: random::seed(),
        };
        Lease::keep(address, everywhere, records, terms)
    }

    fn tell(&mut self, records: &[Instance]) -> Result<(), Error> {
        if self.told == records {
            return Ok(());
        }
        if self.leases.is_empty() {
            for registry in &self.registries {
                self.leases.push(registry.register(records.to_vec())?);
            }
        } else {
            for lease in &self.leases {
                lease.update(records.to_vec())?;
            }
        }
        self.told = records.to_vec();
        Ok(())
    }

    /// Waits until every registry has done what it was told.
    async fn done(&self) -> Result<(), Error> {
        let deadline = Instant::now() + ANSWER;
        for (lease, registry) in self.leases.iter().zip(&self.registries) {
            match timeout_at(deadline, lease.tried()).await {
                Ok(state) => self.judge(&state, registry)?,
                Err(_) => return Err(self.silent(registry)),
            }
        }
        Ok(())
    }

    fn judge(&self, state: &LeaseState, registry: &Handle) -> Result<(), Error> {
        match state {
            LeaseState::Registering | LeaseState::Listed => Ok(()),
            LeaseState::Lost(error) => {
                let told = error.to_string();
                Err(Error::caused_by(
                    error.kind(),
                    &self.address,
                    told,
                    error.clone(),
                ))
            }
            LeaseState::Left => Err(self.silent(registry)),
        }
    }

    fn silent(&self, registry: &Handle) -> Error {
        let message = format!("registry `{}` has not answered yet", registry.address());
        Error::new(ErrorKind::Unavailable, &self.address, message)
    }
}

impl Registrar for Everywhere {
    async fn publish(&mut self, records: &[Instance]) -> Result<(), Error> {
        self.tell(records)?;
        self.done().await
    }

    async fn renew(&mut self, _: &[Instance]) -> Result<(), Error> {
        let mut leases = self.leases.iter().zip(&self.registries);
        leases.try_for_each(|(lease, registry)| self.judge(&lease.state(), registry))
    }

    async fn withdraw(&mut self, records: &[Instance]) -> Result<(), Error> {
        let is_leaving = |one: &Instance| {
            let mut leaving = records.iter();
            leaving.any(|gone| gone.id == one.id && gone.service == one.service)
        };
        let stay = self.told.iter().filter(|one| !is_leaving(one)).cloned();
        let stay: Vec<_> = stay.collect();
        if !stay.is_empty() {
            self.tell(&stay)?;
            return self.done().await;
        }
        // Each leaves its tombstones; the entries of one that is down run out by themselves.
        self.told = Vec::new();
        let leases = std::mem::take(&mut self.leases);
        let mut leaving: JoinSet<_> = leases.into_iter().map(Lease::deregister).collect();
        let mut result = Ok(());
        while let Some(left) = leaving.join_next().await {
            if let Ok(left) = left {
                result = result.and(left);
            }
        }
        result
    }
}
