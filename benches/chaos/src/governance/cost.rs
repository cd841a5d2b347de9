//! What governance costs where there is nothing to govern: calls a second with everything as it is unless set, with all of it
//! switched off, and with metrics and traces on. Client and server have a thread each; the rounds of all take turns, so that
//! what disturbs the machine disturbs all of them alike.

use std::thread;
use std::time::Duration;

use callsheet::governance::{
    BreakerSettings, FallbackMode, FallbackSettings, LimitSettings, RetrySettings, Settings,
    ThrottleSettings,
};
use callsheet::observe::{Observer, Traces};
use callsheet::{Client, Error, Server, registry};
use chaos::Failure;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing_subscriber::util::SubscriberInitExt;

use super::ten::rpc::chaos::Work;
use super::ten::rpc::chaos::v1::{Ten, TenClient, TenServer};
use crate::judgement::{Figure, Judgement};
use crate::scenario::Outcome;
use crate::stage::Stage;

/// Calls under way at once: enough that neither side ever waits for want of work.
const CALLERS: u64 = 64;

/// A round of one of them.
const ROUND: Duration = Duration::from_millis(250);

/// The most that the default stack may cost, in per cent of the calls.
const GOAL_PERCENT: f64 = 15.0;

/// What is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stack {
    Off,
    Default,
    Metrics,
    Traces,
}

const ALL: [Stack; 4] = [Stack::Off, Stack::Default, Stack::Metrics, Stack::Traces];

pub(super) async fn play(stage: &Stage) -> Outcome {
    let rounds = stage.pace(41, 11);
    let mut pairs = Vec::new();
    for stack in ALL {
        pairs.push(Pair::start(stack).await?);
    }
    let mut rates: [Vec<f64>; ALL.len()] = Default::default();
    // The first round is for connections, caches and what servers learn.
    for round in 0..=rounds {
        for (pair, rates) in pairs.iter().zip(&mut rates) {
            let rate = pair.run().await?;
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    let [off, default, metrics, traces] = rates.map(median);
    let fewer = |rate: f64| Figure::percent((1.0 - rate / off).max(0.0) * 100.0);
    let note = |rate: f64| format!("{rate:.0} calls/s, {off:.0} with everything off");
    Ok(vec![
        Judgement::goal(
            "default stack: fewer calls a second than with everything off",
            fewer(default),
            Figure::percent(GOAL_PERCENT),
        )
        .noting(note(default)),
        Judgement::told("and with metrics", fewer(metrics)).noting(note(metrics)),
        Judgement::told(
            "and with a span for every call on both sides",
            fewer(traces),
        )
        .noting(note(traces)),
    ])
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

impl Stack {
    fn settings(self) -> Settings {
        if self != Self::Off {
            return Settings::new();
        }
        Settings::new()
            .retry(RetrySettings::new().attempts(0_u32))
            .breaker(BreakerSettings::new().enabled(false))
            .throttle(ThrottleSettings::new().enabled(false))
            .fallback(FallbackSettings::new().mode(FallbackMode::Off))
            .limit(LimitSettings::new().adaptive(false).queue_calls(0_u32))
    }

    fn observer(self) -> Observer {
        match self {
            Self::Off | Self::Default => Observer::new(),
            Self::Metrics => Observer::new().prometheus(),
            Self::Traces => Observer::new().traces(Traces::new()),
        }
    }

    /// A thread with a runtime of its own.
    fn thread<F: Future<Output = ()>>(
        self,
        run: impl FnOnce() -> F + Send + 'static,
    ) -> Result<(), Failure> {
        let runtime: Runtime = Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().spawn(move || {
            let traced = self == Self::Traces;
            let _subscriber = traced.then(|| tracing_subscriber::registry().set_default());
            runtime.block_on(run());
        })?;
        Ok(())
    }
}

/// A server that answers at once.
struct Echo;

impl Ten for Echo {
    async fn serve(&self, work: Work) -> Result<Work, Error> {
        Ok(work)
    }
}

/// A client and a server, which end when this is dropped.
struct Pair {
    rounds: mpsc::UnboundedSender<oneshot::Sender<f64>>,
    _server: oneshot::Sender<()>,
}

impl Pair {
    async fn start(stack: Stack) -> Result<Self, Failure> {
        let (server, ended) = oneshot::channel::<()>();
        let (bound, address) = oneshot::channel();
        stack.thread(move || async move {
            let server = Server::bind("127.0.0.1:0")
                .settings(stack.settings())
                .observer(&stack.observer())
                .add(TenServer::new(Echo));
            // Whoever waits for the address is told by the channel's end.
            if let Ok(running) = server.start().await {
                let _ = bound.send(running.addresses()[0].clone());
                let _ = ended.await;
            }
        })?;
        let registry = registry::connect(&format!("static:{}", address.await?)).await?;
        let (rounds, mut asked) = mpsc::unbounded_channel::<oneshot::Sender<f64>>();
        stack.thread(move || async move {
            let client = Client::builder()
                .registry(&registry)
                .settings(stack.settings())
                .observer(&stack.observer())
                .build();
            let client = TenClient::new(&client);
            while let Some(answer) = asked.recv().await {
                let _ = answer.send(round(&client).await);
            }
        })?;
        Ok(Self {
            rounds,
            _server: server,
        })
    }

    /// Calls a second in one round.
    async fn run(&self) -> Result<f64, Failure> {
        let (answer, rate) = oneshot::channel();
        self.rounds
            .send(answer)
            .map_err(|_| "the client's thread has ended")?;
        let rate = rate.await?;
        if rate.is_finite() {
            Ok(rate)
        } else {
            Err("a call failed where all is well".into())
        }
    }
}

async fn round(client: &TenClient) -> f64 {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let client = client.clone();
        callers.spawn(async move {
            let mut calls = 0_u32;
            while began.elapsed() < ROUND {
                client.serve(Work { number }).await?;
                calls += 1;
            }
            Ok::<_, Error>(calls)
        });
    }
    let mut all = 0;
    while let Some(calls) = callers.join_next().await {
        match calls {
            Ok(Ok(calls)) => all += calls,
            Ok(Err(_)) | Err(_) => return f64::NAN,
        }
    }
    f64::from(all) / began.elapsed().as_secs_f64()
}
