//! One call to every group or every instance, and one answer made of theirs.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll};

use tokio::time::{Instant, timeout_at};

use crate::context::Context;
use crate::contract::MethodKind;
use crate::error::Error;
use crate::status::{Phase, Status};

use super::call::{Call, Finish, noted};
use super::cluster;
use super::depart::to_only;
use super::group::Merge;
use super::journey::unanswered;
use super::plan::Plan;

/// A call to every group that has an instance for it, or to every instance. It is the future of the merged answer.
#[must_use = "a call is sent when it is awaited"]
pub struct MergedCall<T, E> {
    answer: Pin<Box<dyn Future<Output = Result<T, Error<E>>> + Send>>,
}

impl<T: Send + 'static, E: Send + 'static> Call<T, E> {
    /// Asks one instance of every group that serves the method, and merges the answers by the type of the reply (see
    /// [`Merge`]), in the order of the groups' names. For calls with one request and one reply. The first failure fails it and
    /// cancels the rest.
    pub fn all_groups(self) -> MergedCall<T, E>
    where
        T: Merge,
    {
        self.all_groups_with(merged)
    }

    /// The same with a merge of one's own: from each group's name and answer, by name, to the whole. `None` is told to
    /// the caller as `unavailable`.
    pub fn all_groups_with<U: 'static>(
        self,
        merge: impl FnOnce(Vec<(Arc<str>, T)>) -> Option<U> + Send + 'static,
    ) -> MergedCall<U, E> {
        let answer = async move {
            let single = self.plan().filter(|plan| plan.requests.is_none());
            let deadline = single.and_then(|plan| {
                let treated = plan.channel.treated(plan.method);
                plan.deadline(&treated, Context::current().as_ref(), Instant::now())
            });
            let Some((channel, method)) = single.map(|plan| (plan.channel.clone(), plan.method))
            else {
                return Err(Status::failed_precondition(
                    "only a call with one request that was not sent yet can go to all groups",
                )
                .in_phase(Phase::Local)
                .into());
            };
            let groups = match deadline {
                None => channel.groups_of(method).await?,
                Some(deadline) => timeout_at(deadline, channel.groups_of(method))
                    .await
                    .map_err(|_| unanswered(channel.client()))??,
            };
            let calls: Vec<_> = groups
                .iter()
                .filter_map(|group| Some(self.with_plan(self.plan()?.to_group(group, deadline))))
                .collect();
            let answers = all(calls).await?;
            merge(groups.into_iter().zip(answers).collect())
                .ok_or_else(|| Status::unavailable("no group gave an answer to merge").into())
        };
        MergedCall {
            answer: Box::pin(answer),
        }
    }

    /// Asks every instance of the chosen group, as the [strategy](crate::contract::Cluster::Broadcast) `broadcast` does, and
    /// merges the answers by the type of the reply (see [`Merge`]), in the order in which the instances are listed. For calls
    /// with one request and one reply, whatever their strategy.
    ///
    /// Each instance is asked by a call of its own, with the client's filters, and without retries, hedges and fallbacks: nobody
    /// can answer in the place of another. All of them are asked, whatever becomes of the others.
    ///
    /// # Errors
    /// One has failed. The error has the code of the first of those that did, and names up to four.
    pub fn all_instances(self) -> MergedCall<T, E>
    where
        T: Merge,
    {
        self.all_instances_with(merged)
    }

    /// The same with a merge of one's own: from each instance's address and answer to the whole. `None` is told to the
    /// caller as `unavailable`.
    pub fn all_instances_with<U: 'static>(
        self,
        merge: impl FnOnce(Vec<(Arc<str>, T)>) -> Option<U> + Send + 'static,
    ) -> MergedCall<U, E> {
        let answer = async move {
            let single = |plan: &Plan| plan.method.kind == MethodKind::Unary;
            let parts = self.into_parts().filter(|(plan, ..)| single(plan));
            let Some((plan, finish, error)) = parts else {
                return Err(Status::failed_precondition(
                    "only a call with one request and one reply that was not sent yet can go to all instances",
                )
                .in_phase(Phase::Local)
                .into());
            };
            let answers = everybody(plan, finish).await.map_err(error)?;
            merge(answers)
                .ok_or_else(|| Status::unavailable("no instance gave an answer to merge").into())
        };
        MergedCall {
            answer: Box::pin(answer),
        }
    }
}

/// All answers as one, the first with the others in it.
fn merged<T: Merge>(answers: Vec<(Arc<str>, T)>) -> Option<T> {
    let answers = answers.into_iter().map(|(_, answer)| answer);
    answers.reduce(|mut merged, answer| {
        merged.merge(answer);
        merged
    })
}

/// The answer of every instance, with its address.
async fn everybody<T>(plan: Plan, finish: Finish<T>) -> Result<Vec<(Arc<str>, T)>, Status> {
    if let Err(status) = &plan.body {
        return Err(status.clone());
    }
    let treated = Arc::clone(&plan.channel.treated(plan.method));
    let deadline = plan.deadline(&treated, Context::current().as_ref(), Instant::now());
    let table = plan.channel.table(&plan, &treated);
    let table = match deadline {
        None => table.await?,
        Some(deadline) => timeout_at(deadline, table)
            .await
            .map_err(|_| unanswered(plan.channel.client()))??,
    };
    let targets = table.everybody();
    let addresses: Vec<_> = targets
        .iter()
        .map(|target| Arc::clone(target.endpoint.text()))
        .collect();
    let mut received: Vec<_> = targets.iter().map(|_| None).collect();
    let ask = |only| {
        let plan = plan.to_end_by(deadline);
        async move { to_only(plan, only).await.map_err(noted) }
    };
    cluster::everywhere(targets, ask, |position, answer| {
        received[position] = Some(answer);
    })
    .await?;
    let answers = addresses.into_iter().zip(received.into_iter().flatten());
    answers
        .map(|(address, answer)| Ok((address, finish(answer)?)))
        .collect()
}

/// Every answer, in order, or the first failure.
async fn all<T, E>(calls: Vec<Call<T, E>>) -> Result<Vec<T>, Error<E>> {
    let mut calls: Vec<_> = calls.into_iter().map(Some).collect();
    let mut answers: Vec<Option<T>> = calls.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for (slot, answer) in calls.iter_mut().zip(&mut answers) {
            let Some(call) = slot else { continue };
            match Pin::new(call).poll(cx)? {
                Poll::Ready(reply) => {
                    *answer = Some(reply);
                    *slot = None;
                }
                Poll::Pending => pending = true,
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(Ok(answers.iter_mut().filter_map(Option::take).collect()))
        }
    })
    .await
}

impl<T, E> Future for MergedCall<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<Self::Output> {
        self.answer.as_mut().poll(cx)
    }
}

impl<T, E> fmt::Debug for MergedCall<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergedCall").finish_non_exhaustive()
    }
}
