//! From a planned call to its answer: deadline, choice of an instance, connection, request, and another instance where
//! the first one turned the request away before it could run.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::backoff::Backoff;
use crate::context::Context;
use crate::contract::MethodKind;
use crate::link::{Again, Exchange, Link, Request};
use crate::metadata::Metadata;
use crate::random;
use crate::status::{Code, Phase, Progress, Status};

use super::Client;
use super::endpoint::LATE;
use super::plan::Plan;
use super::reply::{Content, Form, Received};
use super::table::{Target, Ticket};

/// How often all instances are asked in turn before a call that none of them started fails: enough to live through the
/// moment between a server's last breath and the registry's word of it.
const ROUNDS: u32 = 3;

/// The first pause between two rounds.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause between two rounds.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// A call that goes on in an `async fn`.
pub(super) type Drive = Pin<Box<dyn Future<Output = Result<Received, Status>> + Send>>;

/// A call that has been set off.
pub(super) enum Departed {
    Flight(Flight),
    /// Its plan has gone along.
    Drive(Drive),
}

impl Departed {
    /// Sends the request at once if a connection is up, or gives the future that will.
    pub(super) fn with(plan: &mut Option<Plan>, now: Instant) -> Self {
        let Some(planned) = plan else {
            unreachable!("a call that departs has its plan");
        };
        let deadline = Context::with(|context| {
            if let Some(context) = context {
                context.bequeath(&mut planned.metadata);
            }
            planned.deadline(context, now)
        });
        let picked = pick_now(planned, now);
        if let Some(target) = &picked
            && let Some(link) = target.endpoint.link()
        {
            let request = request(planned, deadline, target, 0);
            return Self::Flight(Flight {
                exchange: link.call(request),
                ticket: Ticket::start(Arc::clone(target), now),
                deadline,
            });
        }
        let Some(plan) = plan.take() else {
            unreachable!("it was there above");
        };
        Self::Drive(Attempt::new(plan, deadline, picked).drive())
    }
}

/// Who is to answer, where that is known without waiting: a route that is there, and a request that is.
fn pick_now(plan: &Plan, now: Instant) -> Option<Arc<Target>> {
    if plan.body.is_err() || plan.requests.is_some() {
        return None;
    }
    plan.channel
        .pick_now(plan.method, plan.group.as_ref(), plan.hash, now)
}

fn request(plan: &Plan, deadline: Option<Instant>, target: &Target, attempt: u32) -> Request {
    let one_way = plan.method.kind == MethodKind::OneWay;
    Request {
        again: one_way.then(|| again(plan, deadline, target.key, attempt + 1)),
        route: Arc::clone(&target.route),
        kind: plan.method.kind,
        deadline: deadline.map(Instant::into_std),
        attempt,
        metadata: plan.metadata.clone(),
        body: plan.body.clone().unwrap_or_default(),
    }
}

/// Sends a one-way call to another instance when the first turns it away, which its caller does not hear of: a server that
/// leaves may say so while the call is on its way to it.
fn again(plan: &Plan, deadline: Option<Instant>, tried: u64, sent: u32) -> Again {
    let plan = plan.once_more();
    Box::new(move |status| {
        if !may_move(&plan, &status) {
            return;
        }
        let runtime = plan.channel.client().runtime().clone();
        let mut attempt = Attempt::new(plan, deadline, None);
        attempt.sent = sent;
        attempt.tried.push(tried);
        attempt.last = Some(status);
        // Nobody waits for how it ends.
        drop(runtime.spawn(attempt.drive()));
    })
}

/// Lets balancers learn from a call. The time that a one-way call took to leave says nothing of its server.
fn note<T>(plan: &Plan, ticket: &mut Ticket, outcome: &Result<T, Status>, now: Instant) {
    if plan.method.kind != MethodKind::OneWay || outcome.is_err() {
        ticket.finish(outcome, now);
    }
}

/// Whether another instance may be asked: none has started the request, and all of it is still here.
fn may_move(plan: &Plan, status: &Status) -> bool {
    let streams_requests = matches!(
        plan.method.kind,
        MethodKind::ClientStream | MethodKind::BidiStream
    );
    status.progress() == Progress::NotStarted
        && matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
        && (plan.requests.is_some() || !streams_requests)
}

/// A plan under way, that may have to wait.
struct Attempt {
    plan: Plan,
    deadline: Option<Instant>,
    /// What stands for the instances that turned it away in this round.
    tried: Vec<u64>,
    /// How often the request was handed to a connection.
    sent: u32,
    /// Why the last instance turned it away.
    last: Option<Status>,
    /// The choice that was made before it turned out that there is no connection yet. A second one would skip an
    /// instance, and balancers that take turns might never come to it.
    picked: Option<Arc<Target>>,
    stage: Stage,
}

/// What a call waits for: tells in an expired deadline's error.
enum Stage {
    Resolve,
    Connect(Arc<str>),
    Answer(Arc<str>),
}

impl Attempt {
    fn new(plan: Plan, deadline: Option<Instant>, picked: Option<Arc<Target>>) -> Self {
        Self {
            plan,
            deadline,
            tried: Vec::new(),
            sent: 0,
            last: None,
            picked,
            stage: Stage::Resolve,
        }
    }

    fn drive(mut self) -> Drive {
        Box::pin(async move {
            let outcome = match self.deadline {
                None => self.run().await,
                Some(deadline) => match tokio::time::timeout_at(deadline, self.run()).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(self.expired()),
                },
            };
            outcome.map_err(|status| status.after_attempts(self.sent))
        })
    }

    async fn run(&mut self) -> Result<Received, Status> {
        if let Err(status) = &self.plan.body {
            return Err(status.clone());
        }
        let mut rounds = 0;
        let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, random::seed());
        loop {
            self.stage = Stage::Resolve;
            let target = if let Some(target) = self.picked.take() {
                Some(target)
            } else {
                let groups = self.plan.group.as_ref();
                let table = self.plan.channel.table(self.plan.method, groups).await?;
                table
                    .pick(&self.tried, self.plan.hash, Instant::now())
                    .cloned()
            };
            let Some(target) = target else {
                rounds += 1;
                match self.last.take() {
                    Some(status) if rounds >= ROUNDS => return Err(status),
                    last => self.last = last,
                }
                self.tried.clear();
                tokio::time::sleep(pauses.pause()).await;
                continue;
            };
            match self.ask(&target).await {
                Err(status) if may_move(&self.plan, &status) => {
                    self.tried.push(target.key);
                    self.last = Some(status);
                }
                outcome => return outcome,
            }
        }
    }

    async fn ask(&mut self, target: &Arc<Target>) -> Result<Received, Status> {
        let endpoint = &target.endpoint;
        self.stage = Stage::Connect(Arc::clone(endpoint.text()));
        let link = self.connect(target).await?;
        self.stage = Stage::Answer(Arc::clone(endpoint.text()));
        let exchange = link.call(request(&self.plan, self.deadline, target, self.sent));
        self.sent += 1;
        let mut ticket = Ticket::start(Arc::clone(target), Instant::now());
        let outcome = self.answer(exchange).await;
        note(&self.plan, &mut ticket, &outcome, Instant::now());
        outcome.map_err(|status| status.at_endpoint(Arc::clone(endpoint.text())))
    }

    /// A connection. One that is long in coming is waited for only where nobody else can be asked.
    async fn connect(&mut self, target: &Target) -> Result<Link, Status> {
        let mut connecting = pin!(target.endpoint.connect());
        loop {
            if let Ok(outcome) = timeout(LATE, &mut connecting).await {
                return outcome;
            }
            let (channel, groups) = (&self.plan.channel, self.plan.group.as_ref());
            let table = channel.table(self.plan.method, groups).await?;
            if table.has_better(&self.tried, target) {
                let why = format!("no connection within {LATE:?}, and others can be asked");
                return Err(Status::unavailable(why)
                    .not_started()
                    .in_phase(Phase::Connect)
                    .at_endpoint(Arc::clone(target.endpoint.text())));
            }
        }
    }

    /// Sends the stream of requests, if there is one, and waits for the answer or its beginning.
    async fn answer(&mut self, mut exchange: Exchange) -> Result<Received, Status> {
        let runtime = self.plan.channel.client().runtime();
        let mut pump = match (self.plan.requests.take(), exchange.take_sender()) {
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
            received(form, &mut exchange, cx)
        })
        .await;
        match (outcome, pump) {
            (Ok(received), pump) => {
                if let Some(pump) = &pump {
                    pump.settle();
                }
                Ok(Received { pump, ..received })
            }
            (Err(status), Some(pump)) if status.progress() == Progress::NotStarted => {
                self.plan.requests = pump.reclaim();
                Err(status)
            }
            (Err(status), _) => Err(status),
        }
    }

    fn expired(&self) -> Status {
        match (&self.stage, &self.last) {
            (Stage::Resolve, None) => unanswered(self.plan.channel.client()),
            (Stage::Resolve, Some(last)) => expired(format!(
                "no instance took the call; the last one said: {last}"
            ))
            .not_started()
            .in_phase(Phase::Resolve),
            (Stage::Connect(endpoint), _) => {
                expired("the connection did not come about in time".into())
                    .not_started()
                    .in_phase(Phase::Connect)
                    .at_endpoint(Arc::clone(endpoint))
            }
            (Stage::Answer(endpoint), _) => expired("no answer in time".into())
                .in_phase(Phase::Local)
                .at_endpoint(Arc::clone(endpoint)),
        }
    }
}

fn expired(why: String) -> Status {
    Status::deadline_exceeded(why).with_setting("Call::timeout")
}

/// For a call whose time ran out before there was a list of instances.
pub(super) fn unanswered(client: &Client) -> Status {
    let registry = client.registry_address();
    expired(format!("the registry {registry} has not answered yet"))
        .not_started()
        .in_phase(Phase::Resolve)
}

/// What an exchange gives first: the one reply, or the stream of them.
fn received(
    form: Form,
    exchange: &mut Exchange,
    cx: &mut Poller<'_>,
) -> Poll<Result<Received, Status>> {
    ready!(exchange.poll_begun(cx))?;
    let (content, trailers) = if let Some(replies) = exchange.take_receiver() {
        (Content::Stream(replies), Metadata::new())
    } else {
        let reply = ready!(Pin::new(exchange).poll(cx))?;
        (Content::Reply(reply.body), reply.trailers)
    };
    Poll::Ready(Ok(Received {
        form,
        content,
        trailers,
        pump: None,
    }))
}

/// A request on a connection, and its answer to come.
pub(super) struct Flight {
    exchange: Exchange,
    ticket: Ticket,
    deadline: Option<Instant>,
}

impl Flight {
    pub(super) fn poll(
        &mut self,
        plan: &Plan,
        cx: &mut Poller<'_>,
    ) -> Poll<Result<Received, Status>> {
        let outcome = ready!(received(plan.form(), &mut self.exchange, cx));
        let now = self.exchange.answered_at();
        note(plan, &mut self.ticket, &outcome, now);
        Poll::Ready(outcome)
    }

    /// What becomes of the call behind a failure: another try, or the error.
    pub(super) fn after(self, plan: Plan, status: Status) -> Result<Drive, Status> {
        let target = &self.ticket.target;
        let status = status.at_endpoint(Arc::clone(target.endpoint.text()));
        if !may_move(&plan, &status) {
            return Err(status.after_attempts(1));
        }
        let mut attempt = Attempt::new(plan, self.deadline, None);
        attempt.sent = 1;
        attempt.tried.push(target.key);
        attempt.last = Some(status);
        Ok(attempt.drive())
    }
}
