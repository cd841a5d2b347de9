//! `callsheet registry`: looks into a registry as clients see it, and says on it what operators say.
//!
//! Each task is a file. None knows which registry it is: they see views, and steer by overrides.

mod arguments;
mod clock;
mod drain;
mod get;
mod ls;
mod shown;
mod watch;
mod weight;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use callsheet::registry::{self, Freshness, Handle, Override, Snapshot};

pub(crate) use arguments::Arguments;
use arguments::{Format, Task};

use crate::Outcome;
use crate::report::{self, Failure};

/// Names the registry where `--registry` does not.
const VARIABLE: &str = "CALLSHEET_REGISTRY";

/// How long a registry has after its first failure: another of its servers may answer.
const AGAIN: Duration = Duration::from_secs(1);

/// Does what was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::of)?;
    let outcome = runtime.block_on(async {
        let session = Session::open(arguments).await?;
        match &arguments.task {
            Task::Ls => ls::run(&session).await,
            Task::Get(named) => get::run(&session, named).await,
            Task::Watch(watch) => watch::run(&session, watch.service.as_deref()).await,
            Task::Weight(weight) => weight::run(&session, weight).await,
            Task::Drain(drain) => drain::run(&session, drain).await,
        }
    });
    // A registry that does not answer holds nobody up who has what he wanted.
    runtime.shutdown_background();
    outcome
}

/// A registry and how to speak of it.
struct Session {
    registry: Handle,
    limit: Duration,
    format: Format,
}

impl Session {
    async fn open(arguments: &Arguments) -> Result<Self, Failure> {
        let address = match &arguments.registry {
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
        let limit = Duration::from_secs(arguments.timeout);
        let registry = within(
            limit,
            "it does not let itself be opened",
            registry::connect(&address),
        )
        .await?
        .map_err(Failure::of)?;
        Ok(Self {
            registry,
            limit,
            format: arguments.format,
        })
    }

    /// The names of the services that have instances.
    async fn services(&self) -> Result<Vec<String>, Failure> {
        self.within(self.registry.services())
            .await?
            .map_err(Failure::of)
    }

    /// What the registry says of a service now.
    async fn view(&self, service: &str) -> Result<Arc<Snapshot>, Failure> {
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

    async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let what = format!("registry `{}` does not answer", self.registry.address());
        within(self.limit, &what, work).await
    }

    /// Says on an instance that is listed what `change` makes of what is said of it now, and tells it.
    async fn steer(
        &self,
        service: &str,
        id: &str,
        change: impl FnOnce(&mut Override),
    ) -> Result<Outcome, Failure> {
        let view = self.view(service).await?;
        if !shown::is_listed(&view, id) {
            return Ok(absent(&view, id));
        }
        // What else was said of it goes on to hold.
        let mut order = Override::new(id, service);
        if let Some(before) = view.overrides().iter().find(|before| before.id == id) {
            (order.weight, order.drain) = (before.weight, before.drain);
        }
        change(&mut order);
        let (weight, drained) = (order.weight, order.drain);
        self.within(self.registry.steer(order))
            .await?
            .map_err(Failure::of)?;
        let weight = weight.map_or("the weight that its server gave".to_owned(), |weight| {
            format!("weight {weight}")
        });
        let calls = if drained {
            "takes no new calls"
        } else {
            "takes calls"
        };
        report::say(&format!("{service} {id}: {calls}, {weight}"));
        Ok(Outcome::Clean)
    }
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

/// Says that a service has no instance of this id, and which it has.
fn absent(view: &Snapshot, id: &str) -> Outcome {
    let listed = shown::ids(view);
    let there = match &listed[..] {
        [] => "the service has none".to_owned(),
        ids => format!("there are {}", ids.join(", ")),
    };
    let service = view.service();
    report::say(&format!(
        "no instance `{id}` of {service} is listed: {there}"
    ));
    Outcome::Findings
}
