//! The first step of a call: at once to a connection that is up, which is the path of nearly every call, or into the
//! stack.

use std::sync::Arc;
use std::task::{Context as Poller, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::link::{Ask, Exchange};
use crate::observe::ClientCall;
use crate::rope::Rope;
use crate::status::Status;

use super::attempt::{note, received};
use super::cluster::Only;
use super::filtered;
use super::journey::{Journey, again};
use super::plan::Plan;
use super::reply::Received;
use super::stack::{self, Drive};
use super::table::Target;
use super::ticket::Ticket;
use super::treated::Treated;

/// The body of a call that has none.
static NOTHING: Rope = Rope::new();

/// A call that has been set off.
pub(super) enum Departed {
    Flight(Flight),
    /// Its plan has gone along.
    Drive(Drive),
}

impl Departed {
    /// Sends the request at once if a connection is up and nothing has to happen before, or gives the future that will.
    ///
    /// `caller` is woken for the answer of what is sent at once.
    pub(super) fn with(plan: &mut Option<Plan>, now: Instant, caller: &Waker) -> Self {
        let Some(planned) = plan else {
            unreachable!("a call that departs has its plan");
        };
        let treated = planned.channel.treated(planned.method);
        let watched = if planned.channel.client().observer().is_on() {
            watched(planned, now)
        } else {
            None
        };
        let deadline = Context::with(|context| {
            if let Some(context) = context {
                context.bequeath(&mut planned.metadata);
            }
            planned.deadline(&treated, context, now)
        });
        let since = planned.channel.client().since_epoch(now);
        let wary = planned.channel.ledger().begin();
        let filtered = planned.channel.is_filtered();
        let picked = if wary || treated.needs_stack || filtered || watched.is_some() {
            None
        } else {
            pick_now(planned, &treated, now, since)
        };
        let picked = match picked {
            None => None,
            Some(target) => match target.endpoint.link() {
                None => Some(target),
                Some(link) => {
                    let again = again(planned, deadline, &[], target.key, 0);
                    let asked = Ask {
                        route: &target.route,
                        kind: planned.method.kind,
                        deadline: deadline.map(Instant::into_std),
                        attempt: 0,
                        metadata: &planned.metadata,
                        body: planned.body.as_ref().unwrap_or(&NOTHING),
                        now: now.into_std(),
                    };
                    return Self::Flight(Flight {
                        exchange: link.ask(&asked, again, Some(caller)),
                        ticket: Ticket::start(target, since, deadline),
                    });
                }
            },
        };
        let treated = Arc::clone(&treated);
        let Some(plan) = plan.take() else {
            unreachable!("it was there above");
        };
        let mut journey = Journey::new(plan, treated, deadline, now);
        journey.picked = picked;
        journey.watched = watched;
        Self::Drive(drive(journey, filtered))
    }
}

/// Asks one instance, and no other: a call of its own, with its own filters.
pub(super) fn to_only(mut plan: Plan, only: Only) -> Drive {
    let now = Instant::now();
    let treated = Arc::clone(&plan.channel.treated(plan.method));
    let watched = if plan.channel.client().observer().is_on() {
        watched(&mut plan, now)
    } else {
        None
    };
    let deadline = Context::with(|context| {
        if let Some(context) = context {
            context.bequeath(&mut plan.metadata);
        }
        plan.deadline(&treated, context, now)
    });
    plan.channel.ledger().begin();
    let filtered = plan.channel.is_filtered();
    let mut journey = Journey::new(plan, treated, deadline, now);
    journey.watched = watched;
    journey.only = Some(only);
    drive(journey, filtered)
}

/// The stack, with what is around it.
fn drive(journey: Journey, filtered: bool) -> Drive {
    let watched = journey.watched.clone();
    let drive = if filtered {
        filtered::drive(journey)
    } else {
        stack::drive(journey)
    };
    match watched {
        None => drive,
        Some(watched) => Box::pin(async move {
            let outcome = drive.await;
            let by_server = |received: &Received| received.origin.is_server();
            watched.ended(outcome.as_ref().map(by_server));
            outcome
        }),
    }
}

/// Tells the client's observer that a call begins.
#[cold]
fn watched(plan: &mut Plan, now: Instant) -> Option<ClientCall> {
    let kept = plan.channel.kept_beside(plan.method);
    let observer = plan.channel.client().observer();
    let metadata = &mut plan.metadata;
    Context::with(|context| observer.client_call(plan.method, kept, metadata, context, now))
}

/// Who is to answer, where that is known without waiting: a route that is there, and a request that is.
fn pick_now(plan: &Plan, treated: &Treated, now: Instant, since: Duration) -> Option<Arc<Target>> {
    if plan.body.is_err() || plan.requests.is_some() {
        return None;
    }
    plan.channel.pick_now(plan, treated, now, since)
}

/// A request on a connection, and its answer to come.
pub(super) struct Flight {
    exchange: Exchange,
    ticket: Ticket,
}

impl Flight {
    /// Whether there is nothing to be had before its caller is woken.
    pub(super) fn is_out(&self) -> bool {
        self.exchange.is_out()
    }

    pub(super) fn poll(
        &mut self,
        plan: &Plan,
        cx: &mut Poller<'_>,
    ) -> Poll<Result<Received, Status>> {
        let outcome = ready!(received(|| plan.form(), &mut self.exchange, cx));
        let at = self.exchange.answered_at();
        let at = at.unwrap_or_else(|| self.ticket.target.since_epoch(Instant::now()));
        note(plan, &mut self.ticket, &outcome, at);
        Poll::Ready(outcome)
    }

    /// What becomes of the call behind a failure: the rest of the stack, or the error.
    #[cold]
    pub(super) fn after(self, plan: Plan, status: Status) -> Result<Drive, Status> {
        let target = &self.ticket.target;
        let status = status.at_endpoint(Arc::clone(target.endpoint.text()));
        let treated = Arc::clone(&plan.channel.treated(plan.method));
        let decides = plan.channel.client().retries().is_some();
        if !decides && !treated.acts_on(&status, plan.method) {
            return Err(status.after_attempts(1));
        }
        let (deadline, since) = (self.ticket.deadline(), self.ticket.started());
        let mut journey = Journey::new(plan, treated, deadline, since);
        journey.failed_at(target, status);
        Ok(stack::drive(journey))
    }
}
