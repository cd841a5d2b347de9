//! From the calls of a connection to the table of offers.

use std::sync::Arc;

use super::notice::{Listener, Notice};
use crate::codec::Codec;
use crate::conn::CloseReason;
use crate::contract::MethodDescriptor;
use crate::link::{Dispatch, Pace, Served};
use crate::observe::Observer;
use crate::service::{Answer, Found, Incoming, Router};
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

impl Dispatch for Dispatcher {
    type Target = Target;
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

    fn call(&self, target: &Target, call: Served) -> Answer {
        let Found {
            service,
            method,
            handler,
            gate,
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
        let answer = || gate.answer(answer);
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
