//! From a planned call to its answer: deadline, choice of an instance, connection, request, and another instance where
//! the first one turned the request away before it could run.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::context::Context;
use crate::contract::{MethodDescriptor, MethodKind};
use crate::link::{Exchange, Link, Request};
use crate::metadata::Metadata;
use crate::random;
use crate::route::GroupChoice;
use crate::status::{Code, Phase, Progress, Status};

use super::channel::Channel;
use super::reply::{Content, Form, Received, Requests};
use super::table::{Table, Target, Ticket};

/// How long a call with one reply may take if nobody says: never for ever, and longer than what users wait for.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// How often all instances are asked in turn before a call that none of them started fails: enough to live through the
/// moment between a server's last breath and the registry's word of it.
const ROUNDS: u32 = 3;

/// The first pause between two rounds.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// The longest pause between two rounds.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The limit that a caller set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timeout {
    /// None: the client's, the contract's or the default counts.
    Unset,
    /// This.
    After(Duration),
    /// No limit, on purpose.
    Never,
}

/// Everything that is to be sent, before it is known where to.
pub(crate) struct Plan {
    pub(super) channel: Channel,
    pub(super) method: &'static MethodDescriptor,
    pub(super) timeout: Timeout,
    pub(super) metadata: Metadata,
    pub(super) group: Option<GroupChoice>,
    pub(super) body: Result<Bytes, Status>,
    pub(super) requests: Option<Requests>,
}

/// A call that goes on in an `async fn`.
pub(super) type Drive = Pin<Box<dyn Future<Output = Result<Received, Status>> + Send>>;

impl Plan {
    pub(crate) fn new(
        channel: Channel,
        method: &'static MethodDescriptor,
        body: Result<Bytes, Status>,
        requests: Option<Requests>,
    ) -> Self {
        Self {
            channel,
            method,
            timeout: Timeout::Unset,
            metadata: Metadata::new(),
            group: None,
            body,
            requests,
        }
    }

    /// Lets the call fail with `status` before anything is sent. The first reason counts.
    pub(super) fn fail(&mut self, status: Status) {
        if self.body.is_ok() {
            self.body = Err(status.not_started().in_phase(Phase::Local));
        }
    }

    /// What replies look like.
    fn form(&self) -> Form {
        Form {
            codec: self.channel.codec(),
            shape: self.channel.shape(self.method.reply),
        }
    }

    /// The same call to one group, if it can be sent twice.
    pub(super) fn to_group(&self, group: &str) -> Self {
        Self {
            channel: self.channel.clone(),
            method: self.method,
            timeout: self.timeout,
            metadata: self.metadata.clone(),
            group: Some(GroupChoice::One(group.into())),
            body: self.body.clone(),
            requests: None,
        }
    }

    /// Sends the request at once if a connection is up, or gives the future that will.
    pub(super) fn depart(mut self, context: Option<&Context>) -> Departed {
        let now = Instant::now();
        let own = match self.timeout {
            Timeout::After(limit) => Some(limit),
            Timeout::Never => None,
            Timeout::Unset => self
                .channel
                .timeout()
                .or(self.method.timeout)
                .or_else(|| default_timeout(self.method.kind)),
        };
        // A limit beyond what the clock can count is none.
        let own = own.and_then(|limit| now.checked_add(limit));
        let inherited = context.and_then(Context::deadline).map(Into::into);
        if let Some(context) = context {
            context.bequeath(&mut self.metadata);
        }
        let attempt = Attempt {
            plan: self,
            deadline: own.into_iter().chain(inherited).min(),
            tried: Vec::new(),
            sent: 0,
            last: None,
            stage: Stage::Resolve,
        };
        match attempt.connection() {
            Some((table, target, link)) => Departed::Flight(attempt.fly(&table, &target, &link)),
            None => Departed::Drive(attempt.drive()),
        }
    }
}

/// A call that has been set off.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every call is a flight, and a box would be its only one"
)]
pub(super) enum Departed {
    Flight(Flight),
    Drive(Drive),
}

fn default_timeout(kind: MethodKind) -> Option<Duration> {
    match kind {
        MethodKind::Unary | MethodKind::ClientStream | MethodKind::OneWay => Some(DEFAULT_TIMEOUT),
        MethodKind::ServerStream | MethodKind::BidiStream => None,
    }
}

/// A plan under way.
struct Attempt {
    plan: Plan,
    deadline: Option<Instant>,
    /// What stands for the instances that turned it away in this round.
    tried: Vec<u64>,
    /// How often the request was handed to a connection.
    sent: u32,
    /// Why the last instance turned it away.
    last: Option<Status>,
    stage: Stage,
}

/// What a call waits for: tells in an expired deadline's error.
enum Stage {
    Resolve,
    Connect(Arc<str>),
    Answer(Arc<str>),
}

impl Attempt {
    /// Where the request can go without waiting: a known route, a connection that is up, a request that is all there.
    fn connection(&self) -> Option<(Arc<Table>, Target, Link)> {
        if self.plan.body.is_err() || self.plan.requests.is_some() {
            return None;
        }
        let groups = self.plan.group.as_ref();
        let table = self
            .plan
            .channel
            .table_now(self.plan.method, groups)?
            .ok()?;
        let target = table.pick(&[])?.clone();
        let link = target.endpoint.link()?;
        Some((table, target, link))
    }

    fn fly(mut self, table: &Table, target: &Target, link: &Link) -> Flight {
        let exchange = link.call(self.request(target));
        self.sent = 1;
        Flight {
            attempt: self,
            ticket: table.start(target),
            exchange,
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
            let table = self
                .plan
                .channel
                .table(self.plan.method, self.plan.group.as_ref())
                .await?;
            let Some(target) = table.pick(&self.tried) else {
                rounds += 1;
                match self.last.take() {
                    Some(status) if rounds >= ROUNDS => return Err(status),
                    last => self.last = last,
                }
                self.tried.clear();
                tokio::time::sleep(pauses.pause()).await;
                continue;
            };
            match self.ask(&table, target).await {
                Err(status) if self.may_move(&status) => {
                    self.tried.push(target.key);
                    self.last = Some(status);
                }
                outcome => return outcome,
            }
        }
    }

    async fn ask(&mut self, table: &Table, target: &Target) -> Result<Received, Status> {
        let endpoint = &target.endpoint;
        self.stage = Stage::Connect(Arc::clone(endpoint.text()));
        let link = endpoint.connect().await?;
        self.stage = Stage::Answer(Arc::clone(endpoint.text()));
        let exchange = link.call(self.request(target));
        self.sent += 1;
        let mut ticket = table.start(target);
        let outcome = self.answer(exchange).await;
        self.note(&mut ticket, &outcome);
        outcome.map_err(|status| status.at_endpoint(Arc::clone(endpoint.text())))
    }

    /// Sends the stream of requests, if there is one, and waits for the answer or its beginning.
    async fn answer(&mut self, mut exchange: Exchange) -> Result<Received, Status> {
        let runtime = self.plan.channel.client().runtime();
        let mut pump = match (self.plan.requests.take(), exchange.take_sender()) {
            (Some(requests), Some(sender)) => Some(requests.pump(sender, runtime)),
            _ => None,
        };
        let form = self.plan.form();
        poll_fn(|cx| {
            if let Some(pump) = &mut pump
                && let Poll::Ready(status) = pump.poll_failed(cx)
            {
                return Poll::Ready(Err(status));
            }
            received(form, &mut exchange, cx)
        })
        .await
        .map(|received| Received { pump, ..received })
    }

    /// Lets balancers learn from a call. The time that a one-way call took to leave says nothing of its server.
    fn note(&self, ticket: &mut Ticket, outcome: &Result<Received, Status>) {
        if self.plan.method.kind != MethodKind::OneWay || outcome.is_err() {
            ticket.finish(outcome);
        }
    }

    /// Whether another instance may be asked: none has started the request, and all of it is still here.
    fn may_move(&self, status: &Status) -> bool {
        let streams_requests = matches!(
            self.plan.method.kind,
            MethodKind::ClientStream | MethodKind::BidiStream
        );
        status.progress() == Progress::NotStarted
            && matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
            && (self.plan.requests.is_some() || !streams_requests)
    }

    fn request(&self, target: &Target) -> Request {
        Request {
            route: Arc::clone(&target.route),
            kind: self.plan.method.kind,
            deadline: self.deadline.map(Instant::into_std),
            attempt: self.sent,
            metadata: self.plan.metadata.clone(),
            body: self.plan.body.clone().unwrap_or_default(),
        }
    }

    fn expired(&self) -> Status {
        let status = Status::deadline_exceeded(match &self.stage {
            Stage::Resolve => match &self.last {
                None => format!(
                    "the registry {} has not answered yet",
                    self.plan.channel.client().registry_address()
                ),
                Some(last) => format!("no instance took the call; the last one said: {last}"),
            },
            Stage::Connect(_) => "the connection did not come about in time".into(),
            Stage::Answer(_) => "no answer in time".into(),
        })
        .with_setting("Call::timeout");
        match &self.stage {
            Stage::Resolve => status.not_started().in_phase(Phase::Resolve),
            Stage::Connect(endpoint) => status
                .not_started()
                .in_phase(Phase::Connect)
                .at_endpoint(Arc::clone(endpoint)),
            Stage::Answer(endpoint) => status
                .in_phase(Phase::Local)
                .at_endpoint(Arc::clone(endpoint)),
        }
    }
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
    attempt: Attempt,
    ticket: Ticket,
    exchange: Exchange,
}

impl Flight {
    pub(super) fn poll(&mut self, cx: &mut Poller<'_>) -> Poll<Result<Received, Status>> {
        let outcome = ready!(received(self.attempt.plan.form(), &mut self.exchange, cx));
        self.attempt.note(&mut self.ticket, &outcome);
        Poll::Ready(outcome)
    }

    /// What becomes of the call behind a failure: another try, or the error.
    pub(super) fn after(mut self, status: Status) -> Result<Drive, Status> {
        let status = status.at_endpoint(Arc::clone(&self.ticket.endpoint));
        if self.attempt.may_move(&status) {
            self.attempt.tried.push(self.ticket.key);
            self.attempt.last = Some(status);
            Ok(self.attempt.drive())
        } else {
            Err(status.after_attempts(1))
        }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("method", &self.method.path)
            .field("timeout", &self.timeout)
            .field("metadata", &self.metadata)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
