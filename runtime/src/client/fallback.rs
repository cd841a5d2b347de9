//! What takes the place of an answer: around all tries of a call.
//!
//! ```text
//!            mode = force
//!   call ─────────────────────────────────────────────▶ settings ▶ function ▶ stale ▶ error
//!    │
//!    │       answered, or the application's own error
//!    ├─▶ strategy ▶ tries ──────────────────────────────────────────────────────────▶ that
//!    │                │ a failure of `fallback.on`, nothing left to try
//!    │                ▼
//!    └──────────── stale ▶ settings ▶ function ▶ failsafe, failback: an empty reply ▶ error
//! ```

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::codec::Shape;
use crate::context::Context;
use crate::contract::{MethodDescriptor, MethodKind, ServiceDescriptor};
use crate::governance::{FallbackMode, Treatment};
use crate::metadata::Metadata;
use crate::resilience::check_reply;
use crate::rope::Rope;
use crate::service::Incoming;
use crate::status::{Code, Phase, Status};

use super::channel::Channel;
use super::cluster::{self, Strategy};
use super::failback::Parked;
use super::journey::Journey;
use super::notice::ClientNotice;
use super::origin::Origin;
use super::plan::Plan;
use super::reply::{Content, Received};
use super::stack;
use super::stale::Key;

/// What there is for a method beside one request to one instance after the other.
#[derive(Debug)]
pub(super) struct Support {
    pub(super) strategy: Strategy,
    /// What settings give as a reply, protobuf-encoded, or why they cannot.
    pub(super) reply: Option<Result<Bytes, String>>,
}

impl Support {
    /// What `treatment` asks for; nothing for most methods. `function` is whether the program has an answer of its own.
    pub(super) fn of(
        service: &'static ServiceDescriptor,
        method: &MethodDescriptor,
        treatment: &Treatment,
        function: bool,
    ) -> Option<Self> {
        let strategy = Strategy::of(method, treatment.cluster);
        let fallback = &treatment.fallback;
        let replaced = method.kind == MethodKind::Unary && fallback.mode != FallbackMode::Off;
        let stale = fallback.stale.on().is_some() && method.policy.idempotent;
        let named = replaced && !fallback.reply.is_empty();
        let forced = fallback.mode == FallbackMode::Force;
        let any = named || replaced && (function || stale || forced);
        (any || strategy != Strategy::Failover).then(|| Self {
            strategy,
            reply: named.then(|| {
                let shape = Shape {
                    schema: service.schema,
                    message: method.reply,
                };
                check_reply(shape, &fallback.reply)
            }),
        })
    }
}

/// A call whose method has support.
pub(super) async fn run(mut journey: Journey) -> Result<Received, Status> {
    let treated = Arc::clone(&journey.treated);
    let plan = &journey.plan;
    let (Some(support), Ok(body), None) = (&treated.support, &plan.body, &journey.requests) else {
        return stack::run(&mut journey).await;
    };
    let place = Place {
        support,
        treatment: &treated.treatment,
        channel: plan.channel.clone(),
        method: plan.method,
        stale: key(plan, body, &treated.treatment),
        body: body.clone(),
        metadata: plan.metadata.clone(),
        deadline: journey.deadline,
    };
    if place.replaced() && place.treatment.fallback.mode == FallbackMode::Force {
        return place.forced().await;
    }
    let parked = (support.strategy == Strategy::Failback).then(|| Parked::of(plan));
    match cluster::ask(journey, support.strategy).await {
        Ok(received) => {
            place.remember(&received);
            Ok(received)
        }
        Err(status) if treated.is_answer(&status) => Err(status),
        Err(status) => place.instead(status, parked).await,
    }
}

/// What the last good answer to an equal request is found by, where it is wanted.
fn key(plan: &Plan, body: &Rope, treatment: &Treatment) -> Option<Key> {
    let wanted = plan.method.kind == MethodKind::Unary && plan.method.policy.idempotent;
    treatment.fallback.stale.on().filter(|_| wanted)?;
    let groups = plan.group.as_ref().unwrap_or(plan.channel.groups());
    let releases = plan.channel.releases();
    Some(Key::new(groups, releases, &plan.metadata, body))
}

/// The place that an answer would have, and what could take it.
struct Place<'a> {
    support: &'a Support,
    treatment: &'a Treatment,
    channel: Channel,
    method: &'static MethodDescriptor,
    body: Rope,
    metadata: Metadata,
    deadline: Option<Instant>,
    stale: Option<Key>,
}

impl Place<'_> {
    /// Whether something may take it: what has one reply has one to be replaced.
    fn replaced(&self) -> bool {
        self.method.kind == MethodKind::Unary && self.treatment.fallback.mode != FallbackMode::Off
    }

    async fn instead(self, failure: Status, parked: Option<Parked>) -> Result<Received, Status> {
        let failback = &self.channel.client().0.failback;
        let parked = parked
            .map(|parked| failback.park(self.channel.client(), parked, &failure, self.treatment));
        if self.replaced() {
            if let Some(body) = self.last() {
                return Ok(self.received(body.into(), Origin::Stale));
            }
            if let Some(reply) = self.named() {
                return reply;
            }
            if let Some(answer) = self.function().await {
                return answer;
            }
        }
        match parked {
            None if self.support.strategy == Strategy::Failsafe => {
                let listener = &self.channel.client().0.listener;
                listener.tell(|| ClientNotice::FailureSwallowed {
                    method: self.method.path,
                    failure: failure.clone(),
                });
                self.empty(Origin::Nobody)
            }
            Some(Ok(())) => self.empty(Origin::Later),
            Some(Err(setting)) => Err(match setting {
                Some(setting) => failure.with_setting(setting),
                None => failure,
            }),
            None => Err(match &self.support.reply {
                Some(Err(_)) => failure.with_setting("fallback.reply"),
                _ => failure,
            }),
        }
    }

    /// An answer without a call.
    async fn forced(self) -> Result<Received, Status> {
        if let Some(reply) = self.named() {
            return reply;
        }
        if let Some(answer) = self.function().await {
            return answer;
        }
        if let Some(body) = self.last() {
            return Ok(self.received(body.into(), Origin::Stale));
        }
        let why = match &self.support.reply {
            Some(Err(reason)) => reason,
            _ => "settings say that nobody is called, and there is nothing to answer instead",
        };
        Err(Status::unavailable(why)
            .not_started()
            .in_phase(Phase::Local)
            .with_setting("fallback.mode"))
    }

    /// The reply that settings name.
    fn named(&self) -> Option<Result<Received, Status>> {
        let Some(Ok(reply)) = &self.support.reply else {
            return None;
        };
        Some(self.encoded(reply.clone(), Origin::Settings))
    }

    /// What the program has to say; nothing where it leaves the method out. It has what is left of the call's time, and says
    /// what it can at once where nothing is left.
    async fn function(&self) -> Option<Result<Received, Status>> {
        let function = self.channel.fallback()?;
        let context = Context::new(self.metadata.clone(), self.deadline.map(Instant::into_std));
        let incoming = Incoming {
            service: self.channel.service(),
            method: self.method,
            codec: self.channel.codec(),
            body: self.body.clone().into_bytes(),
            requests: None,
            replies: None,
            detour: None,
        };
        let answer = context.scope(async { function.call(self.method.index, incoming).await });
        let answer = match self.deadline {
            None => answer.await,
            // The answer is looked at first.
            Some(deadline) => timeout_at(deadline, answer).await.ok()?,
        };
        match answer {
            Ok(Some(body)) => Some(Ok(self.received(body, Origin::Function))),
            Ok(None) => None,
            Err(status) if status.code() == Code::Unimplemented && status.detail().is_none() => {
                None
            }
            Err(status) => Some(Err(status.in_phase(Phase::Local))),
        }
    }

    /// A reply that says nothing.
    fn empty(&self, origin: Origin) -> Result<Received, Status> {
        if self.method.kind == MethodKind::OneWay {
            let mut received = self.received(Rope::new(), origin);
            received.content = Content::Reply(None);
            return Ok(received);
        }
        self.encoded(Bytes::new(), origin)
    }

    fn encoded(&self, protobuf: Bytes, origin: Origin) -> Result<Received, Status> {
        let shape = self.channel.shape(self.method.reply);
        let body = self.channel.codec().encode(shape, protobuf.into());
        let body = body.map_err(|error| Status::internal(error.to_string()))?;
        Ok(self.received(body, origin))
    }

    fn received(&self, body: Rope, origin: Origin) -> Received {
        Received {
            form: self.channel.form(self.method),
            content: Content::Reply(Some(body)),
            trailers: Metadata::new(),
            pump: None,
            origin,
        }
    }

    fn last(&self) -> Option<Bytes> {
        let age = self.treatment.fallback.stale.on()?.0;
        let client = self.channel.client();
        let now = client.now();
        client
            .0
            .stale
            .recall(self.method.path, self.stale.as_ref()?, now, age)
    }

    /// Keeps a good answer for worse times.
    fn remember(mut self, received: &Received) {
        if let (Content::Reply(Some(body)), Some(key)) = (&received.content, self.stale.take()) {
            let client = self.channel.client();
            let policy = &self.treatment.fallback;
            let path = self.method.path;
            client.0.stale.keep(path, key, body, client.now(), policy);
        }
    }
}
