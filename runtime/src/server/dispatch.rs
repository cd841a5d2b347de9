//! From the calls of a connection to the table of offers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use super::notice::{Listener, Notice};
use crate::codec::Codec;
use crate::conn::CloseReason;
use crate::contract::MethodDescriptor;
use crate::link::{Asked, Dispatch, Pace, Served, Verdict};
use crate::observe::Observer;
use crate::service::{self, Answer, Found, Incoming, Permit, Router, Ticket};
use crate::status::Status;
use crate::wire::Route;

/// What all connections of a server share of answering calls.
#[derive(Debug)]
pub(super) struct Dispatcher {
    pub(super) router: Router,
    pub(super) codecs: Vec<&'static dyn Codec>,
    pub(super) listener: Listener,
    pub(super) observer: Observer,
}

/// A method, who answers it, and how its messages are written.
#[derive(Clone)]
pub(super) struct Target {
    found: Found,
    codec: &'static dyn Codec,
}

impl Dispatcher {
    /// Has a call seen that does not get to its handler.
    #[cold]
    fn turned_away(&self, target: &Target, status: &Status) {
        let Found { method, kept, .. } = &target.found;
        if let Some(watched) = self.observer.served_call(method, kept, 0) {
            let answer = Answer::new(std::future::ready(Err(status.clone())));
            let mut answer = Answer::new(watched.over(|| answer));
            // It is ready at once.
            let _ = Pin::new(&mut answer).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

impl Dispatch for Dispatcher {
    type Target = Target;
    type Permit = Permit;
    type Ticket = Box<Ticket>;
    type Answer = Answer;

    fn find(&self, route: &Route) -> Result<Target, Status> {
        let found = self.router.find(route.path(), route.group())?;
        let codec = self
            .codecs
            .iter()
            .find(|codec| codec.name() == route.codec())
            .ok_or_else(|| {
                let known: Vec<_> = self.codecs.iter().map(|codec| codec.name()).collect();
                Status::unimplemented(format!(
                    "no codec `{}` here; there is {}",
                    route.codec().escape_debug(),
                    known.join(", ")
                ))
                .not_started()
            })?;
        Ok(Target {
            found,
            codec: *codec,
        })
    }

    fn method(&self, target: &Target) -> &'static MethodDescriptor {
        target.found.method
    }

    fn pace<'a>(&self, target: &'a Target) -> &'a Arc<Pace> {
        &target.found.pace
    }

    #[inline]
    fn is_open(&self, target: &Target, deadline: Option<Instant>, now: Instant) -> bool {
        target.found.gate.is_open(deadline, now)
    }

    fn admit(&self, target: &Target, asked: &Asked<'_>) -> Verdict<Permit, Box<Ticket>> {
        let verdict = target.found.gate.admit(asked);
        if let Verdict::Refuse(status) = &verdict {
            self.turned_away(target, status);
        }
        verdict
    }

    fn claim(&self, target: &Target, ticket: Box<Ticket>) -> Result<Permit, Status> {
        service::claim(*ticket).inspect_err(|status| self.turned_away(target, status))
    }

    fn hold(&self, target: &Target, permit: Option<Permit>, began: Instant) -> Permit {
        target.found.gate.hold(permit, began)
    }

    fn answered(&self, permit: Permit, now: Instant) {
        permit.answered(now);
    }

    fn quick(&self, target: &Target) {
        target.found.gate.quick();
    }

    fn call(&self, target: &Target, call: Served) -> Answer {
        let Found {
            service,
            method,
            handler,
            filtered,
            kept,
            ..
        } = &target.found;
        let watched = self.observer.served_call(method, kept, call.body.len());
        let incoming = Incoming {
            service,
            method,
            codec: target.codec,
            body: call.body,
            requests: call.requests,
            replies: call.replies,
            detour: None,
        };
        let answer = || match filtered {
            None => handler.call(method.index, incoming),
            Some(filtered) => filtered.answer(handler, incoming),
        };
        match watched {
            None => answer(),
            Some(watched) => Answer::new(watched.over(answer)),
        }
    }

    fn panicked(&self, target: &Target, message: &str) {
        self.listener.tell(|| Notice::HandlerPanicked {
            method: target.found.method.path,
            message: message.into(),
        });
    }

    fn closed(&self, peer: &Arc<str>, reason: &CloseReason) {
        if let CloseReason::Fault(fault) = reason {
            self.listener.tell(|| Notice::ConnectionFailed {
                peer: Arc::clone(peer),
                reason: fault.to_string(),
            });
        }
    }
}
