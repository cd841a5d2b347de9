//! What follows a failure: other instances, pauses, budgets, second calls, and what the caller is told.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callsheet::codegen::{self, Schema};
use callsheet::governance::{HedgeSettings, RetrySettings, Settings, Share};
use callsheet::registry::Handle;
use callsheet::server::Running;
use callsheet::{
    Answer, Channel, Client, Code, Context, Error, Handler, Incoming, MethodDescriptor, MethodKind,
    Offer, Phase, Policy, Progress, Release, ServiceDescriptor, Status, Streaming, Why,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::shop::{offer, registry};

const RELEASE: Release = Release::new(1, 0);

macro_rules! method {
    ($index:expr, $name:literal, $kind:ident, $policy:expr) => {
        MethodDescriptor {
            service: "test.Tries",
            name: $name,
            path: concat!("test.v1.Tries/", $name),
            index: $index,
            since: RELEASE,
            kind: MethodKind::$kind,
            request: "google.protobuf.StringValue",
            reply: "google.protobuf.StringValue",
            policy: $policy,
        }
    };
}

/// Messages are `StringValue`, which prost reads and writes as `String`.
static TRIES: ServiceDescriptor = ServiceDescriptor {
    name: "test.Tries",
    release: RELEASE,
    releases: &[RELEASE],
    groups: &[],
    open_groups: false,
    methods: &[
        method!(0, "read", Unary, Policy::UNSET.idempotent()),
        method!(1, "write", Unary, Policy::UNSET),
        method!(2, "list", ServerStream, Policy::UNSET.idempotent()),
        method!(3, "sum", ClientStream, Policy::UNSET.idempotent()),
    ],
    schema: &Schema::new(&[], &[]),
};

const READ: usize = 0;
const WRITE: usize = 1;
const LIST: usize = 2;
const SUM: usize = 3;

/// What a handler does at its n-th run, over all servers of a fleet.
#[derive(Clone)]
enum Deed {
    Say(&'static str),
    Fail(Status),
    /// Answers with its number after so many milliseconds.
    After(u64, &'static str),
    /// Calls on, and passes on what comes of it.
    Ask(Channel, usize),
    /// The same, and makes words of its own of a failure.
    AskAndReword(Channel, usize),
}

/// What handlers saw.
#[derive(Default)]
struct Seen {
    /// The server and the attempt number of each run.
    runs: Mutex<Vec<(usize, u32)>>,
    dropped: AtomicU32,
    changed: Notify,
}

impl Seen {
    fn runs(&self) -> Vec<(usize, u32)> {
        self.runs.lock().unwrap().clone()
    }

    fn attempts(&self) -> Vec<u32> {
        self.runs()
            .into_iter()
            .map(|(_, attempt)| attempt)
            .collect()
    }
}

type Script = Arc<dyn Fn(usize) -> Deed + Send + Sync>;

struct Scripted {
    server: usize,
    script: Script,
    seen: Arc<Seen>,
}

/// Counts handlers that were dropped before their end.
struct Dropped(Arc<Seen>, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            self.0.changed.notify_one();
        }
    }
}

impl Handler for Scripted {
    fn call(&self, method: usize, call: Incoming) -> Answer {
        let attempt = Context::current().unwrap().attempt();
        let run = {
            let mut runs = self.seen.runs.lock().unwrap();
            runs.push((self.server, attempt));
            runs.len() - 1
        };
        let deed = (self.script)(run);
        let seen = Arc::clone(&self.seen);
        let work = async move |text: String| match deed {
            Deed::Say(text) => Ok(text.to_owned()),
            Deed::Fail(status) => Err(Error::from(status)),
            Deed::After(millis, text) => {
                let mut dropped = Dropped(seen, false);
                tokio::time::sleep(Duration::from_millis(millis)).await;
                dropped.1 = true;
                Ok(text.to_owned())
            }
            Deed::Ask(channel, method) => ask(&channel, method, &text).await,
            Deed::AskAndReword(channel, method) => ask(&channel, method, &text)
                .await
                .map_err(|error| Status::unavailable(format!("below: {error}")).into()),
        };
        match method {
            LIST => call.server_stream(async move |text: String| {
                let first = work(text).await?;
                let (sender, replies) = Streaming::channel(2);
                sender.send(first).await?;
                sender.fail(Status::unavailable("the tape is torn")).await;
                Ok::<Streaming<String>, Error>(replies)
            }),
            SUM => call.client_stream(async move |parts: Streaming<String>| {
                let all = parts.collect().await?.concat();
                let end = work(all.clone()).await?;
                Ok::<_, Error>(all + &end)
            }),
            _ => call.unary(work),
        }
    }
}

async fn ask(channel: &Channel, method: usize, text: &str) -> Result<String, Error> {
    codegen::unary(channel, &TRIES.methods[method], &text.to_owned()).await
}

/// Servers that follow one script, and a client of theirs.
struct Fleet {
    seen: Arc<Seen>,
    registry: Handle,
    channel: Channel,
    _servers: Vec<Running>,
}

async fn fleet(servers: usize, script: impl Fn(usize) -> Deed + Send + Sync + 'static) -> Fleet {
    let (registry, seen) = (registry().await, Arc::<Seen>::default());
    let script: Script = Arc::new(script);
    let mut running = Vec::new();
    for server in 0..servers {
        let handler = Scripted {
            server,
            script: Arc::clone(&script),
            seen: Arc::clone(&seen),
        };
        let server = offer(&registry, Offer::new(&TRIES, handler)).await;
        server.listed().await;
        running.push(server);
    }
    let client = Client::builder().registry(&registry).build();
    Fleet {
        seen,
        channel: Channel::new(&client, &TRIES),
        registry,
        _servers: running,
    }
}

impl Fleet {
    async fn ask(&self, method: usize) -> Result<String, Error> {
        ask(&self.channel, method, "question").await
    }

    /// A client that has had no calls yet.
    fn fresh(&self) -> Channel {
        Channel::new(&Client::builder().registry(&self.registry).build(), &TRIES)
    }
}

fn lost() -> Status {
    Status::unavailable("lost")
}

fn full() -> Status {
    Status::resource_exhausted("full")
        .not_started()
        .overloaded()
}

/// Fails so often, and then answers.
fn fails(times: usize, status: Status) -> impl Fn(usize) -> Deed + Send + Sync + 'static {
    move |run| match run {
        run if run < times => Deed::Fail(status.clone()),
        _ => Deed::Say("answer"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_idempotent_is_tried_elsewhere_and_servers_see_the_attempt() {
    let fleet = fleet(3, fails(2, lost())).await;
    assert_eq!(fleet.ask(READ).await.unwrap(), "answer");
    let runs = fleet.seen.runs();
    assert_eq!(fleet.seen.attempts(), [0, 1, 2]);
    let mut servers: Vec<_> = runs.iter().map(|(server, _)| *server).collect();
    servers.sort_unstable();
    assert_eq!(servers, [0, 1, 2], "each was asked once");
}

#[tokio::test(start_paused = true)]
async fn one_instance_is_asked_again_where_there_is_no_other() {
    let fleet = fleet(1, fails(2, lost())).await;
    assert_eq!(fleet.ask(READ).await.unwrap(), "answer");
    assert_eq!(fleet.seen.attempts(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn attempts_end_and_the_error_tells_of_each() {
    let fleet = fleet(3, fails(9, lost())).await;
    let error = fleet.ask(READ).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::Unavailable, "lost"));
    let status = error.status();
    assert_eq!(status.attempts(), 3);
    assert!(status.is_spent());
    let story = status.story().unwrap();
    let whys: Vec<_> = story.tries().iter().map(|one| one.why).collect();
    assert_eq!(whys, [Why::First, Why::Retried, Why::Retried]);
    assert!(story.budget_left().is_some());
    let text = error.to_string();
    assert!(text.starts_with("unavailable: lost"), "{text}");
    assert!(text.contains("; 3 attempts in "), "{text}");
    assert!(text.contains("; budget left 13"), "{text}");
}

/// All codes that a handler may fail with, and what it may say of them.
fn failures() -> impl Iterator<Item = Status> {
    let codes = Code::ALL.into_iter().filter(|code| *code != Code::Ok);
    codes.flat_map(|code| {
        let status = Status::new(code, "failed");
        [
            status.clone(),
            status.clone().overloaded(),
            status.with_retry_after(Duration::from_millis(1)),
        ]
    })
}

#[tokio::test(start_paused = true)]
async fn what_is_not_idempotent_runs_once_however_it_fails() {
    for status in failures() {
        let fleet = fleet(2, fails(9, status.clone())).await;
        let error = fleet.ask(WRITE).await.unwrap_err();
        assert_eq!(error.code(), status.code());
        assert_eq!(fleet.seen.runs().len(), 1, "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_allows_is_tried_again_whatever_the_method_promises() {
    let fleet = fleet(2, fails(1, Status::aborted("conflict").retryable())).await;
    assert_eq!(fleet.ask(WRITE).await.unwrap(), "answer");
}

#[tokio::test(start_paused = true)]
async fn what_is_turned_away_for_load_moves_at_once_within_the_budget() {
    let fleet = fleet(2, fails(1, full())).await;
    // Connections are up.
    let before = Instant::now();
    assert_eq!(fleet.ask(WRITE).await.unwrap(), "answer");
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(fleet.seen.attempts(), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_wish_when_to_come_back_is_kept() {
    let wish = Duration::from_millis(700);
    for instances in [1, 2] {
        let fails = fails(instances, full().with_retry_after(wish));
        let fleet = fleet(instances, fails).await;
        let before = Instant::now();
        assert_eq!(fleet.ask(READ).await.unwrap(), "answer");
        assert!(before.elapsed() >= wish, "{:?}", before.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wish_of_one_instance_keeps_nobody_from_another() {
    let wish = Duration::from_secs(60);
    let fleet = fleet(2, fails(1, full().with_retry_after(wish))).await;
    let before = Instant::now();
    assert_eq!(fleet.ask(WRITE).await.unwrap(), "answer");
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_wish_beyond_the_deadline_ends_the_call_at_once() {
    let wish = Duration::from_secs(60);
    let fleet = fleet(1, fails(1, full().with_retry_after(wish))).await;
    let before = Instant::now();
    let error = fleet.ask(READ).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(error.status().retry_after(), Some(wish));
    assert_eq!(before.elapsed(), Duration::ZERO);
    assert_eq!(fleet.seen.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_end_with_their_budget() {
    let fleet = fleet(2, fails(usize::MAX, lost())).await;
    let mut last = None;
    for _ in 0..100 {
        last = Some(fleet.ask(READ).await.unwrap_err());
    }
    let runs = fleet.seen.runs().len();
    // 100 calls, 10 % of them, what an idle client has saved up, and what the pauses earn.
    assert!((120..=130).contains(&runs), "{runs}");
    let error = last.unwrap();
    assert_eq!(error.status().attempts(), 1);
    assert!(error.status().is_spent());
    assert!(error.to_string().ends_with("; budget left 0"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn channels_of_one_service_share_their_budget() {
    let fleet = fleet(2, fails(usize::MAX, lost())).await;
    for _ in 0..30 {
        let _ = fleet.ask(READ).await;
    }
    let client = fleet.channel.client();
    let before = fleet.seen.runs().len();
    let _ = ask(&Channel::new(client, &TRIES), READ, "").await;
    assert_eq!(fleet.seen.runs().len(), before + 1, "the budget is spent");
    let _ = ask(&fleet.fresh(), READ, "").await;
    assert_eq!(
        fleet.seen.runs().len(),
        before + 4,
        "another client's is not"
    );
}

#[tokio::test(start_paused = true)]
async fn retries_can_be_switched_off() {
    let fleet = fleet(2, fails(usize::MAX, lost())).await;
    let none = Settings::new().retry(RetrySettings::new().attempts(0_u32));
    let channel = fleet.channel.with_settings(none);
    let error = ask(&channel, READ, "").await.unwrap_err();
    assert_eq!(fleet.seen.runs().len(), 1);
    assert!(!error.status().is_spent(), "those further up may try");
    assert_eq!(error.status().story(), None);
}

#[tokio::test(start_paused = true)]
async fn only_the_tier_above_the_failure_tries_again() {
    for reword in [false, true] {
        let leaf = fleet(2, fails(usize::MAX, lost())).await;
        let below = leaf.channel.clone();
        let middle = fleet(2, move |_| {
            if reword {
                Deed::AskAndReword(below.clone(), READ)
            } else {
                Deed::Ask(below.clone(), READ)
            }
        })
        .await;
        let error = middle.ask(READ).await.unwrap_err();
        assert!(error.status().is_spent());
        assert_eq!(middle.seen.attempts(), [0], "reworded: {reword}");
        assert_eq!(leaf.seen.attempts(), [0, 1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_serves_a_retry_does_not_retry_its_own_calls() {
    let leaf = fleet(2, fails(usize::MAX, lost())).await;
    let below = leaf.channel.clone();
    let middle = fleet(2, move |run| match run {
        0 => Deed::Fail(lost()),
        _ => Deed::Ask(below.clone(), READ),
    })
    .await;
    middle.ask(READ).await.unwrap_err();
    assert_eq!(middle.seen.attempts(), [0, 1]);
    assert_eq!(leaf.seen.attempts(), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_has_run_though_what_it_called_has_not() {
    // Turned away for load, which its own caller must not take for itself.
    let leaf = fleet(1, fails(usize::MAX, full())).await;
    let below = leaf.channel.clone();
    let middle = fleet(2, move |_| Deed::Ask(below.clone(), WRITE)).await;
    let error = middle.ask(WRITE).await.unwrap_err();
    assert_eq!(error.status().progress(), Progress::MaybeRun);
    assert!(!error.status().is_overloaded());
    assert_eq!(middle.seen.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_run_once_stays_so_behind_a_last_try_that_did_not_start() {
    let fleet = fleet(1, |run| match run {
        0 => Deed::Fail(lost()),
        _ => Deed::Fail(full()),
    })
    .await;
    let error = fleet.ask(READ).await.unwrap_err();
    assert_eq!(error.message(), "full");
    assert_eq!(error.status().progress(), Progress::MaybeRun);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_begun_is_not_tried_again() {
    let fleet = fleet(2, |_| Deed::Say("first")).await;
    let mut replies: Streaming<String> = codegen::server_stream::<_, _, std::convert::Infallible>(
        &fleet.channel,
        &TRIES.methods[LIST],
        &String::new(),
    )
    .await
    .unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap(), "first");
    let error = replies.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(replies.next().await.is_none());
    assert_eq!(fleet.seen.runs().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_has_not_begun_is() {
    let fleet = fleet(2, fails(1, lost())).await;
    let mut replies: Streaming<String> = codegen::server_stream::<_, _, std::convert::Infallible>(
        &fleet.channel,
        &TRIES.methods[LIST],
        &String::new(),
    )
    .await
    .unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap(), "answer");
}

#[tokio::test(start_paused = true)]
async fn requests_are_sent_again_while_all_of_them_are_kept() {
    let sum = async |channel: &Channel, part: String| {
        let parts = Streaming::from(["a".to_owned(), part]);
        codegen::client_stream::<_, String, std::convert::Infallible>(
            channel,
            &TRIES.methods[SUM],
            parts,
        )
        .await
    };
    let fleet = fleet(2, fails(1, lost())).await;
    assert_eq!(sum(&fleet.channel, "b".into()).await.unwrap(), "abanswer");
    let fleet = self::fleet(2, fails(1, lost())).await;
    let error = sum(&fleet.channel, "b".repeat(100_000)).await.unwrap_err();
    assert_eq!(error.message(), "lost");
    assert_eq!(fleet.seen.runs().len(), 1);
}

/// Hedges after 50 ms, as often as it likes.
fn hedging(fleet: &Fleet) -> Channel {
    let hedge = HedgeSettings::new()
        .after(Duration::from_millis(50))
        .budget(Share::percent(100));
    fleet.channel.with_settings(Settings::new().hedge(hedge))
}

#[tokio::test(start_paused = true)]
async fn a_second_instance_is_asked_where_the_first_is_slow_and_the_loser_is_cancelled() {
    let fleet = fleet(2, |run| match run {
        0 => Deed::After(10_000, "slow"),
        _ => Deed::After(10, "fast"),
    })
    .await;
    let before = Instant::now();
    let answer = ask(&hedging(&fleet), READ, "").await;
    assert_eq!(answer.unwrap(), "fast");
    assert_eq!(before.elapsed(), Duration::from_millis(60));
    let changed = fleet.seen.changed.notified();
    if fleet.seen.dropped.load(Ordering::Relaxed) == 0 {
        changed.await;
    }
    assert!(before.elapsed() < Duration::from_millis(100));
    let runs = fleet.seen.runs();
    assert_ne!(runs[0].0, runs[1].0);
    assert_eq!(
        fleet.seen.attempts(),
        [0, 1],
        "servers see that it is extra"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_one_waits_for_the_other() {
    let fleet = fleet(2, |run| match run {
        0 => Deed::After(200, "slow"),
        _ => Deed::Fail(lost()),
    })
    .await;
    let answer = ask(&hedging(&fleet), READ, "").await;
    assert_eq!(answer.unwrap(), "slow");
    assert_eq!(fleet.seen.runs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn fast_answers_and_what_is_not_idempotent_are_not_hedged() {
    let fleet = fleet(2, |run| match run {
        0 => Deed::After(49, "fast"),
        _ => Deed::After(500, "slow"),
    })
    .await;
    let channel = hedging(&fleet);
    assert_eq!(ask(&channel, READ, "").await.unwrap(), "fast");
    assert_eq!(ask(&channel, WRITE, "").await.unwrap(), "slow");
    assert_eq!(fleet.seen.runs().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn second_calls_are_at_most_their_share() {
    let fleet = fleet(2, |_| Deed::After(60, "slow")).await;
    let hedge = HedgeSettings::new().after(Duration::from_millis(50));
    let channel = fleet.channel.with_settings(Settings::new().hedge(hedge));
    for _ in 0..200 {
        ask(&channel, READ, "").await.unwrap();
    }
    assert_eq!(fleet.seen.runs().len(), 210);
}

#[tokio::test(start_paused = true)]
async fn calls_are_kept_from_servers_that_turn_them_away_and_come_back() {
    let well = Arc::new(AtomicU32::new(0));
    let switch = Arc::clone(&well);
    let fleet = fleet(1, move |_| match switch.load(Ordering::Relaxed) {
        0 => Deed::Fail(full()),
        _ => Deed::Say("answer"),
    })
    .await;
    let mut kept_back = 0;
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..500 {
        pace.tick().await;
        let error = fleet.ask(WRITE).await.unwrap_err();
        let status = error.status();
        if status.phase() == Phase::Local {
            kept_back += 1;
            assert_eq!(status.setting(), Some("Settings::throttle"));
            assert_eq!(status.progress(), Progress::NotStarted);
            assert_eq!(status.attempts(), 0);
        }
    }
    assert!(kept_back > 300, "{kept_back} of 500 were kept back");
    well.store(1, Ordering::Relaxed);
    for _ in 0..500 {
        pace.tick().await;
        let _ = fleet.ask(WRITE).await;
    }
    for _ in 0..100 {
        pace.tick().await;
        fleet.ask(WRITE).await.unwrap();
    }
}
