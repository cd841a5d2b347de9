//! `@limit`: how many calls of one method a server runs at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::Answer;
use crate::contract::MethodDescriptor;
use crate::status::Status;

/// Counts the calls of one method of one offer, over all connections.
#[derive(Debug)]
pub(crate) struct Limit {
    method: &'static MethodDescriptor,
    most: u32,
    running: AtomicU32,
}

/// A call that runs, for as long as its answer is in the making.
struct Running(Arc<Limit>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Limit {
    /// That of the contract, if it sets one.
    pub(super) fn of(method: &'static MethodDescriptor) -> Option<Self> {
        let most = method.policy.limit?;
        Some(Self {
            method,
            most,
            running: AtomicU32::new(0),
        })
    }

    /// The answer to a call, or that there are as many as may be.
    pub(crate) fn answer(self: &Arc<Self>, call: impl FnOnce() -> Answer) -> Answer {
        let more = |running| (running < self.most).then_some(running + 1);
        // The count guards no other memory.
        let counted = self
            .running
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        if counted.is_err() {
            return Answer::new(std::future::ready(Err(self.reached())));
        }
        let running = Running(Arc::clone(self));
        let answer = call();
        Answer::new(async move {
            let _running = running;
            answer.await
        })
    }

    fn reached(&self) -> Status {
        Status::resource_exhausted(format!(
            "{} has {} calls running here, which is its limit (@limit)",
            self.method.path, self.most
        ))
        .not_started()
        .overloaded()
    }
}
