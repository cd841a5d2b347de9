//! One call to every group, and one answer made of theirs.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll};

use tokio::time::{Instant, timeout_at};

use crate::context::Context;
use crate::error::Error;
use crate::status::{Phase, Status};

use super::call::Call;
use super::group::Merge;
use super::journey::unanswered;

/// A call to every group that has an instance for it, at once. It is the future of the merged answer; the first failure
/// fails it and cancels the rest.
#[must_use = "a call is sent when it is awaited"]
pub struct MergedCall<T, E> {
    answer: Pin<Box<dyn Future<Output = Result<T, Error<E>>> + Send>>,
}

impl<T: Send + 'static, E: Send + 'static> Call<T, E> {
    /// Asks one instance of every group that serves the method, and merges the answers by the type of the reply (see
    /// [`Merge`]), in the order of the groups' names. For calls with one request and one reply.
    pub fn all_groups(self) -> MergedCall<T, E>
    where
        T: Merge,
    {
        self.all_groups_with(|answers| {
            answers
                .into_iter()
                .map(|(_, answer)| answer)
                .reduce(|mut merged, answer| {
                    merged.merge(answer);
                    merged
                })
        })
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
