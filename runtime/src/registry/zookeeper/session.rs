//! The session with `ZooKeeper`: one connection at a time, made again for ever, and who waits for what on it.
//!
//! One task owns the connection. It knows frames and no records.
//!
//! ```text
//! Opening ──welcome──▶ Up ──silence, error──▶ Down ──welcome──▶ Up
//!    └──no server answers──────────────────────▲ │▲
//!                                                └┘ no server answers
//! ```
//! A welcome may be to a new session: the server has ended the old one, and all that lasted as long as it.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, WriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::super::{Error, ErrorKind};
use super::line::{Command, Fault, Line, ended};
use super::proto::{self, Body, Frame, Frames, Welcome, code, op, xid};
use super::server::{Servers, Stream};
use crate::backoff::Backoff;

/// The first pause when no server answers: a server that has lost its leader closes connections at once, and knows another
/// within a moment.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause: everybody is back within about 1 s of the registry's return.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection that breaks after this time is made again at once; one that breaks before may be refused for good, as is
/// one with a wrong password.
const LASTING: Duration = Duration::from_secs(3);

/// How long a caller waits for a connection that is being made again, before it is told why there is none: longer than a
/// server needs that knows another leader at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// The longest path of an event that is read; a longer one is of no node of ours.
const MAX_EVENT_BYTES: usize = 4 << 10;

/// Bytes that wait to be sent before further requests wait in their queue.
const MAX_WAITING_BYTES: usize = 1 << 20;

/// Room for what is read at once.
const READ_BYTES: usize = 16 << 10;

/// How the session stands.
#[derive(Clone, Debug)]
enum State {
    Opening,
    /// The number of the connection, and the session that it carries.
    Up(u64, i64),
    Down(Error),
}

/// A session. Cheap to clone; it is closed when the last clone is dropped.
#[derive(Clone, Debug)]
pub(super) struct Session {
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Receiver<State>,
    address: String,
}

impl Session {
    /// A session with one of these servers, kept by a task on the runtime of the caller. The servers are asked to end it
    /// when they have heard nothing for `lasts`.
    pub(super) fn open(servers: Servers, lasts: Duration, seed: u64) -> Self {
        let address = servers.address().to_owned();
        let (commands, orders) = mpsc::unbounded_channel();
        let (state, seen) = watch::channel(State::Opening);
        let keeper = Keeper {
            servers: Arc::new(servers),
            lasts,
            orders,
            state,
            address: address.clone(),
            session: 0,
            secret: Vec::new(),
            connection: 0,
            backoff: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE, seed),
        };
        tokio::spawn(keeper.run());
        Self {
            commands,
            state: seen,
            address,
        }
    }

    /// The connection that is there, or comes at once.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn line(&self) -> Result<Line, Error> {
        let mut state = self.state.clone();
        let known = state.wait_for(|state| !matches!(state, State::Opening));
        let Ok(now) = known.await.map(|state| state.clone()) else {
            return Err(ended(&self.address));
        };
        if matches!(now, State::Down(_)) {
            let up = state.wait_for(|state| matches!(state, State::Up(..)));
            // What has come, or has not, is looked at below.
            drop(timeout(PATIENCE, up).await);
        }
        match *state.borrow() {
            State::Up(connection, session) => Ok(Line {
                commands: self.commands.clone(),
                address: self.address.clone(),
                connection,
                session,
            }),
            State::Down(ref error) => Err(error.clone()),
            State::Opening => Err(ended(&self.address)),
        }
    }

    /// Waits for a connection, however long that takes; false when there will never be one.
    pub(super) async fn recovered(&self) -> bool {
        let mut state = self.state.clone();
        let up = state.wait_for(|state| matches!(state, State::Up(..)));
        up.await.is_ok()
    }

    /// Why a connection has ended.
    pub(super) fn ended(&self) -> Error {
        match &*self.state.borrow() {
            State::Down(error) => error.clone(),
            State::Opening | State::Up(..) => {
                let message = "the connection was lost";
                Error::new(ErrorKind::Unavailable, &self.address, message)
            }
        }
    }
}

/// Why a connection is at its end.
enum End {
    /// Nobody needs it any more.
    Closed,
    Failed(Error),
    /// The session is at its end, the servers are not: there is a new one at once.
    Expired(Error),
}

struct Keeper {
    servers: Arc<Servers>,
    lasts: Duration,
    orders: mpsc::UnboundedReceiver<Command>,
    state: watch::Sender<State>,
    address: String,
    session: i64,
    secret: Vec<u8>,
    connection: u64,
    backoff: Backoff,
}

impl Keeper {
    async fn run(mut self) {
        // Servers that failed in a row.
        let mut failed = 0;
        loop {
            // Whether there was a connection that was of use.
            let mut lasted = false;
            let servers = Arc::clone(&self.servers);
            let greeting = proto::greeting(self.session, &self.secret, millis(self.lasts));
            let patience = self.lasts / 3;
            let connecting = async move {
                let server = servers.next();
                let reached = timeout(patience, greet(&servers, server, &greeting)).await;
                match reached {
                    Ok(Ok(reached)) => Ok(reached),
                    Ok(Err(why)) => Err(format!("{server}: {why}")),
                    Err(_) => Err(format!(
                        "{server} does not answer within {} ms",
                        patience.as_millis()
                    )),
                }
            };
            let end = match self.meanwhile(connecting).await {
                None => return,
                Some(Err(why)) => {
                    failed += 1;
                    End::Failed(self.error(ErrorKind::Unavailable, why))
                }
                Some(Ok((_, _, welcome))) if welcome.session == 0 => {
                    let error = self.error(ErrorKind::Unavailable, "the session has expired");
                    if self.session == 0 {
                        failed += 1;
                        End::Failed(error)
                    } else {
                        End::Expired(error)
                    }
                }
                Some(Ok((stream, frames, welcome))) => {
                    failed = 0;
                    let began = Instant::now();
                    let end = self.serve(stream, frames, welcome).await;
                    lasted = began.elapsed() > LASTING;
                    end
                }
            };
            let error = match end {
                End::Closed => return,
                End::Expired(error) => {
                    self.session = 0;
                    self.secret.clear();
                    self.down(error);
                    continue;
                }
                End::Failed(error) => error,
            };
            // A restart of one server is no news while another takes the session over.
            if failed == 0 || failed >= self.servers.len() {
                self.down(error);
            }
            if lasted {
                self.backoff.reset();
            } else {
                let pause = self.backoff.pause();
                if self.meanwhile(sleep(pause)).await.is_none() {
                    return;
                }
            }
        }
    }

    fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, &self.address, message)
    }

    fn down(&self, error: Error) {
        self.state.send_replace(State::Down(error));
    }

    /// Refuses what is asked during `work`, for there is no connection; `None` when nobody needs one any more.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Some(done),
                order = self.orders.recv() => match order? {
                    Command::Ask { reply, .. } => refuse(reply, &self.lost()),
                    Command::Listen { .. } => {}
                },
            }
        }
    }

    /// Why there is no connection.
    fn lost(&self) -> Error {
        match &*self.state.borrow() {
            State::Down(error) => error.clone(),
            State::Opening | State::Up(..) => {
                self.error(ErrorKind::Unavailable, "the connection is lost")
            }
        }
    }

    /// Uses a connection until its end.
    async fn serve(&mut self, stream: Stream, frames: Frames, welcome: Welcome) -> End {
        let lasts = Duration::from_millis(welcome.timeout_ms.into());
        self.session = welcome.session;
        self.secret = welcome.secret;
        self.connection += 1;
        let up = State::Up(self.connection, self.session);
        let mut talk = Talk {
            keeper: self,
            frames,
            out: BytesMut::new(),
            waiting: VecDeque::new(),
            listeners: HashMap::new(),
            xid: 0,
        };
        if let Some(proof) = talk.keeper.servers.proof() {
            talk.out.extend_from_slice(&proof);
        }
        talk.keeper.state.send_replace(up);
        let end = talk.run(stream, lasts).await;
        let why = match &end {
            End::Closed => return end,
            End::Failed(error) | End::Expired(error) => error.clone(),
        };
        // Before anybody learns that the connection is gone, so that nobody asks it again.
        talk.keeper.down(why.clone());
        for (_, _, reply) in talk.waiting {
            refuse(reply, &why);
        }
        end
    }
}

fn refuse(reply: oneshot::Sender<Result<BytesMut, Fault>>, why: &Error) {
    // Who has stopped waiting needs no answer.
    drop(reply.send(Err(Fault::Lost(why.clone()))));
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// Connects to a server and lets it welcome us.
async fn greet(
    servers: &Servers,
    server: &super::super::Endpoint,
    greeting: &[u8],
) -> Result<(Stream, Frames, Welcome), String> {
    let mut stream = servers.connect(server).await?;
    let silent = |error: std::io::Error| error.to_string();
    stream.write_all(greeting).await.map_err(silent)?;
    stream.flush().await.map_err(silent)?;
    let mut frames = Frames::default();
    loop {
        if stream
            .read_buf(&mut frames.received)
            .await
            .map_err(silent)?
            == 0
        {
            return Err(
                "it closes connections: it may still be starting, lack a majority, or want TLS"
                    .into(),
            );
        }
        match frames.welcome() {
            Ok(Some(welcome)) => return Ok((stream, frames, welcome)),
            Ok(None) => {}
            Err(malformed) => return Err(malformed.to_string()),
        }
    }
}

/// A request on its way: its number, how much of its answer to keep, who waits for it.
type Waiting = (i32, usize, oneshot::Sender<Result<BytesMut, Fault>>);

/// Sends some of what waits, or what an encrypted connection still holds; gives the length, which is 0 when nothing waits any
/// more.
async fn send(to: &mut WriteHalf<Stream>, out: &[u8]) -> std::io::Result<usize> {
    if out.is_empty() {
        return to.flush().await.map(|()| 0);
    }
    match to.write(out).await {
        Ok(0) => Err(std::io::ErrorKind::WriteZero.into()),
        sent => sent,
    }
}

/// What happens on one connection.
struct Talk<'a> {
    keeper: &'a mut Keeper,
    frames: Frames,
    out: BytesMut,
    /// Answers come in the order of the requests.
    waiting: VecDeque<Waiting>,
    /// By the path that is watched.
    listeners: HashMap<String, Vec<mpsc::UnboundedSender<String>>>,
    xid: i32,
}

impl Talk<'_> {
    async fn run(&mut self, stream: Stream, lasts: Duration) -> End {
        let (mut from, mut to) = tokio::io::split(stream);
        // A third: two pings may be lost before the server gives us up. Two thirds without any answer leave a third to find
        // another server.
        let (ping_after, lost_after) = (lasts / 3, lasts * 2 / 3);
        let (mut heard, mut said) = (Instant::now(), Instant::now());
        let (mut flushed, mut closing) = (true, false);
        loop {
            while let Some(frame) = match self.next() {
                Ok(frame) => frame,
                Err(malformed) => return self.failed(malformed.to_string()),
            } {
                if let Err(end) = self.take(frame) {
                    return end;
                }
            }
            if closing && self.waiting.is_empty() {
                return End::Closed;
            }
            self.frames.received.reserve(READ_BYTES);
            tokio::select! {
                biased;
                read = from.read_buf(&mut self.frames.received) => match read {
                    Ok(0) if closing => return End::Closed,
                    Ok(0) => return self.failed("the server has closed the connection"),
                    Ok(_) => heard = Instant::now(),
                    Err(error) => return self.failed(format!("the connection broke: {error}")),
                },
                sent = send(&mut to, &self.out), if !flushed || !self.out.is_empty() => match sent {
                    Ok(0) => flushed = true,
                    Ok(length) => {
                        self.out.advance(length);
                        (said, flushed) = (Instant::now(), false);
                    }
                    Err(error) => return self.failed(format!("the connection broke: {error}")),
                },
                order = self.keeper.orders.recv(), if !closing && self.out.len() < MAX_WAITING_BYTES => {
                    if let Some(order) = order {
                        self.obey(order);
                    } else {
                        closing = true;
                        self.close();
                    }
                }
                () = sleep_until((said + ping_after).min(heard + lost_after)) => {
                    if heard + lost_after <= Instant::now() {
                        let silent = format!("the server is silent for {} ms", lost_after.as_millis());
                        return self.failed(silent);
                    }
                    self.out.extend_from_slice(&proto::request(xid::PING, op::PING, |_| {}));
                    said = Instant::now();
                }
            }
        }
    }

    fn failed(&self, message: impl Into<String>) -> End {
        End::Failed(self.keeper.error(ErrorKind::Unavailable, message))
    }

    fn next(&mut self) -> Result<Option<Frame>, super::jute::Malformed> {
        let waiting = &self.waiting;
        self.frames.next(|number| match waiting.front() {
            Some((xid, keep, _)) if *xid == number => *keep,
            _ => MAX_EVENT_BYTES,
        })
    }

    fn take(&mut self, frame: Frame) -> Result<(), End> {
        match (frame.xid, frame.refusal) {
            (xid::EVENT, _) => {
                if let Body::Whole(body) = frame.body {
                    let path = proto::event(&body)
                        .map_err(|malformed| self.failed(malformed.to_string()))?;
                    self.tell(path);
                }
                return Ok(());
            }
            (xid::PING, _) | (xid::AUTH, 0) => return Ok(()),
            (_, code::SESSION_EXPIRED) => {
                let error = self
                    .keeper
                    .error(ErrorKind::Unavailable, "the session has expired");
                return Err(End::Expired(error));
            }
            (_, code::SESSION_MOVED) => {
                return Err(self.failed("the session has moved to another connection"));
            }
            (xid::AUTH, _) | (_, code::AUTH_FAILED | code::AUTH_REQUIRED) => {
                let message = "it does not let us in: write a user and password that it knows in the address, and see that \
                    it takes the scheme `digest`";
                return Err(End::Failed(self.keeper.error(ErrorKind::Denied, message)));
            }
            _ => {}
        }
        let Some((xid, _, reply)) = self.waiting.pop_front() else {
            return Err(self.failed("it answers what nobody asked"));
        };
        if xid != frame.xid {
            refuse(reply, &self.keeper.lost());
            return Err(self.failed("it answers out of turn"));
        }
        let answer = match (frame.refusal, frame.body) {
            (0, Body::Whole(body)) => Ok(body),
            (0, Body::TooLong(length)) => Err(Fault::TooLong(length)),
            (refusal, _) => Err(Fault::Refused(refusal)),
        };
        drop(reply.send(answer));
        Ok(())
    }

    /// Hands an event to who listens at its path or above.
    fn tell(&mut self, path: Option<String>) {
        let Some(path) = path else { return };
        let mut place = path.as_str();
        loop {
            if let Some(listeners) = self.listeners.get_mut(place) {
                listeners.retain(|listener| listener.send(path.clone()).is_ok());
                if listeners.is_empty() {
                    self.listeners.remove(place);
                }
            }
            match place.rsplit_once('/') {
                Some((above, _)) if !above.is_empty() => place = above,
                _ => return,
            }
        }
    }

    fn obey(&mut self, order: Command) {
        match order {
            Command::Ask {
                connection,
                mut frame,
                keep,
                reply,
            } => {
                if connection != self.keeper.connection {
                    let error = self
                        .keeper
                        .error(ErrorKind::Unavailable, "the connection was lost");
                    refuse(reply, &error);
                    return;
                }
                // Numbers below 0 have a meaning of their own.
                self.xid = if self.xid == i32::MAX {
                    1
                } else {
                    self.xid + 1
                };
                frame[4..8].copy_from_slice(&self.xid.to_be_bytes());
                self.out.extend_from_slice(&frame);
                self.waiting.push_back((self.xid, keep, reply));
            }
            Command::Listen {
                connection,
                path,
                events,
            } => {
                if connection == self.keeper.connection {
                    self.listeners.entry(path).or_default().push(events);
                }
            }
        }
    }

    /// Ends the session, and with it all that lasts as long.
    fn close(&mut self) {
        self.xid += 1;
        let (reply, _) = oneshot::channel();
        self.out
            .extend_from_slice(&proto::request(self.xid, op::CLOSE, |_| {}));
        self.waiting.push_back((self.xid, MAX_EVENT_BYTES, reply));
    }
}
