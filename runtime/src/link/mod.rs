//! Connections in motion: one task per connection drives the machine of `conn` over a transport.
//!
//! Bytes in, bytes out; knows nothing of registries, balancing or user code. A client holds [`Link`]s; a server hands
//! accepted streams to `serve`.

mod client;
mod command;
mod dispatch;
mod driver;
mod exchange;
mod health;
mod io;
mod mailbox;
mod outgoing;
mod pace;
mod receiver;
mod room;
mod sender;
mod server;
mod side;
mod spare;

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::conn::{self, Connection};
use crate::status::{Phase, Status};
use crate::transport::{self, Address, Stream, Transports};
use client::{Caller, Front, Unopened, desk};
use command::{Command, Commands};
use driver::Driver;
use health::Health;
use mailbox::mailbox;
use server::Answerer;
use side::Side;

pub(crate) use dispatch::{Asked, Dispatch, Served, Verdict, Wake};
pub(crate) use driver::now;
pub(crate) use exchange::{Again, Ask, Exchange, Request};
pub(crate) use health::{Change, Watcher};
pub(crate) use io::Counters;
pub use io::Traffic;
pub(crate) use pace::Pace;
pub use pace::Placement;
pub(crate) use receiver::{BodyReceiver, Part};
pub(crate) use sender::{ALONE, BodySender, Stop};
pub(crate) use server::Tally;

/// How a call ended.
pub(crate) type Outcome = Result<conn::Reply, Status>;

/// How a client connects.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Time for the transport to connect and the peers to agree on the protocol.
    pub(crate) connect_timeout: Duration,
    /// What the connection is bounded by, and when it asks for a sign of life.
    pub(crate) connection: conn::Config,
    /// Ways to servers beside those that are built in.
    pub(crate) transports: Transports,
    /// The moment that times of answers count from.
    pub(crate) epoch: Instant,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // A SYN that is lost is sent again after 1 s; the second is rarely lost too.
            connect_timeout: Duration::from_secs(3),
            connection: conn::Config::default(),
            transports: Transports::default(),
            epoch: now(),
        }
    }
}

/// A connection to a server. Cheap to clone; the connection ends when the last clone and the last call have gone.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

/// What links and exchanges share. The connection task has no part in it, so that it sees when all have gone.
struct Shared {
    front: Front,
    commands: Commands,
    health: Arc<Health>,
    counters: Arc<Counters>,
}

impl Shared {
    /// What is told of a call that was not begun.
    #[cold]
    fn unopened(&self, why: Unopened) -> Status {
        match why {
            Unopened::Gone => {
                // Also where no number is left: the next call finds another connection.
                self.health.retire();
                self.health.gone()
            }
            Unopened::Refused(status) => self.health.named(status),
        }
    }
}

impl Link {
    /// Connects to a server of this protocol.
    ///
    /// # Errors
    /// As [`Link::connect_watched`].
    pub(crate) async fn connect(address: &Address, config: &Config) -> Result<Self, Status> {
        Self::connect_with(address, config, None).await
    }

    /// Connects to a server of this protocol, and tells `watcher` what becomes of the connection then.
    ///
    /// # Errors
    /// `unavailable`, in the phase that failed; no call has started.
    pub(crate) async fn connect_watched(
        address: &Address,
        config: &Config,
        watcher: Watcher,
    ) -> Result<Self, Status> {
        Self::connect_with(address, config, Some(watcher)).await
    }

    async fn connect_with(
        address: &Address,
        config: &Config,
        watcher: Option<Watcher>,
    ) -> Result<Self, Status> {
        let failed = |why: String| {
            Status::unavailable(why)
                .not_started()
                .at_endpoint(address.to_string().into())
        };
        let mut phase = Phase::Connect;
        let connecting = async {
            let stream = config.transports.connect(address).await.map_err(|error| {
                let status = failed(format!("cannot connect: {error}")).in_phase(Phase::Connect);
                let status = if error.kind() == ErrorKind::ConnectionRefused {
                    status.briefly("refused")
                } else {
                    status
                };
                if transport::is_out_of_descriptors(&error) {
                    status.with_setting("ulimit -n")
                } else {
                    status
                }
            })?;
            phase = Phase::Handshake;
            Self::handshake(stream, address, config, watcher).await
        };
        // A process that has stopped is connected to by its system, and never says a word.
        let outcome = tokio::time::timeout(config.connect_timeout, connecting).await;
        outcome.unwrap_or_else(|_| {
            let what = match phase {
                Phase::Connect => "no connection",
                _ => "connected, but no word from the server",
            };
            Err(
                failed(format!("{what} within {:?}", config.connect_timeout))
                    .in_phase(phase)
                    .with_setting("ClientBuilder::connect_timeout"),
            )
        })
    }

    /// Agrees on the protocol with whoever is at the other end of `stream`.
    async fn handshake(
        stream: Stream,
        address: &Address,
        config: &Config,
        watcher: Option<Watcher>,
    ) -> Result<Self, Status> {
        let (commands, receiver) = mailbox();
        let (ready, outcome) = oneshot::channel();
        let health = Arc::new(Health::new(address.to_string().into(), watcher));
        let counters = Arc::new(Counters::default());
        let (front, desk) = desk(
            Connection::client(config.connection.clone(), now()),
            Caller::new(Arc::clone(&health), ready, config.epoch),
        );
        let mut driver = Box::new(Driver::new(desk, stream, receiver, Arc::clone(&counters)));
        let link = Self(Arc::new(Shared {
            front,
            commands,
            health,
            counters,
        }));
        tokio::spawn(async move { driver.run().await });
        outcome
            .await
            .unwrap_or_else(|_| Err(link.0.health.ended()))?;
        Ok(link)
    }

    /// Begins a call. Returns at once: where the connection has as many calls as it may, this one waits for its turn
    /// within the exchange.
    pub(crate) fn call(&self, mut request: Request) -> Exchange {
        let again = request.again.take();
        self.clone().ask(&request.asked(now()), again, None)
    }

    /// The same for whoever needs the link for this call alone. `caller` is woken for an answer that is not a stream.
    pub(crate) fn ask(
        self,
        asked: &Ask<'_>,
        again: Option<Again>,
        caller: Option<&Waker>,
    ) -> Exchange {
        Exchange::open(self.0, asked, again, caller)
    }

    /// Whether new calls may be begun: neither side is leaving.
    pub(crate) fn is_usable(&self) -> bool {
        self.0.health.is_usable()
    }

    /// Whether the server was last found to be silent though calls wait.
    pub(crate) fn is_silent(&self) -> bool {
        self.0.health.is_silent()
    }

    /// Calls that wait or are open.
    pub(crate) fn in_flight(&self) -> usize {
        self.0.health.in_flight.load(Ordering::Relaxed)
    }

    /// Asks the peer for a sign of life: whether one comes before the connection ends.
    pub(crate) async fn ping(&self) -> bool {
        let (answer, pong) = oneshot::channel();
        self.0.commands.send(Command::Ping(answer)).is_ok() && pong.await.is_ok()
    }

    /// Takes no new calls, and ends when those in flight have ended.
    pub(crate) fn drain(&self) {
        self.0.health.leave();
        let _ = self.0.commands.send(Command::Drain);
    }

    /// Ends the connection and all calls on it.
    #[cfg(test)]
    pub(crate) fn close(&self) {
        self.0.health.leave();
        let _ = self.0.commands.send(Command::Close);
    }

    /// Waits until the connection has ended.
    #[cfg(test)]
    pub(crate) async fn closed(&self) {
        self.0.health.over.notified().await;
    }

    /// What it has done with its transport so far.
    #[cfg(test)]
    pub(crate) fn traffic(&self) -> Traffic {
        self.0.counters.traffic()
    }
}

/// Answers the calls of one accepted connection: the future is its whole life, and to be spawned.
pub(crate) fn serve<D: Dispatch>(
    stream: Stream,
    peer: &Address,
    config: conn::Config,
    dispatch: Arc<D>,
    counters: Arc<Counters>,
) -> (Control, impl Future<Output = Tally> + Send + 'static) {
    let (commands, receiver) = mailbox();
    let control = Control {
        commands: commands.clone(),
    };
    // On the heap: a future that is handed on holds what it captured twice.
    let mut driver = Box::new(Driver::new(
        Side {
            connection: Connection::server(config, now()),
            role: Answerer::new(
                dispatch,
                peer.to_string().into(),
                peer.host().into(),
                commands,
            ),
        },
        stream,
        receiver,
        counters,
    ));
    let life = async move {
        driver.run().await;
        driver.side.role.tally().await
    };
    (control, life)
}

/// What a server tells one of its connections.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    commands: Commands,
}

impl Control {
    /// Takes no new calls, and ends when those that it accepted have ended.
    pub(crate) fn drain(&self) {
        let _ = self.commands.send(Command::Drain);
    }

    /// Ends all calls, and the connection; `false` if it has ended already.
    pub(crate) fn close(&self) -> bool {
        self.commands.send(Command::Close).is_ok()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("health", &self.0.health)
            .field("traffic", &self.0.counters.traffic())
            .finish_non_exhaustive()
    }
}
