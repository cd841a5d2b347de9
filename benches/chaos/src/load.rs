//! The load: calls that arrive as a Poisson process, whether or not earlier ones are done.
//!
//! A call's time counts from when it was to be made, so what falls behind cannot hide it. Nothing is tried twice here.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callsheet_tests::chance::Chance;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{Call, Event, Failure, Options, Unanswered, dismissed, now, say};

/// Arrivals are made in bursts of this, as far as they fall due within it.
const BURST: Duration = Duration::from_millis(1);

/// A server that has not answered for so long counts as new when it answers: at 2 000 calls a second one of ten servers has
/// answered forty times meanwhile.
const FORGOTTEN: u64 = 200_000;

/// Calls that are open at the end are waited for: twice the default deadline.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls per line of the final account.
const PER_LINE: usize = 500;

/// One system's way to make a call.
pub trait Caller: Clone + Send + Sync + 'static {
    /// Asks; gives the number that came back, and the server's name.
    fn ask(
        &self,
        question: Question,
    ) -> impl Future<Output = Result<(u64, String), Refused>> + Send;
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Comes back.
    pub number: u64,
    /// Milliseconds that the handler waits.
    pub hold: u32,
    /// Bytes that the answer is filled up with.
    pub fill: u32,
}

/// How a call ended that was not answered.
#[derive(Debug)]
pub struct Refused {
    /// Whether a server may have begun with it.
    pub started: bool,
    /// The status, as people read it.
    pub status: String,
}

#[derive(Default)]
struct Book {
    calls: Vec<Call>,
    heard: HashMap<String, u64>,
}

impl Book {
    fn answered(&mut self, due: u64, at: u64, server: String) {
        let before = self.heard.get(&server).copied().unwrap_or_default();
        if before + FORGOTTEN < at {
            say(&Event::Seen {
                server: server.clone(),
                at,
            });
        }
        self.heard.insert(server.clone(), at);
        self.calls.push(Call(due, at.saturating_sub(due), server));
    }
}

/// Puts the load of `--rate` calls a second, `--hold` milliseconds and `--fill` bytes each, on `caller` until standard input ends; then tells all
/// about the calls.
pub async fn run(caller: impl Caller, options: &Options) -> Result<(), Failure> {
    let rate: f64 = options.value("rate")?.unwrap_or(2000.0);
    let mut question = Question {
        number: 0,
        hold: options.value("hold")?.unwrap_or(0),
        fill: options.value("fill")?.unwrap_or(0),
    };
    let seed: u64 = options.value("seed")?.unwrap_or(1);
    let mut arrivals = arrivals(rate, seed);
    let book = Arc::new(Mutex::new(Book::default()));
    let mut open = JoinSet::new();
    let mut enough = std::pin::pin!(dismissed());
    let mut late = 0;
    loop {
        let due = tokio::select! {
            biased;
            () = &mut enough => break,
            Some(_) = open.join_next() => continue,
            due = arrivals.recv() => due.ok_or("the clock has stopped")?,
        };
        late = late.max(now().saturating_sub(due));
        question.number += 1;
        open.spawn(one(caller.clone(), question, due, Arc::clone(&book)));
    }
    let all = async { while open.join_next().await.is_some() {} };
    if timeout(PATIENCE, all).await.is_err() {
        return Err(format!("{} calls never ended", open.len()).into());
    }
    let book = std::mem::take(&mut *book.lock().unwrap_or_else(PoisonError::into_inner));
    for calls in book.calls.chunks(PER_LINE) {
        say(&Event::Calls(calls.to_vec()));
    }
    say(&Event::Behind { late });
    Ok(())
}

async fn one(caller: impl Caller, question: Question, due: u64, book: Arc<Mutex<Book>>) {
    let number = question.number;
    let outcome = caller.ask(question).await;
    let at = now();
    let refused = match outcome {
        Ok((answered, server)) if answered == number => {
            let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
            return book.answered(due, at, server);
        }
        Ok((answered, server)) => Refused {
            started: true,
            status: format!("{server} gave the answer to {answered}, not to {number}"),
        },
        Err(refused) => refused,
    };
    say(&Event::Failed(Unanswered {
        due,
        at,
        started: refused.started,
        status: refused.status,
    }));
}

/// When each call is to be made, told at that time by a thread of its own: the runtime's timers are a millisecond coarse.
fn arrivals(rate: f64, seed: u64) -> mpsc::UnboundedReceiver<u64> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let mut chance = Chance::new(seed);
        let mut next = now();
        let mut burst = next;
        loop {
            let pause = burst.saturating_sub(now());
            std::thread::sleep(Duration::from_micros(pause));
            while next <= burst {
                if sender.send(next.max(1)).is_err() {
                    return;
                }
                next += wait(&mut chance, rate);
            }
            burst += u64::try_from(BURST.as_micros()).unwrap_or_default();
        }
    });
    receiver
}

/// Microseconds between two arrivals, drawn from the exponential distribution.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "53 bits of chance, and waits of far less than a minute"
)]
fn wait(chance: &mut Chance, rate: f64) -> u64 {
    let share = ((chance.number() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    (-share.ln() / rate * 1e6).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_have_the_rate_that_was_asked_for() {
        let mut chance = Chance::new(5);
        let waits: u64 = (0..20_000).map(|_| wait(&mut chance, 2000.0)).sum();
        let mean = waits / 20_000;
        assert!((490..=510).contains(&mean), "{mean}");
    }
}
