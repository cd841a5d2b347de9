//! A call on a server through its filters: what they see of it, and what becomes of their answer.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, ready};

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Answer, Handler, Incoming};
use crate::codec::Codec;
use crate::context::Context;
use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::filter::{Body, Call, Content, End, Facts, Filters, Messages, Reply, Side, Source};
use crate::link::{BodySender, Stop};
use crate::metadata::Metadata;
use crate::registry::BoxFuture;
use crate::status::Status;

/// The filters before a method of an offer, and the group that it is offered in.
#[derive(Debug)]
pub(crate) struct Filtered {
    filters: Filters,
    group: Arc<str>,
}

/// Where messages of a filtered call come from and go to, instead of the connection.
#[derive(Debug, Default)]
pub(crate) struct Detour {
    /// The requests, where they are a stream.
    pub(super) requests: Option<Messages>,
    /// Takes the replies, where they are a stream.
    pub(super) replies: Arc<Replies>,
}

/// The stream of replies, once the handler has given it.
#[derive(Debug, Default)]
pub(super) struct Replies(Mutex<Option<Messages>>);

impl Replies {
    pub(super) fn put(&self, messages: Messages) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(messages);
    }

    fn take(&self) -> Option<Messages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Filtered {
    /// None where there are no filters.
    pub(super) fn new(filters: Filters, group: &str) -> Option<Self> {
        (!filters.is_empty()).then(|| Self {
            filters,
            group: group.into(),
        })
    }

    /// Answers the call by way of the filters.
    pub(crate) fn answer(&self, handler: &Arc<dyn Handler>, call: Incoming) -> Answer {
        let context = Context::current().unwrap_or_else(|| Context::new(Metadata::new(), None));
        let Incoming {
            service,
            method,
            codec,
            body,
            requests,
            replies,
            ..
        } = call;
        let facts = Facts {
            side: Side::Server,
            service,
            method,
            codec,
            group: Some(Arc::clone(&self.group)),
            peer: context.shared_peer(),
            attempt: context.attempt(),
        };
        let request = match requests {
            Some(receiver) => Content::Stream(Messages::wire(receiver)),
            None => Content::Whole(body.into()),
        };
        let deadline = context.deadline().map(Instant::from_std);
        let call = Call::new(facts, context.metadata().clone(), deadline, request);
        let end = ToHandler {
            handler: Arc::clone(handler),
            service,
            method,
            codec,
            context: context.clone(),
        };
        let filters = self.filters.clone();
        Answer::new(async move {
            let (content, trailers) = filters.run(call, end).await?.into_parts();
            context.add_trailers(&trailers);
            match (content, replies) {
                (Content::Whole(body), None) => Ok(Some(body)),
                (Content::Stream(messages), Some(replies)) => {
                    let trailers = send_all(messages, replies).await?;
                    context.add_trailers(&trailers);
                    Ok(None)
                }
                (Content::Nothing, None) => Ok(None),
                _ => Err(Status::internal(format!(
                    "a filter gave {} another kind of reply than it has",
                    method.path
                ))),
            }
        })
    }
}

/// Sends the messages of a stream as they are, and gives what is to follow them.
async fn send_all(
    mut messages: Messages,
    mut replies: Box<BodySender>,
) -> Result<Metadata, Status> {
    replies.begin();
    let sent = poll_fn(|cx| {
        replies.poll_all(cx, |sender, cx| {
            let message = ready!(messages.poll_message(cx));
            Poll::Ready(message.map(|message| match message {
                Ok(bytes) => sender.put_encoded(bytes.into()),
                Err(status) => Err(Stop::Failed(status)),
            }))
        })
    });
    match sent.await {
        Ok(()) => {
            replies.finish();
            Ok(messages.trailers())
        }
        Err(Stop::Failed(status)) => Err(status),
        Err(Stop::Ended) => Err(Status::cancelled("the call has ended")),
    }
}

/// The handler behind the last filter.
struct ToHandler {
    handler: Arc<dyn Handler>,
    service: &'static ServiceDescriptor,
    method: &'static MethodDescriptor,
    codec: &'static dyn Codec,
    context: Context,
}

impl End for ToHandler {
    fn run(&self, call: Call) -> BoxFuture<'static, Result<Reply, Status>> {
        let form = call.reply_form();
        let (metadata, deadline, request) = call.into_parts();
        let before = self.context.deadline().map(Instant::from_std);
        // The connection sees to the deadline that the call came with.
        let sooner = deadline.filter(|deadline| before.is_none_or(|before| *deadline < before));
        let context = self
            .context
            .amended(metadata, deadline.map(Instant::into_std));
        let (body, requests) = match request {
            Content::Whole(body) => (body.into_bytes(), None),
            Content::Stream(messages) => (Bytes::new(), Some(messages)),
            Content::Nothing => (Bytes::new(), None),
        };
        let replies = Arc::<Replies>::default();
        let incoming = Incoming {
            service: self.service,
            method: self.method,
            codec: self.codec,
            body,
            requests: None,
            replies: None,
            detour: Some(Box::new(Detour {
                requests,
                replies: Arc::clone(&replies),
            })),
        };
        let (handler, index) = (Arc::clone(&self.handler), self.method.index);
        Box::pin(async move {
            let answer = async { handler.call(index, incoming).await };
            let answer = context.clone().scope(answer);
            let mut timer = sooner.map(|deadline| Box::pin(sleep_until(deadline)));
            let answered = match &mut timer {
                None => answer.await,
                Some(timer) => tokio::select! {
                    biased;
                    answered = answer => answered,
                    () = timer => Err(late()),
                },
            };
            let body = answered.map_err(|status| with_trailers(status, &context))?;
            let trailers = context.take_trailers();
            let content = match (replies.take(), body) {
                (Some(messages), _) => Content::Stream(Messages::made(InContext {
                    messages: Some(messages),
                    context,
                    timer,
                })),
                (None, Some(body)) => Content::Whole(body),
                (None, None) => Content::Nothing,
            };
            Ok(Reply::new(Body::new(form, content), trailers))
        })
    }
}

fn late() -> Status {
    Status::deadline_exceeded("the handler had no answer by the time that a filter gave it")
}

/// A failure takes along what its handler left to be sent.
fn with_trailers(status: Status, context: &Context) -> Status {
    if status.trailers().is_empty() {
        status.with_trailers(context.take_trailers())
    } else {
        status
    }
}

/// A handler's replies, made in the context that it was called in.
struct InContext {
    messages: Option<Messages>,
    context: Context,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Source for InContext {
    fn poll_next(&mut self, cx: &mut task::Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        let Some(messages) = &mut self.messages else {
            return Poll::Ready(None);
        };
        let next = self.context.enter(|| messages.poll_message(cx));
        match next {
            Poll::Ready(Some(Err(status))) => {
                Poll::Ready(Some(Err(with_trailers(status, &self.context))))
            }
            Poll::Ready(next) => Poll::Ready(next),
            Poll::Pending => {
                let Some(timer) = &mut self.timer else {
                    return Poll::Pending;
                };
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Some(Err(late())))
            }
        }
    }

    fn trailers(&mut self) -> Metadata {
        self.context.trailers_so_far()
    }
}

impl Drop for InContext {
    fn drop(&mut self) {
        let messages = self.messages.take();
        self.context.enter(|| drop(messages));
    }
}
