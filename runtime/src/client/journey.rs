//! A call that takes more than a frame each way: what all layers of the stack know of it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::context::Context;
use crate::contract::MethodKind;
use crate::link::Again;
use crate::observe::{ClientCall, Tried};
use crate::resilience::{self, Follows};
use crate::status::{Phase, Progress, Status, Story, Try, Why};

use super::Client;
use super::attempt::{Attempt, Stage};
use super::cluster::Only;
use super::plan::Plan;
use super::reply::{Received, Requests};
use super::retry;
use super::stack;
use super::table::{Table, Target};
use super::treated::Treated;

/// How many instances a call tries to reach before it prefers those that are.
const UNREACHED: usize = 3;

/// A call on its way through the stack.
pub(super) struct Journey {
    pub(super) plan: Plan,
    /// The stream of requests, while all of it is here.
    pub(super) requests: Option<Requests>,
    pub(super) treated: Arc<Treated>,
    /// When it is to end.
    pub(super) deadline: Option<Instant>,
    /// When it began.
    pub(super) since: Instant,
    /// It is made by a handler that serves a later attempt itself.
    pub(super) serves_retry: bool,
    /// The tries that have failed.
    pub(super) story: Story,
    /// What stands for the instances that have failed in this round.
    pub(super) tried: Vec<u64>,
    /// How many attempts came before, as servers count them: those that may have run, or were turned away for load.
    pub(super) before: u32,
    /// A handler may have seen it.
    pub(super) ran: bool,
    /// How often the request was handed to a connection.
    pub(super) sent: u32,
    /// The choice that was made before it turned out that there is no connection yet. A second one would skip an
    /// instance, and balancers that take turns might never come to it.
    pub(super) picked: Option<Arc<Target>>,
    /// The one instance that is to be asked, and no other.
    pub(super) only: Option<Only>,
    /// The last failure.
    pub(super) failed: Option<Status>,
    /// How far the attempts under way are: two where one is hedged.
    pub(super) stages: [Stage; 2],
    /// Whom the attempts under way ask, where somebody watches.
    pub(super) asked: [Option<Asked>; 2],
    /// Who watches it, and how the last choice was made.
    pub(super) watched: Option<ClientCall>,
    choice: String,
}

/// An attempt under way: whom it asks, why, and since when.
pub(super) type Asked = (Arc<Target>, Why, Instant);

impl Journey {
    /// A call that began at `since`, made in the current context.
    pub(super) fn new(
        mut plan: Plan,
        treated: Arc<Treated>,
        deadline: Option<Instant>,
        since: Instant,
    ) -> Self {
        Self {
            requests: plan.requests.take(),
            plan,
            treated,
            deadline,
            since,
            serves_retry: Context::with(|context| context.is_some_and(|it| it.attempt() > 0)),
            story: Story::default(),
            tried: Vec::new(),
            before: 0,
            ran: false,
            sent: 0,
            picked: None,
            only: None,
            failed: None,
            stages: [Stage::Idle, Stage::Idle],
            asked: [None, None],
            watched: None,
            choice: String::new(),
        }
    }

    /// Whether another attempt could send all that the first did.
    pub(super) fn is_whole(&self) -> bool {
        let streams = matches!(
            self.plan.method.kind,
            MethodKind::ClientStream | MethodKind::BidiStream
        );
        self.requests.is_some() || !streams
    }

    /// What may follow a failure.
    pub(super) fn follows(&self, status: &Status) -> Follows {
        if self.is_whole() {
            let idempotent = self.plan.method.policy.idempotent;
            resilience::follows(status, &self.treated.treatment.retry, idempotent)
        } else {
            Follows::Nothing
        }
    }

    /// The instance to be asked next: none where all have failed in this round.
    pub(super) async fn pick(&mut self) -> Result<Option<Arc<Target>>, Status> {
        if let Some(target) = self.picked.take() {
            return Ok(Some(target));
        }
        let table = self.plan.channel.table(&self.plan, &self.treated).await?;
        let now = Instant::now();
        let reached = if self.reaches_nobody() {
            table.pick_reached(&self.tried, self.plan.channel.client().chance())
        } else {
            None
        };
        let target = reached.or_else(|| table.pick(&self.tried, self.plan.hash, now));
        if let (Some(watched), Some(target)) = (&self.watched, target)
            && watched.keeps_choices()
        {
            self.choice = self.told_choice(&table, target, now);
        }
        Ok(target.cloned())
    }

    /// Whether another instance could be asked than those that were.
    pub(super) async fn has_other(&self) -> bool {
        let table = self.plan.channel.table(&self.plan, &self.treated).await;
        table.is_ok_and(|table| table.has_other(&self.tried))
    }

    /// Whether it has met so many that cannot be reached that those are asked first that can: a registry gone mad may list thousands
    /// that are not there, and a call does not try them all while it could be answered. Calls with a hash keep to its order.
    fn reaches_nobody(&self) -> bool {
        let unreached = |failed: &Status| failed.phase() == Phase::Connect;
        self.plan.hash.is_none()
            && self.tried.len() >= UNREACHED
            && self.failed.as_ref().is_some_and(unreached)
    }

    /// What spoke for an instance, in a line.
    fn told_choice(&self, table: &Table, target: &Target, now: Instant) -> String {
        let load = &target.vitals.load;
        let since = now.saturating_duration_since(self.plan.channel.client().epoch());
        let mut told = format!(
            "{} among {}, {} in flight",
            self.plan.channel.balance_told(&self.treated),
            table.len(),
            load.in_flight()
        );
        if let Some(latency) = load.latency(since) {
            // Writing to a string cannot fail.
            let _ = write!(told, ", {latency:.1?}");
        }
        told
    }

    /// Asks one instance.
    pub(super) async fn ask(&mut self, target: &Arc<Target>, why: Why) -> Result<Received, Status> {
        let began = Instant::now();
        self.asks(target, why, began);
        let again = again(
            &self.plan,
            self.deadline,
            &self.tried,
            target.key,
            self.before,
        );
        let attempt = Attempt {
            plan: &self.plan,
            treated: &self.treated,
            deadline: self.deadline,
            target,
            tried: &self.tried,
            number: self.before,
        };
        let outcome = attempt
            .run(&mut self.requests, again, &mut self.stages[0])
            .await;
        self.end(0, target, why, began, outcome)
    }

    /// An attempt begins.
    pub(super) fn asks(&mut self, target: &Arc<Target>, why: Why, began: Instant) {
        if self.watched.is_some() {
            self.asked[0] = Some((Arc::clone(target), why, began));
        }
    }

    /// The attempt of this stage has ended.
    pub(super) fn end(
        &mut self,
        stage: usize,
        target: &Target,
        why: Why,
        began: Instant,
        outcome: Result<Received, Status>,
    ) -> Result<Received, Status> {
        self.asked[stage] = None;
        let stage = std::mem::take(&mut self.stages[stage]);
        let sent = matches!(stage, Stage::Answer(_));
        self.sent += u32::from(sent);
        self.tell(target, why, began, outcome.as_ref().map(|_| ()));
        if let Err(status) = &outcome {
            self.note(target, why, began, status, sent);
        }
        outcome
    }

    /// The first attempt was made before the stack, and failed.
    pub(super) fn failed_at(&mut self, target: &Target, status: Status) {
        self.sent = 1;
        self.note(target, Why::First, self.since, &status, true);
        self.failed = Some(status);
    }

    fn note(&mut self, target: &Target, why: Why, began: Instant, status: &Status, sent: bool) {
        self.tried.push(target.key);
        let ran = sent && status.progress() == Progress::MaybeRun;
        self.ran |= ran;
        self.before += u32::from(ran || (sent && status.is_overloaded()));
        self.story.add(Try::failed(
            Arc::clone(target.endpoint.text()),
            why,
            began.saturating_duration_since(self.since),
            began.elapsed(),
            status,
        ));
    }

    /// What is left of its time.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(now))
    }

    /// The status of a call whose time has run out.
    pub(super) fn expired(&mut self) -> Status {
        let stages = std::mem::take(&mut self.stages);
        self.cut_off(&stages);
        let last = stages.into_iter().rev().find(|stage| *stage != Stage::Idle);
        match (last, &self.failed) {
            (None, None) => unanswered(self.plan.channel.client()),
            (None, Some(last)) if last.progress() == Progress::NotStarted => expired(format!(
                "no instance took the call; the last one said: {}",
                last.message()
            ))
            .not_started()
            .in_phase(Phase::Resolve),
            (None, Some(last)) => {
                let why = format!(
                    "no time for another try; the last one said: {}",
                    last.message()
                );
                expired(why).in_phase(Phase::Local)
            }
            (Some(Stage::Answer(endpoint)), _) => {
                self.sent += 1;
                expired("no answer in time".into())
                    .in_phase(Phase::Local)
                    .at_endpoint(endpoint)
            }
            (Some(Stage::Connect(endpoint)), _) => {
                expired("the connection did not come about in time".into())
                    .not_started()
                    .in_phase(Phase::Connect)
                    .at_endpoint(endpoint)
            }
            (Some(Stage::Idle), _) => unreachable!("it was left out"),
        }
    }

    /// Tells whoever watches of the attempts that were under way when the time was over.
    fn cut_off(&mut self, stages: &[Stage; 2]) {
        let asked = std::mem::take(&mut self.asked);
        for (stage, asked) in stages.iter().zip(asked) {
            let (Some((target, why, began)), false) = (asked, *stage == Stage::Idle) else {
                continue;
            };
            let status = expired("the time was over".into()).in_phase(match stage {
                Stage::Connect(_) => Phase::Connect,
                _ => Phase::Local,
            });
            self.tell(&target, why, began, Err(&status));
        }
    }

    /// Tells whoever watches what came of an attempt.
    fn tell(&self, target: &Target, why: Why, began: Instant, outcome: Result<(), &Status>) {
        if let Some(watched) = &self.watched {
            watched.tried(&Tried {
                instance: target.endpoint.text(),
                kept: &target.endpoint.kept,
                why,
                choice: &self.choice,
                took: began.elapsed(),
                outcome,
            });
        }
    }

    /// The end of a call that failed: what its caller is told.
    pub(super) fn told(&mut self, status: Status) -> Status {
        let mut story = std::mem::take(&mut self.story);
        story.ended_after(self.since.elapsed());
        let status = status.after_attempts(self.sent);
        let status = if self.ran {
            status.may_have_run()
        } else {
            status
        };
        if story.is_worth_telling() {
            status.with_story(story)
        } else {
            status
        }
    }
}

fn expired(why: String) -> Status {
    Status::deadline_exceeded(why).with_setting("Call::timeout")
}

/// For a call whose time ran out before there was a list of instances.
pub(super) fn unanswered(client: &Client) -> Status {
    let registry = client.registry_address();
    expired(format!("the registry {registry} has not answered yet"))
        .not_started()
        .in_phase(Phase::Resolve)
}

/// For one-way calls: sends the call to another instance when the first turns it away, which its caller does not hear of: a
/// server that leaves may say so while the call is on its way to it. `earlier` have turned it away before `asked`.
pub(super) fn again(
    plan: &Plan,
    deadline: Option<Instant>,
    earlier: &[u64],
    asked: u64,
    before: u32,
) -> Option<Again> {
    if plan.method.kind != MethodKind::OneWay {
        return None;
    }
    let plan = plan.once_more();
    let tried = [earlier, &[asked]].concat();
    Some(Box::new(move |status| {
        let treated = Arc::clone(&plan.channel.treated(plan.method));
        let runtime = plan.channel.client().runtime().clone();
        let mut journey = Journey::new(plan, treated, deadline, Instant::now());
        let is_over = retry::has_met_enough_strangers(&status, tried.len());
        if is_over || journey.follows(&status) == Follows::Nothing {
            return;
        }
        journey.sent = 1;
        journey.before = before;
        journey.tried = tried;
        journey.failed = Some(status);
        // Nobody waits for how it ends.
        drop(runtime.spawn(stack::drive(journey)));
    }))
}
