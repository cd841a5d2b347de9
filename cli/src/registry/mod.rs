//! `callsheet registry`: looks into a registry as clients see it, and says on it what operators say.
//!
//! Each task is a file. None knows which registry it is: they see views, and steer by overrides.

mod arguments;
mod drain;
mod get;
mod ls;
mod shown;
mod watch;
mod weight;

use std::ops::Deref;

use callsheet::registry::{Override, Snapshot};

pub(crate) use arguments::Arguments;
use arguments::{Format, Task};

use crate::Outcome;
use crate::reach::{self, Reached};
use crate::report::{self, Failure};

/// Does what was asked for.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    reach::block_on(async {
        let session = Session {
            reached: arguments.reach.open().await?,
            format: arguments.format,
        };
        match &arguments.task {
            Task::Ls => ls::run(&session).await,
            Task::Get(named) => get::run(&session, named).await,
            Task::Watch(watch) => watch::run(&session, watch.service.as_deref()).await,
            Task::Weight(weight) => weight::run(&session, weight).await,
            Task::Drain(drain) => drain::run(&session, drain).await,
        }
    })
}

/// A registry and how to speak of it.
struct Session {
    reached: Reached,
    format: Format,
}

impl Deref for Session {
    type Target = Reached;

    fn deref(&self) -> &Reached {
        &self.reached
    }
}

impl Session {
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
