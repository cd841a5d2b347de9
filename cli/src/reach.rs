//! A registry that a command speaks to: which, and for how long it may be silent.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{self, Freshness, Handle, Snapshot};
use clap::Args;

use crate::report::Failure;

/// Names the registry where `--registry` does not.
const VARIABLE: &str = "CALLSHEET_REGISTRY";

/// How a registry is reached.
#[derive(Clone, Debug, Args)]
pub(crate) struct Reach {
    /// The registry: `file:/run/shop`, `etcd://host:2379/shop`, as servers and clients name it. Without it: what the
    /// variable `CALLSHEET_REGISTRY` says, which keeps a password out of the list of processes.
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) registry: Option<String>,

    /// Seconds to wait for the registry.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        global = true,
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    pub(crate) timeout: u64,
}

/// How long a registry has after its first failure: another of its servers may answer.
const AGAIN: Duration = Duration::from_secs(1);

/// A registry that was reached.
pub(crate) struct Reached {
    pub(crate) registry: Handle,
    pub(crate) limit: Duration,
}

impl Reach {
    /// Whether a registry is named.
    pub(crate) fn is_named(&self) -> bool {
        self.registry.is_some() || std::env::var_os(VARIABLE).is_some()
    }

    /// Opens the registry.
    pub(crate) async fn open(&self) -> Result<Reached, Failure> {
        let address = match &self.registry {
            Some(address) => address.clone(),
            None => std::env::var(VARIABLE).map_err(|_| {
                Failure(format!(
                    "no registry is named: write `--registry file:/run/shop`, or set {VARIABLE}"
                ))
            })?,
        };
        if address.starts_with("memory:") {
            return Err(Failure(
                "a `memory:` registry lives within one process, and nothing of it is seen from here: name the registry \
                 that servers in other processes use"
                    .to_owned(),
            ));
        }
        let limit = Duration::from_secs(self.timeout);
        let registry = within(
            limit,
            "it does not let itself be opened",
            registry::connect(&address),
        )
        .await?
        .map_err(Failure::of)?;
        Ok(Reached { registry, limit })
    }
}

impl Reached {
    /// The names of the services that have instances.
    pub(crate) async fn services(&self) -> Result<Vec<String>, Failure> {
        self.within(self.registry.services())
            .await?
            .map_err(Failure::of)
    }

    /// What the registry says of a service now.
    pub(crate) async fn view(&self, service: &str) -> Result<Arc<Snapshot>, Failure> {
        let mut watch = self.registry.watch(service);
        let mut view = self.within(watch.answered()).await?;
        if matches!(view.freshness(), Freshness::Stale(_)) {
            let current = |view: &Snapshot| matches!(view.freshness(), Freshness::Current);
            let again = tokio::time::timeout(AGAIN.min(self.limit), watch.seen(current)).await;
            view = again.unwrap_or_else(|_| watch.borrow());
        }
        match view.freshness() {
            Freshness::Stale(error) => Err(Failure::of(error)),
            _ => Ok(view),
        }
    }

    /// What `work` gives, if the registry answers in time.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let what = format!("registry `{}` does not answer", self.registry.address());
        within(self.limit, &what, work).await
    }
}

/// Runs a command's work on a runtime of its own.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::of)?;
    let outcome = runtime.block_on(work);
    // A registry that does not answer holds nobody up who has what he wanted.
    runtime.shutdown_background();
    outcome
}

/// Waits for `work` no longer than the limit; `what` says what takes so long.
async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    tokio::time::timeout(limit, work).await.map_err(|_| {
        Failure(format!(
            "{what}: nothing came within {} s; see whether it runs and the address is right, or wait longer with \
             `--timeout`",
            limit.as_secs()
        ))
    })
}
