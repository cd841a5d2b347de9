//! How many instances a call asks, and what their failures mean.
//!
//! | strategy | asks | fails when |
//! |---|---|---|
//! | failover, failsafe, failback | one instance after the other, as retries say | the last try has failed |
//! | forking | several at once; the first answer counts, the others are cancelled | all have failed |
//! | broadcast | all of them, each on its own | one has failed |
//!
//! A caller who wants the answers of all, and not the last of a broadcast, asks for them: [`super::merged`].

use std::fmt::Write as _;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::backoff::Backoff;
use crate::contract::{Cluster, MethodDescriptor, MethodKind};
use crate::status::{Code, Progress, Status, Why};

use super::journey::Journey;
use super::reply::Received;
use super::stack;
use super::table::{Table, Target};

/// What a client does of the strategies, beyond what a treatment says of tries and balancers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// One instance after the other.
    Failover,
    /// The same, and a failure is swallowed.
    Failsafe,
    /// The same, and a failure is repeated in the background.
    Failback,
    /// This many at once.
    Forking(u32),
    /// All of them.
    Broadcast,
}

impl Strategy {
    /// What `cluster` means for `method`. One that does not fit it is as if it were not there.
    pub(super) fn of(method: &MethodDescriptor, cluster: Cluster) -> Self {
        let unary = method.kind == MethodKind::Unary;
        let single = unary || method.kind == MethodKind::OneWay;
        match cluster {
            Cluster::Failsafe if single => Self::Failsafe,
            Cluster::Failback if single => Self::Failback,
            Cluster::Forking(number) if unary && method.policy.idempotent && number > 1 => {
                Self::Forking(number)
            }
            Cluster::Broadcast if unary => Self::Broadcast,
            _ => Self::Failover,
        }
    }

    /// Whether tries and second calls come on top of what it asks anyway: it does without them.
    pub(super) fn is_spread(self) -> bool {
        matches!(self, Self::Forking(_) | Self::Broadcast)
    }
}

/// Asks as the strategy says.
pub(super) async fn ask(mut journey: Journey, strategy: Strategy) -> Result<Received, Status> {
    match strategy {
        Strategy::Failover | Strategy::Failsafe | Strategy::Failback => {
            stack::run(&mut journey).await
        }
        Strategy::Forking(number) => match table(&journey).await {
            Some(Ok(table)) => fork(journey, &table, number).await,
            // It knows what to say of that.
            Some(Err(_)) | None => stack::run(&mut journey).await,
        },
        Strategy::Broadcast => match table(&journey).await {
            Some(Ok(table)) => broadcast(&journey, table.everybody()).await,
            Some(Err(_)) | None => stack::run(&mut journey).await,
        },
    }
}

/// Who may answer; none where the registry has not spoken in time.
async fn table(journey: &Journey) -> Option<Result<Arc<Table>, Status>> {
    let plan = &journey.plan;
    let table = plan.channel.table(plan, &journey.treated);
    match journey.deadline {
        None => Some(table.await),
        Some(deadline) => timeout_at(deadline, table).await.ok(),
    }
}

type Branch<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The index of the next branch that ends, and how. The list must not be empty.
async fn next<T>(branches: &mut Vec<Branch<T>>) -> T {
    poll_fn(|cx| {
        for index in 0..branches.len() {
            if let Poll::Ready(outcome) = branches[index].as_mut().poll(cx) {
                drop(branches.swap_remove(index));
                return Poll::Ready(outcome);
            }
        }
        Poll::Pending
    })
    .await
}

/// Asks several instances at once. What the application says of the request is an answer too.
async fn fork(mut journey: Journey, table: &Table, number: u32) -> Result<Received, Status> {
    let mut targets: Vec<Arc<Target>> = Vec::new();
    for _ in 0..number {
        let tried: Vec<_> = targets.iter().map(|target| target.key).collect();
        let Some(target) = table.pick(&tried, journey.plan.hash, Instant::now()) else {
            break;
        };
        targets.push(Arc::clone(target));
    }
    if targets.len() < 2 {
        journey.picked = targets.pop();
        return stack::run(&mut journey).await;
    }
    let treated = Arc::clone(&journey.treated);
    let mut branches: Vec<Branch<_>> = Vec::with_capacity(targets.len());
    for target in &targets {
        let plan = journey.plan.once_more();
        let mut branch = Journey::new(plan, Arc::clone(&treated), journey.deadline, journey.since);
        branch.serves_retry = journey.serves_retry;
        branch.watched.clone_from(&journey.watched);
        let others = targets.iter().filter(|other| other.key != target.key);
        branch.tried = others.map(|other| other.key).collect();
        branch.picked = Some(Arc::clone(target));
        branches.push(Box::pin(async move { stack::run(&mut branch).await }));
    }
    let mut sent = 0;
    loop {
        match next(&mut branches).await {
            Ok(received) => return Ok(received),
            Err(status) if treated.is_answer(&status) => return Err(status),
            Err(status) => {
                sent += status.attempts();
                if branches.is_empty() {
                    return Err(status.after_attempts(sent));
                }
            }
        }
    }
}

/// The most instances that are asked at once by a call to all: each may need a connection first.
const AT_ONCE: usize = 64;

/// How often an instance is asked that turns a call away before it begins: it may be about to be taken from the list, and
/// a connection may have ended since it was last used.
const ROUNDS: u32 = 3;

/// The pauses between.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));

/// How many failures an error tells: enough to see what is wrong, few enough to read.
const SHOWN: usize = 4;

/// The one instance that a call is for, among all that are asked the same.
#[derive(Clone)]
pub(super) struct Only {
    target: Arc<Target>,
    /// The keys of all. Nobody can be asked in its place.
    everybody: Arc<[u64]>,
}

/// Asks every instance. The answer that came last counts.
async fn broadcast(journey: &Journey, targets: Vec<Arc<Target>>) -> Result<Received, Status> {
    let mut last = None;
    let ask = |only| {
        let treated = Arc::clone(&journey.treated);
        let plan = journey.plan.once_more();
        let mut branch = Journey::new(plan, treated, journey.deadline, journey.since);
        branch.watched.clone_from(&journey.watched);
        reach(branch, only)
    };
    everywhere(targets, ask, |_, received| last = Some(received)).await?;
    last.ok_or_else(|| failed(&[], 0))
}

/// Asks every instance, to the last, whatever becomes of the others. `answered` is told of each good answer as it comes, and of
/// the place of its instance in the list.
///
/// # Errors
/// One has failed, or there is none.
pub(super) async fn everywhere<F>(
    targets: Vec<Arc<Target>>,
    mut ask: impl FnMut(Only) -> F,
    mut answered: impl FnMut(usize, Received),
) -> Result<(), Status>
where
    F: Future<Output = Result<Received, Status>> + Send + 'static,
{
    let all = targets.len();
    let everybody: Arc<[u64]> = targets.iter().map(|target| target.key).collect();
    let mut to_come = targets.into_iter().enumerate().map(|(position, target)| {
        let outcome = ask(Only {
            target: Arc::clone(&target),
            everybody: Arc::clone(&everybody),
        });
        let branch: Branch<_> = Box::pin(async move { (position, target, outcome.await) });
        branch
    });
    let mut branches: Vec<_> = to_come.by_ref().take(AT_ONCE).collect();
    let mut failures = Vec::new();
    while !branches.is_empty() {
        match next(&mut branches).await {
            (position, _, Ok(received)) => answered(position, received),
            (position, target, Err(status)) => failures.push((position, target, status)),
        }
        branches.extend(to_come.next());
    }
    failures.sort_by_key(|(position, ..)| *position);
    if failures.is_empty() && all > 0 {
        Ok(())
    } else {
        Err(failed(&failures, all))
    }
}

/// Asks one instance, and no other.
pub(super) async fn reach(mut journey: Journey, only: Only) -> Result<Received, Status> {
    let target = &only.target;
    journey.tried = only.everybody.to_vec();
    let deadline = journey.deadline;
    let run = async {
        let seed = journey.plan.channel.client().chance().bits();
        let mut pauses = Backoff::new(PAUSES.0, PAUSES.1, seed);
        let mut why = Why::First;
        for _ in 1..ROUNDS {
            match journey.ask(target, why).await {
                Err(status)
                    if status.code() == Code::Unavailable
                        && status.progress() == Progress::NotStarted =>
                {
                    why = Why::Retried;
                    sleep(pauses.pause()).await;
                }
                outcome => return outcome,
            }
        }
        journey.ask(target, why).await
    };
    match deadline {
        None => run.await,
        Some(deadline) => match timeout_at(deadline, run).await {
            Ok(outcome) => outcome,
            Err(_) => Err(journey.expired()),
        },
    }
}

/// What is said of a call to all that some have failed. Its code and typed part are those of the first.
fn failed(failures: &[(usize, Arc<Target>, Status)], all: usize) -> Status {
    let Some((_, _, first)) = failures.first() else {
        return Status::unavailable("there is no instance to ask").not_started();
    };
    let mut told = format!("{} of {all} instances failed", failures.len());
    for (index, (_, target, status)) in failures.iter().take(SHOWN).enumerate() {
        let before = if index == 0 { ':' } else { ',' };
        let (endpoint, code) = (target.endpoint.text(), status.code());
        // A text takes all of it.
        let _ = write!(told, "{before} {endpoint} {code}: {}", status.message());
    }
    if let Some(more) = failures.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = write!(told, ", … and {more} more");
    }
    let not_started = |(_, _, status): &(_, _, Status)| status.progress() == Progress::NotStarted;
    let mut status = Status::new(first.code(), told)
        .in_phase(first.phase())
        .after_attempts(u32::try_from(all).unwrap_or(u32::MAX));
    if let Some(detail) = first.detail() {
        status = status.with_detail(detail.clone());
    }
    if failures.len() == all && failures.iter().all(not_started) {
        status = status.not_started();
    }
    status
}
