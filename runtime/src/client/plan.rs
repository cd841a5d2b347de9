//! A call as it is planned: what is to be sent and by when, before it is known where to.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::contract::MethodDescriptor;
use crate::metadata::Metadata;
use crate::rope::Rope;
use crate::route::GroupChoice;
use crate::status::{Phase, Status};

use super::channel::Channel;
use super::reply::{Form, Requests};
use super::treated::Treated;

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
    /// Of what ties the call to an instance. Not 0: one word more in a plan, and compilers no longer copy it in place.
    pub(super) hash: Option<NonZeroU64>,
    pub(super) body: Result<Rope, Status>,
    pub(super) requests: Option<Requests>,
}

impl Plan {
    /// A call with this body, or with a stream of requests. `hash` is that of what ties it to an instance: nothing does that
    /// to a stream, whose messages may differ, and come late.
    pub(crate) fn new(
        channel: Channel,
        method: &'static MethodDescriptor,
        hash: Option<NonZeroU64>,
        body: Result<Rope, Status>,
        requests: Option<Requests>,
    ) -> Self {
        Self {
            channel,
            method,
            timeout: Timeout::Unset,
            metadata: Metadata::new(),
            group: None,
            hash,
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
    pub(super) fn form(&self) -> Form {
        self.channel.form(self.method)
    }

    /// The same call to one group, to end by `deadline`, if it can be sent twice.
    pub(super) fn to_group(&self, group: &str, deadline: Option<Instant>) -> Self {
        Self {
            group: Some(GroupChoice::One(group.into())),
            ..self.to_end_by(deadline)
        }
    }

    /// The same call with its one request, to be sent again and to end by `deadline`.
    pub(super) fn to_end_by(&self, deadline: Option<Instant>) -> Self {
        Self {
            timeout: deadline.map_or(Timeout::Never, |deadline| {
                Timeout::After(deadline.saturating_duration_since(Instant::now()))
            }),
            ..self.once_more()
        }
    }

    /// The same call with its one request, to be sent again.
    pub(super) fn once_more(&self) -> Self {
        Self {
            channel: self.channel.clone(),
            method: self.method,
            timeout: self.timeout,
            metadata: self.metadata.clone(),
            group: self.group.clone(),
            body: self.body.clone(),
            hash: self.hash,
            requests: None,
        }
    }

    /// When the call is to end, if it begins `now` in `context`.
    pub(super) fn deadline(
        &self,
        treated: &Treated,
        context: Option<&Context>,
        now: Instant,
    ) -> Option<Instant> {
        let own = match self.timeout {
            Timeout::After(limit) => Some(limit),
            Timeout::Never => None,
            Timeout::Unset => treated.timeout(),
        };
        // Who operates the system may shorten what a caller set, and never lengthen it.
        let own = match treated.ceiling() {
            Some(ceiling) => Some(own.map_or(ceiling, |own| own.min(ceiling))),
            None => own,
        };
        // A limit beyond what the clock can count is none.
        let own = own.and_then(|limit| now.checked_add(limit));
        let inherited = context.and_then(Context::deadline).map(Into::into);
        match (own, inherited) {
            (Some(own), Some(inherited)) => Some(own.min(inherited)),
            (own, inherited) => own.or(inherited),
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
