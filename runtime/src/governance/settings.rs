//! What may be said of how calls are treated. Each number that is built in has its reason beside it.

use std::time::Duration;

use crate::contract::{Balance, Cluster, MethodKind, Policy, Priority};
use crate::status::Code;

use super::section::section;
use super::words::{Codes, FallbackMode, OrOff, Share, Span};

/// How long a call with one reply may take if nobody says: never for ever, and longer than what users wait for.
const TIMEOUT: Duration = Duration::from_secs(5);

const fn span(millis: u64) -> Span {
    Span(Duration::from_millis(millis))
}

section! {
    /// What one place says of calls of a method; what it leaves out is left to others.
    Settings;
    /// How calls of a method are treated, all places taken together.
    Treatment;
    /// How long a call may take in all, its tries and pauses included.
    timeout: OrOff<Span> = OrOff::Off,
    /// How an instance is chosen.
    balance: Balance = Balance::P2c,
    /// How many instances are asked, and what their failures mean.
    cluster: Cluster = Cluster::Failover,
    /// Who is turned away first under load.
    priority: Priority = Priority::Normal,
    @sections {
        /// What follows a failure.
        retry: RetrySettings => RetryPolicy,
        /// When a second instance is asked before the first has answered.
        hedge: HedgeSettings => HedgePolicy,
        /// When an instance is left alone for a while.
        breaker: BreakerSettings => BreakerPolicy,
        /// When a client keeps calls from servers that are overloaded.
        throttle: ThrottleSettings => ThrottlePolicy,
        /// How many calls a server takes.
        limit: LimitSettings => LimitPolicy,
        /// What takes the place of an answer.
        fallback: FallbackSettings => FallbackPolicy,
        /// How calls that failed are repeated in the background, where the strategy is `failback`.
        failback: FailbackSettings => FailbackPolicy,
    }
}

section! {
    /// What one place says of retries.
    RetrySettings;
    /// What follows a failure: another try of what did not start, or of an idempotent method.
    RetryPolicy;
    /// Tries after the first, of an idempotent method; 0 is none. What did not start moves to another instance whatever this says.
    attempts: u32 = 2,
    /// Codes of failures that another instance may not meet with.
    on: Codes = Codes(vec![Code::Unavailable, Code::ResourceExhausted, Code::Aborted]),
    /// The first pause; further ones double, each with jitter over all of its length.
    first_pause: Span = span(20),
    /// The longest pause.
    longest_pause: Span = span(1_000),
    /// Retries in proportion to calls: a tenth more load is what a system in trouble bears.
    budget: Share = Share::percent(10),
    /// Retries per second besides, so that a client that calls seldom may retry.
    budget_floor: u32 = 3,
}

section! {
    /// What one place says of hedging.
    HedgeSettings;
    /// When a second instance is asked before the first has answered: of idempotent methods only.
    HedgePolicy;
    /// After how long without an answer.
    after: OrOff<Span> = OrOff::Off,
    /// The most second calls in proportion to calls: who hedges more has set the time too short.
    budget: Share = Share::percent(5),
}

section! {
    /// What one place says of circuit breaking.
    BreakerSettings;
    /// When an instance is left alone for a while, and when it is asked again.
    BreakerPolicy;
    /// Whether instances are left alone for doing badly.
    enabled: bool = true,
    /// Hard failures in a row after which an instance is left alone.
    failures_in_row: u32 = 5,
    /// The part of its calls in the window that must succeed.
    success: Share = Share::percent(80),
    /// Calls in the window from which that part counts.
    least_calls: u32 = 20,
    /// The window: what happened before it counts no more.
    window: Span = span(10_000),
    /// How long an instance is left alone the first time; doubles from time to time, with jitter.
    open: Span = span(1_000),
    /// The longest that an instance is left alone.
    longest_open: Span = span(60_000),
    /// The largest part of the instances that is left alone at once.
    most_ejected: Share = Share::percent(30),
    /// Below this part of usable instances all of them are asked: the fault is not theirs.
    panic_below: Share = Share::percent(50),
}

section! {
    /// What one place says of throttling.
    ThrottleSettings;
    /// When a client keeps calls from servers that turn them away for load.
    ThrottlePolicy;
    /// Whether calls are kept back at all.
    enabled: bool = true,
    /// Calls are kept back where there were more than this many times as many calls as were taken. 2: servers learn that
    /// the load falls by the calls that they turn away.
    ratio: u32 = 2,
}

section! {
    /// What one place says of a server's limits.
    LimitSettings;
    /// How many calls a server takes, of a method and of all.
    LimitPolicy;
    /// The most calls of the method that run at once.
    calls: OrOff<u32> = OrOff::Off,
    /// Calls of the method per second; as many may come at once.
    rate: OrOff<u32> = OrOff::Off,
    /// The most calls of one caller that run at once.
    caller_calls: OrOff<u32> = OrOff::Off,
    /// Calls per second of one caller; as many may come at once.
    caller_rate: OrOff<u32> = OrOff::Off,
    /// Whether the server finds out how many calls may run at once, by how long they take.
    adaptive: bool = true,
    /// The fewest calls that it may find. 4: two cores are busy with them, and calls of twice as many take four times as long.
    adaptive_least: u32 = 4,
    /// The most calls that it may find. Off: until calls take longer for being many, nothing says that they are too many.
    adaptive_most: OrOff<u32> = OrOff::Off,
    /// The most calls of the method that wait for others to end; 0 is none. 32: a burst, and soon gone.
    queue_calls: u32 = 32,
    /// The longest that calls wait for others to end. 20 ms: what a retry to another instance would cost. A quarter of it while
    /// the queue is hardly ever empty: it is no burst then, and waiting does not help.
    queue_wait: Span = span(20),
    /// The most calls that the server runs at once, of all methods. Said by `Server::settings` or of all services only.
    server_calls: OrOff<u32> = OrOff::Off,
    /// Calls of all methods per second. Said where `server_calls` is.
    server_rate: OrOff<u32> = OrOff::Off,
    /// The part of `server_calls` that one method may take.
    share: Share = Share::percent(100),
    /// The part of `server_calls` that all methods of low priority may take together. 80 %: work in the background leaves a
    /// fifth to what users wait for.
    low_share: Share = Share::percent(80),
}

section! {
    /// What one place says of a fallback.
    FallbackSettings;
    /// What takes the place of an answer, where there is something: of calls with one request and one reply.
    FallbackPolicy;
    /// When: never (`off`), when the call has failed and nothing is left to try (`fail`), or always, and nobody is called (`force`).
    mode: FallbackMode = FallbackMode::Fail,
    /// Codes of failures whose place it takes: those of servers and networks. What the application says is its answer. The
    /// strategies `failsafe` and `failback` go by these as well.
    on: Codes = Codes(vec![
        Code::Unavailable,
        Code::DeadlineExceeded,
        Code::ResourceExhausted,
        Code::Internal,
        Code::Unknown,
    ]),
    /// The reply as canonical protobuf JSON; empty where there is none.
    reply: String = String::new(),
    /// How old the last good answer to an equal request may be that is given instead of a failure; of idempotent methods.
    stale: OrOff<Span> = OrOff::Off,
    /// The most answers of a method that a client keeps for that: what is asked again within minutes.
    stale_entries: u32 = 1_000,
    /// The most bytes of these answers, requests included: a client of ten such methods keeps 160 MiB at the most.
    stale_bytes: u64 = 16 * 1024 * 1024,
}

section! {
    /// What one place says of repeating calls in the background.
    FailbackSettings;
    /// How calls that failed are repeated in the background, where the strategy is `failback`.
    FailbackPolicy;
    /// The pause before the first repetition. Longer than that of a retry: nobody waits.
    first_pause: Span = span(1_000),
    /// The longest pause; each doubles the one before, with jitter over all of its length.
    longest_pause: Span = span(60_000),
    /// How long a call is repeated before it is given up: longer than most outages.
    keep: Span = span(3_600_000),
    /// The most calls of a method that wait in a client. One more fails.
    queue_calls: u32 = 1_000,
    /// The most bytes of the requests of calls that wait.
    queue_bytes: u64 = 16 * 1024 * 1024,
}

impl Settings {
    /// What is built in for methods of this kind.
    pub fn built_in(kind: MethodKind) -> Self {
        match kind {
            MethodKind::Unary | MethodKind::ClientStream | MethodKind::OneWay => {
                Self::new().timeout(TIMEOUT)
            }
            MethodKind::ServerStream | MethodKind::BidiStream => Self::new(),
        }
    }

    /// What the contract says.
    pub fn of_contract(policy: &Policy) -> Self {
        let retry = policy.retry.map(|retry| {
            let mut settings = RetrySettings::new().attempts(retry.attempts);
            if !retry.on.is_empty() {
                settings.on = Some(Codes(retry.on.to_vec()));
            }
            if let Some((first, longest)) = retry.backoff {
                settings = settings.first_pause(first).longest_pause(longest);
            }
            settings
        });
        Self {
            timeout: policy.timeout.map(Into::into),
            balance: policy.balance,
            cluster: policy.cluster,
            priority: policy.priority,
            retry,
            hedge: policy.hedge.map(|after| HedgeSettings::new().after(after)),
            limit: policy.limit.map(|calls| LimitSettings::new().calls(calls)),
            ..Self::default()
        }
    }
}
