//! A live view of a span of keys: list, then every change from the revision of the list on, and everything anew on any
//! doubt.
//!
//! Knows nothing of what the entries mean: a [`Table`] does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use prost::Message as _;
use tokio::runtime;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use super::super::watch::{Publisher, Publishers, Subscription, View};
use super::super::{Error, ErrorKind};
use super::api::{self, Progress, WatchAnswer, WatchCreate, Watching, watching};
use super::cluster::Cluster;
use super::connection::Stream;
use super::fault::Fault;
use super::grpc::{frame, shown};
use super::keys::Span;
use super::list::{Part, Visit, list};
use crate::backoff::Backoff;
use crate::random::Random;

/// The pauses between tries: most failures are over in a moment; at the longest a view is current again within 2 s of the
/// registry's return, and asks it once per second while it is away.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often everything is read anew, give or take a quarter: whatever a watch may have missed is put right within this.
const RESYNC: Duration = Duration::from_secs(30);

/// How often a watch is asked for a sign of life.
const BEAT: Duration = Duration::from_secs(2);

/// How many beats without one end it: a stream that is stuck while its connection lives.
const SILENT_BEATS: u32 = 3;

/// What a watcher holds of its span.
pub(super) trait Table: Visit + Send + 'static {
    /// What it tells.
    type View: View;

    /// The entry with this key is gone.
    fn delete(&mut self, key: &[u8]);

    /// All that is held now, or why it cannot be believed: then the view keeps what it says.
    fn news(&self) -> Result<<Self::View as View>::News, String>;
}

/// The live views of one kind, and the tasks that feed them.
pub(super) struct Follows<V> {
    publishers: Publishers<V>,
    /// Which task feeds which name. Locked while one begins or ends, so that a new watch never misses it.
    tasks: Mutex<HashMap<String, Weak<Task<V>>>>,
}

/// Held by the task while it runs; it vanishes with the task's runtime, too.
struct Task<V> {
    name: String,
    publisher: Arc<Publisher<V>>,
}

impl<V> Default for Follows<V> {
    fn default() -> Self {
        Self {
            publishers: Publishers::default(),
            tasks: Mutex::default(),
        }
    }
}

impl<V: View> Follows<V> {
    /// A live view of `name`, which is what lies in `span`; fed on the caller's runtime, or on `fallback` where it has
    /// none.
    pub(super) fn watch<T: Table<View = V>>(
        self: &Arc<Self>,
        cluster: &Arc<Cluster>,
        fallback: &runtime::Handle,
        name: &str,
        (span, table): (Span, T),
    ) -> Subscription<V>
    where
        V::News: Send,
    {
        let mut tasks = self.lock();
        let watch = self.publishers.watch(name);
        let Some(publisher) = self.publishers.of(name) else {
            return watch;
        };
        let running = tasks.get(name).and_then(Weak::upgrade);
        if running.is_some_and(|task| Arc::ptr_eq(&task.publisher, &publisher)) {
            return watch;
        }
        let task = Arc::new(Task {
            name: name.to_owned(),
            publisher,
        });
        tasks.insert(name.to_owned(), Arc::downgrade(&task));
        let runtime = runtime::Handle::try_current().unwrap_or_else(|_| fallback.clone());
        let follower = Follower {
            cluster: Arc::clone(cluster),
            span,
            table,
            random: Random::new(crate::random::seed()),
        };
        runtime.spawn(Arc::clone(self).run(task, follower));
        watch
    }

    /// Feeds the view until nobody looks.
    async fn run<T: Table<View = V>>(self: Arc<Self>, task: Arc<Task<V>>, mut follower: Follower<T>)
    where
        V::News: Send,
    {
        loop {
            tokio::select! {
                () = follower.feed(&task.publisher) => {}
                () = task.publisher.abandoned() => {}
            }
            let mut tasks = self.lock();
            if task.publisher.is_abandoned() {
                let own = tasks.get(&task.name).map(Weak::as_ptr);
                if own == Some(Arc::as_ptr(&task)) {
                    tasks.remove(&task.name);
                }
                self.publishers.watched();
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Weak<Task<V>>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Follower<T> {
    cluster: Arc<Cluster>,
    span: Span,
    table: T,
    random: Random,
}

/// Why a round is over that began well.
///
/// ```text
/// list ──ok──▶ watch ──30 s──▶ list
///   │            └──end, silence, gap──pause──▶ list
///   └──failure: view is stale──pause──▶ list
/// ```
enum End {
    /// It is time to read everything anew.
    Resync,
    /// The watch ended; what it said last is true as far as anybody knows.
    Broken,
}

impl<T: Table> Follower<T> {
    /// Never ends.
    async fn feed(&mut self, publisher: &Publisher<T::View>) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, self.random.bits());
        loop {
            let began = Instant::now();
            match self.round(publisher).await {
                Ok(End::Resync) => {
                    backoff.reset();
                    continue;
                }
                Ok(End::Broken) => {
                    if began.elapsed() > BEAT {
                        backoff.reset();
                    }
                }
                Err(error) => publisher.fail(error),
            }
            sleep(backoff.pause()).await;
        }
    }

    async fn round(&mut self, publisher: &Publisher<T::View>) -> Result<End, Error> {
        let listed = list(&self.cluster, &self.span, Part::Whole, &mut self.table).await;
        let revision = listed.map_err(|fault| self.cluster.error(fault))?;
        self.tell(publisher);
        Ok(match self.changes(revision, publisher).await {
            Ok(()) => End::Resync,
            // The next list tells whether anything is wrong beyond the stream.
            Err(_) => End::Broken,
        })
    }

    /// Every change after `revision`, until it is time to read everything anew.
    async fn changes(
        &mut self,
        revision: i64,
        publisher: &Publisher<T::View>,
    ) -> Result<(), Fault> {
        let mut stream = self.cluster.stream(api::WATCH).await?;
        ask(
            &mut stream,
            watching::Kind::Create(WatchCreate {
                key: self.span.start.clone(),
                end: self.span.end.clone(),
                start_revision: revision + 1,
                fragment: true,
            }),
        )?;
        let resync = sleep_until(Instant::now() + RESYNC.mul_f64(0.75 + self.random.unit() / 2.0));
        tokio::pin!(resync);
        let mut beats = interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        loop {
            tokio::select! {
                message = stream.next() => {
                    unanswered = 0;
                    let Some(message) = message? else {
                        return Err(Fault::Broken("etcd has ended the watch".into()));
                    };
                    let answer = WatchAnswer::decode(message)
                        .map_err(|error| Fault::Broken(format!("etcd's answer cannot be read: {error}")))?;
                    self.apply(answer, publisher).await?;
                }
                _ = beats.tick() => {
                    if unanswered >= SILENT_BEATS {
                        return Err(Fault::Late("the watch is silent".into()));
                    }
                    unanswered += 1;
                    ask(&mut stream, watching::Kind::Progress(Progress {}))?;
                }
                () = &mut resync => return Ok(()),
            }
        }
    }

    fn tell(&self, publisher: &Publisher<T::View>) {
        match self.table.news() {
            Ok(news) => publisher.publish(news),
            Err(reason) => {
                let address = self.cluster.address();
                publisher.fail(Error::new(ErrorKind::Record, address, reason));
            }
        }
    }

    async fn apply(
        &mut self,
        answer: WatchAnswer,
        publisher: &Publisher<T::View>,
    ) -> Result<(), Fault> {
        if answer.canceled {
            if answer.compact_revision == 0 {
                // etcd does not say whether it was the permission or the token that was missing.
                self.cluster.doubt_token().await;
            }
            return Err(Fault::Broken(shown(&answer.cancel_reason)));
        }
        let news = !answer.events.is_empty();
        for event in answer.events {
            let delete = event.is_delete();
            let Some(entry) = event.kv else { continue };
            if delete {
                self.table.delete(&entry.key);
            } else {
                self.table.put(entry);
            }
        }
        if news && !answer.fragment {
            self.tell(publisher);
        }
        Ok(())
    }
}

fn ask(stream: &mut Stream, kind: watching::Kind) -> Result<(), Fault> {
    stream.send(frame(&Watching { kind: Some(kind) }), false)
}
