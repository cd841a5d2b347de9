//! Calls that failed and are repeated in the background: what a client keeps of them, and the task that repeats them.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::Guard;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::governance::Treatment;
use crate::metadata::{Metadata, Value};
use crate::resilience::{Due, Repetitions, Waiting};
use crate::rope::Rope;
use crate::route::GroupChoice;
use crate::status::{Progress, Status};

use super::channel::{Channel, Choice};
use super::journey::Journey;
use super::notice::{ClientNotice, Listener};
use super::plan::{Plan, Timeout};
use super::stack;
use super::{Client, Inner};

/// What is kept of a call: all but the client, which must be able to go.
pub(super) struct Parked {
    service: &'static ServiceDescriptor,
    choice: Choice,
    method: &'static MethodDescriptor,
    timeout: Timeout,
    metadata: Metadata,
    group: Option<GroupChoice>,
    hash: Option<NonZeroU64>,
    body: Rope,
}

/// What a call costs beside its bytes.
const ENTRY: u64 = 512;

impl Parked {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            service: plan.channel.service(),
            choice: plan.channel.choice(),
            method: plan.method,
            timeout: plan.timeout,
            metadata: plan.metadata.clone(),
            group: plan.group.clone(),
            hash: plan.hash,
            body: plan.body.clone().unwrap_or_default(),
        }
    }

    fn cost(&self) -> u64 {
        let entries = self.metadata.iter();
        let metadata: usize = entries
            .map(|(key, value)| {
                let value = match value {
                    Value::Text(text) => text.len(),
                    Value::Binary(bytes) => bytes.len(),
                };
                key.len() + value
            })
            .sum();
        ENTRY + self.body.len() as u64 + metadata as u64
    }

    /// Whether a call that failed so may be sent again: nobody has seen it, or it does no harm.
    fn may_repeat(&self, failure: &Status) -> bool {
        self.method.policy.idempotent || failure.progress() == Progress::NotStarted
    }

    fn plan(&self, client: &Client) -> Plan {
        let channel = Channel::chosen(client, self.service, self.choice.clone());
        let body = Ok(self.body.clone());
        let mut plan = Plan::new(channel, self.method, self.hash, body, None);
        plan.timeout = self.timeout;
        plan.metadata = self.metadata.clone();
        plan.group.clone_from(&self.group);
        plan
    }
}

/// The calls of one client that wait to be repeated, by the path of their method.
#[derive(Default)]
pub(super) struct Failback {
    queues: Mutex<HashMap<&'static str, Repetitions<Parked>>>,
    /// Told when one of them waits no more.
    settled: Notify,
}

impl Failback {
    /// Takes a call that failed.
    ///
    /// # Errors
    /// Where the call may not be sent again, and where too many wait: the setting that says so.
    pub(super) fn park(
        &self,
        client: &Client,
        parked: Parked,
        failure: &Status,
        treatment: &Treatment,
    ) -> Result<(), Option<&'static str>> {
        if !parked.may_repeat(failure) {
            return Err(None);
        }
        let path = parked.method.path;
        let cost = parked.cost();
        let offered = {
            let mut queues = self.lock();
            let queue = queues
                .entry(path)
                .or_insert_with(|| Repetitions::new(client.chance().bits()));
            queue.offer(parked, cost, client.now(), &treatment.failback)
        };
        match offered {
            Ok(first) => {
                if first {
                    let client = (Arc::downgrade(&client.0), client.runtime().clone());
                    // It ends by itself.
                    drop(client.1.spawn(repeat(client.0, path)));
                }
                Ok(())
            }
            Err(full) => {
                if full.news {
                    client.0.listener.tell(|| ClientNotice::FailbackFull {
                        method: path,
                        setting: full.setting,
                    });
                }
                Err(Some(full.setting))
            }
        }
    }

    /// How many calls wait, or are being repeated.
    pub(super) fn len(&self) -> usize {
        self.lock().values().map(Repetitions::len).sum()
    }

    /// Waits until there is none.
    pub(super) async fn settled(&self) {
        loop {
            let mut settled = pin!(self.settled.notified());
            settled.as_mut().enable();
            if self.len() == 0 {
                return;
            }
            settled.await;
        }
    }

    /// Tells what is lost with the client.
    pub(super) fn abandon(&mut self, listener: &Listener) {
        let queues = self.queues.get_mut();
        for (method, queue) in queues.unwrap_or_else(PoisonError::into_inner) {
            let calls = queue.len();
            if calls > 0 {
                listener.tell(|| ClientNotice::FailbackAbandoned { method, calls });
            }
        }
    }

    fn take(&self, path: &str, now: Duration) -> Due<Parked> {
        let mut queues = self.lock();
        queues
            .get_mut(path)
            .map_or(Due::Never, |queue| queue.take(now))
    }

    /// Notes how a repetition went. Gives the failure of a call that is not repeated any more.
    fn note(
        &self,
        again: Waiting<Parked>,
        outcome: Result<(), Again>,
        now: Duration,
    ) -> Option<Status> {
        let lost = {
            let mut queues = self.lock();
            let queue = queues.get_mut(again.call.method.path)?;
            match outcome {
                Err(Again::Yes(failure)) => queue.failed(again, now).map(|_| failure),
                Ok(()) => {
                    queue.settle(&again, now);
                    None
                }
                Err(Again::No(failure)) => {
                    queue.settle(&again, now);
                    Some(failure)
                }
            }
        };
        self.settled.notify_waiters();
        lost
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Repetitions<Parked>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a call that failed goes on.
enum Again {
    Yes(Status),
    No(Status),
}

/// Repeats the calls of a method until none waits, or the client is gone.
async fn repeat(client: Weak<Inner>, path: &'static str) {
    loop {
        let due = {
            let Some(inner) = client.upgrade() else {
                return;
            };
            let client = Client(inner);
            match client.0.failback.take(path, client.now()) {
                Due::Never => return,
                Due::At(due) => client.epoch() + due,
                Due::Now(waiting) => {
                    once(&client, waiting).await;
                    continue;
                }
            }
        };
        sleep_until(due).await;
    }
}

async fn once(client: &Client, waiting: Waiting<Parked>) {
    let parked = &waiting.call;
    let method = parked.method;
    let plan = parked.plan(client);
    let treated = Guard::into_inner(plan.channel.treated(method));
    let now = Instant::now();
    let deadline = plan.deadline(&treated, None, now);
    plan.channel.ledger().begin();
    let mut journey = Journey::new(plan, Arc::clone(&treated), deadline, now);
    let outcome = stack::run(&mut journey).await;
    let outcome = outcome.map(drop).map_err(|failure| {
        if treated.is_answer(&failure) || !parked.may_repeat(&failure) {
            Again::No(failure)
        } else {
            Again::Yes(failure)
        }
    });
    let lost = client.0.failback.note(waiting, outcome, client.now());
    if let Some(failure) = lost {
        let listener = &client.0.listener;
        listener.tell(|| ClientNotice::FailbackGivenUp {
            method: method.path,
            failure,
        });
    }
}
