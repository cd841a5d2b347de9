//! A call on a client through its filters: what they see of it, and what becomes of their answer.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use crate::contract::MethodDescriptor;
use crate::filter::{Call, Content as Passing, End, Facts, Messages, Reply, Side};
use crate::metadata::Metadata;
use crate::observe::ClientCall;
use crate::registry::BoxFuture;
use crate::rope::Rope;
use crate::route::GroupChoice;
use crate::status::{Phase, Status};

use super::channel::Channel;
use super::cluster::Only;
use super::journey::Journey;
use super::origin::Origin;
use super::plan::Plan;
use super::reply::{Content, Form, Received, Requests};
use super::stack::{self, Drive};
use super::treated::Treated;

/// Makes the call by way of the filters of its channel.
pub(super) fn drive(journey: Journey) -> Drive {
    Box::pin(async move {
        let form = journey.plan.form();
        let deadline = journey.deadline;
        let origin = Arc::default();
        let run = run(journey, Arc::clone(&origin));
        let reply = match deadline {
            None => run.await?,
            // What stands behind the filters has the same deadline, and is asked first: it knows more.
            Some(deadline) => tokio::time::timeout_at(deadline, run)
                .await
                .unwrap_or_else(|_| Err(late()))?,
        };
        let origin = *origin.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(received(form, reply, origin))
    })
}

fn late() -> Status {
    Status::deadline_exceeded("a filter was at work when the time was over")
        .in_phase(Phase::Local)
        .with_setting("Call::timeout")
}

async fn run(journey: Journey, origin: Arc<Mutex<Origin>>) -> Result<Reply, Status> {
    let Journey {
        plan,
        requests,
        treated,
        deadline,
        serves_retry,
        watched,
        only,
        ..
    } = journey;
    let Plan {
        channel,
        method,
        metadata,
        group,
        hash,
        body,
        ..
    } = plan;
    let one_group = match group.as_ref().unwrap_or(channel.groups()) {
        GroupChoice::One(name) => Some(Arc::clone(name)),
        _ => None,
    };
    let facts = Facts {
        side: Side::Client,
        service: channel.service(),
        method,
        codec: channel.codec(),
        group: one_group,
        peer: None,
        attempt: 0,
    };
    let body = body?;
    let request = match requests {
        Some(requests) => Passing::Stream(requests.into_messages()),
        None => Passing::Whole(body.clone()),
    };
    let filters = channel.filters().clone();
    let call = Call::new(facts, metadata, deadline, request);
    let end = ToInstances {
        channel,
        method,
        group,
        hash,
        body,
        treated,
        serves_retry,
        origin,
        watched,
        only,
    };
    filters.run(call, end).await
}

/// The instances behind the last filter.
struct ToInstances {
    channel: Channel,
    method: &'static MethodDescriptor,
    group: Option<GroupChoice>,
    hash: Option<NonZeroU64>,
    /// The request as the caller gave it, which the hash is of.
    body: Rope,
    treated: Arc<Treated>,
    serves_retry: bool,
    /// Who answered last, which filters do not see.
    origin: Arc<Mutex<Origin>>,
    watched: Option<ClientCall>,
    only: Option<Only>,
}

impl ToInstances {
    fn plan(&self, metadata: Metadata, request: Passing) -> Plan {
        let (hash, body, requests) = match request {
            Passing::Whole(body) => (self.hash_of(&body), Ok(body), None),
            Passing::Stream(messages) => {
                let requests = Requests::of_messages(messages);
                (self.hash, Ok(Rope::new()), Some(requests))
            }
            Passing::Nothing => (self.hash, Ok(Rope::new()), None),
        };
        let mut plan = Plan::new(self.channel.clone(), self.method, hash, body, requests);
        plan.metadata = metadata;
        plan.group.clone_from(&self.group);
        plan
    }

    /// That of what ties the call to an instance, where a filter has changed the request.
    fn hash_of(&self, body: &Rope) -> Option<NonZeroU64> {
        self.hash?;
        if *body == self.body {
            return self.hash;
        }
        let shape = self.channel.shape(self.method.request);
        let protobuf = self
            .channel
            .codec()
            .decode(shape, body.clone().into_bytes());
        // What cannot be read goes anywhere, and is refused there.
        self.channel.hash_of(self.method, &protobuf.ok()?.into())
    }
}

impl End for ToInstances {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Reply, Status>> {
        let form = call.reply_form();
        let (metadata, deadline, request) = call.into_parts();
        let plan = self.plan(metadata, request);
        let treated = Arc::clone(&self.treated);
        let mut journey = Journey::new(plan, treated, deadline, Instant::now());
        journey.serves_retry = self.serves_retry;
        journey.watched.clone_from(&self.watched);
        journey.only.clone_from(&self.only);
        let answered = Arc::clone(&self.origin);
        Box::pin(async move {
            let Received {
                content,
                trailers,
                pump,
                origin,
                ..
            } = stack::drive(journey).await?;
            *answered.lock().unwrap_or_else(PoisonError::into_inner) = origin;
            let content = match content {
                Content::Reply(Some(body)) => Passing::Whole(body),
                Content::Reply(None) => Passing::Nothing,
                Content::Stream(messages) => Passing::Stream(match pump {
                    None => messages,
                    Some(pump) => Messages::made(pump.beside(messages)),
                }),
            };
            Ok(Reply::of(form, content, trailers))
        })
    }
}

fn received(form: Form, reply: Reply, origin: Origin) -> Received {
    let (content, trailers) = reply.into_parts();
    Received {
        form,
        content: match content {
            Passing::Whole(body) => Content::Reply(Some(body)),
            Passing::Nothing => Content::Reply(None),
            Passing::Stream(messages) => Content::Stream(messages),
        },
        trailers,
        pump: None,
        origin,
    }
}
