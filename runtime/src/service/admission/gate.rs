//! The calls of one method of one offer: how many may run, and how many do.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::contract::{MethodDescriptor, ServiceDescriptor};
use crate::governance::{Layer, Treatment};
use crate::service::Answer;
use crate::status::Status;

/// Counts the calls of one method of one offer, over all connections.
#[derive(Debug)]
pub(crate) struct Gate {
    service: &'static ServiceDescriptor,
    method: &'static MethodDescriptor,
    /// What the contract and the program say.
    code: Vec<Layer>,
    /// What documents say.
    documents: Mutex<Vec<Layer>>,
    most: AtomicU32,
    running: AtomicU32,
}

/// A call that runs, for as long as its answer is in the making.
struct Running(Arc<Gate>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gate {
    pub(super) fn new(
        service: &'static ServiceDescriptor,
        method: &'static MethodDescriptor,
        code: Vec<Layer>,
    ) -> Self {
        let gate = Self {
            service,
            method,
            code,
            documents: Mutex::default(),
            most: AtomicU32::new(u32::MAX),
            running: AtomicU32::new(0),
        };
        gate.set_documents(Vec::new());
        gate
    }

    pub(super) fn service(&self) -> &'static ServiceDescriptor {
        self.service
    }

    pub(super) fn method(&self) -> &'static MethodDescriptor {
        self.method
    }

    pub(super) fn layers(&self) -> Vec<Layer> {
        let documents = self
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.code.iter().chain(&*documents).cloned().collect()
    }

    pub(super) fn set_documents(&self, layers: Vec<Layer>) {
        let mut documents = self
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *documents = layers;
        let treatment = Treatment::of(self.code.iter().chain(&*documents));
        let most = treatment.limit.calls.on().unwrap_or(u32::MAX);
        self.most.store(most, Ordering::Relaxed);
    }

    /// The answer to a call, or that there are as many as may be.
    pub(crate) fn answer(self: &Arc<Self>, call: impl FnOnce() -> Answer) -> Answer {
        let most = self.most.load(Ordering::Relaxed);
        if most == u32::MAX {
            return call();
        }
        let more = |running| (running < most).then_some(running + 1);
        // The count guards no other memory.
        let counted = self
            .running
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        if counted.is_err() {
            return Answer::new(std::future::ready(Err(self.reached(most))));
        }
        let running = Running(Arc::clone(self));
        let answer = call();
        Answer::new(async move {
            let _running = running;
            answer.await
        })
    }

    fn reached(&self, most: u32) -> Status {
        Status::resource_exhausted(format!(
            "{} has {most} calls running here, which is its limit (limit.calls)",
            self.method.path
        ))
        .not_started()
        .overloaded()
    }
}
