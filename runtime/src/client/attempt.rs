//! One attempt of a call at one instance: connection, request, answer. Knows nothing of other attempts.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::contract::MethodKind;
use crate::filter::Messages;
use crate::link::{Again, Exchange, Link, Request};
use crate::metadata::Metadata;
use crate::status::{Phase, Status};

use super::endpoint::LATE;
use super::origin::Origin;
use super::plan::Plan;
use super::reply::{Content, Form, Received, Requests};
use super::table::Target;
use super::ticket::Ticket;
use super::treated::Treated;

/// One try: what is to be sent, and to whom.
pub(super) struct Attempt<'a> {
    pub(super) plan: &'a Plan,
    pub(super) treated: &'a Treated,
    pub(super) deadline: Option<Instant>,
    pub(super) target: &'a Arc<Target>,
    /// What stands for the instances that were asked before.
    pub(super) tried: &'a [u64],
    /// How many attempts came before, as servers count them.
    pub(super) number: u32,
}

/// How far an attempt is: tells in an expired deadline's error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    #[default]
    Idle,
    Connect(Arc<str>),
    Answer(Arc<str>),
}

impl Attempt<'_> {
    /// Asks. What is left of a stream of requests that nobody has taken is put back into `requests`.
    pub(super) async fn run(
        self,
        requests: &mut Option<Requests>,
        again: Option<Again>,
        stage: &mut Stage,
    ) -> Result<Received, Status> {
        let endpoint = &self.target.endpoint;
        *stage = Stage::Connect(Arc::clone(endpoint.text()));
        let link = self.connect().await?;
        *stage = Stage::Answer(Arc::clone(endpoint.text()));
        let request = request(self.plan, self.deadline, self.target, self.number, again);
        let exchange = link.call(request);
        let target = Arc::clone(self.target);
        let began = target.since_epoch(Instant::now());
        let mut ticket = Ticket::start(target, began, self.deadline);
        let outcome = self.answer(exchange, requests).await;
        let ended = self.target.since_epoch(Instant::now());
        note(self.plan, &mut ticket, &outcome, ended);
        outcome.map_err(|status| status.at_endpoint(Arc::clone(endpoint.text())))
    }

    /// A connection. One that is long in coming is waited for only where nobody else can be asked.
    async fn connect(&self) -> Result<Link, Status> {
        let mut connecting = pin!(self.target.endpoint.connect());
        loop {
            if let Ok(outcome) = timeout(LATE, &mut connecting).await {
                return outcome;
            }
            let table = self.plan.channel.table(self.plan, self.treated).await?;
            if table.has_better(self.tried, self.target) {
                let why = format!("no connection within {LATE:?}, and others can be asked");
                return Err(Status::unavailable(why)
                    .not_started()
                    .in_phase(Phase::Connect)
                    .at_endpoint(Arc::clone(self.target.endpoint.text())));
            }
        }
    }

    /// Sends the stream of requests, if there is one, and waits for the answer or its beginning.
    async fn answer(
        &self,
        mut exchange: Exchange,
        requests: &mut Option<Requests>,
    ) -> Result<Received, Status> {
        let runtime = self.plan.channel.client().runtime();
        let mut pump = match (requests.take(), exchange.take_sender()) {
            (Some(requests), Some(sender)) => Some(requests.pump(sender, runtime)),
            _ => None,
        };
        let form = self.plan.form();
        let outcome = poll_fn(|cx| {
            if let Some(pump) = &mut pump
                && let Poll::Ready(status) = pump.poll_failed(cx)
            {
                return Poll::Ready(Err(status));
            }
            received(|| form, &mut exchange, cx)
        })
        .await;
        match (outcome, pump) {
            (Ok(received), pump) => {
                if let Some(pump) = &pump {
                    pump.settle();
                }
                Ok(Received { pump, ..received })
            }
            (Err(status), Some(pump)) => {
                *requests = pump.reclaim();
                Err(status)
            }
            (Err(status), None) => Err(status),
        }
    }
}

/// What goes to a connection.
pub(super) fn request(
    plan: &Plan,
    deadline: Option<Instant>,
    target: &Target,
    attempt: u32,
    again: Option<Again>,
) -> Request {
    Request {
        again,
        route: Arc::clone(&target.route),
        kind: plan.method.kind,
        deadline: deadline.map(Instant::into_std),
        attempt,
        metadata: plan.metadata.clone(),
        body: plan.body.clone().unwrap_or_default(),
    }
}

/// Lets balancers and accounts learn from a call that ended at `now`, since the client's epoch.
///
/// The time that a one-way call took to leave says nothing of its server.
pub(super) fn note<T>(
    plan: &Plan,
    ticket: &mut Ticket,
    outcome: &Result<T, Status>,
    now: Duration,
) {
    if plan.method.kind != MethodKind::OneWay || outcome.is_err() {
        ticket.finish(outcome, now);
    } else {
        ticket.leave();
    }
    if let Err(status) = outcome
        && status.is_overloaded()
        && status.phase() == Phase::Remote
    {
        let epoch = plan.channel.client().epoch();
        plan.channel.ledger().turned_away(epoch + now);
    }
}

/// What an exchange gives first: the one reply, or the stream of them.
pub(super) fn received(
    form: impl FnOnce() -> Form,
    exchange: &mut Exchange,
    cx: &mut Poller<'_>,
) -> Poll<Result<Received, Status>> {
    ready!(exchange.poll_begun(cx))?;
    let (content, trailers) = if let Some(replies) = exchange.take_receiver() {
        (Content::Stream(Messages::wire(replies)), Metadata::new())
    } else {
        let reply = ready!(Pin::new(exchange).poll(cx))?;
        (Content::Reply(reply.body), reply.trailers)
    };
    Poll::Ready(Ok(Received {
        form: form(),
        content,
        trailers,
        pump: None,
        origin: Origin::Server,
    }))
}
