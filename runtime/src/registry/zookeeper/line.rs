//! What the back end asks of `ZooKeeper`, one function per request, on one connection of one session.
//!
//! A request is on its way when its function returns; the future waits for the answer. Many may be on their way at once, and
//! are answered in order. Knows no layout of paths and no records.

use std::future::Future;

use bytes::BytesMut;
use tokio::sync::{mpsc, oneshot};

use super::super::{Error, ErrorKind};
use super::jute::{Malformed, Reader, Writer};
use super::proto::{self, Access, Change, Lasts, Stat, code, op};

/// The longest list of children that is kept: 100 000 names of the length that ids may have, and more than any list that
/// `ZooKeeper`'s own clients take (1 MiB).
const MAX_CHILDREN_BYTES: usize = 32 << 20;

/// The longest other answer that is kept: a path and a status, for each of several changes.
const MAX_ANSWER_BYTES: usize = 16 << 10;

/// What stands around data: its length and a status.
const AROUND: usize = 4 + 68;

/// Why a request brought nothing.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The server refuses it.
    Refused(i32),
    /// The answer has so many bytes that it was thrown away.
    TooLong(usize),
    /// There is no connection any more, for this reason. The request may have been done.
    Lost(Error),
}

/// What the task of the session is told.
pub(super) enum Command {
    /// Sends a frame whose number is left open.
    Ask {
        connection: u64,
        frame: BytesMut,
        keep: usize,
        reply: oneshot::Sender<Result<BytesMut, Fault>>,
    },
    /// Hands on the paths of events at or below `path`, until the connection ends.
    Listen {
        connection: u64,
        path: String,
        events: mpsc::UnboundedSender<String>,
    },
}

/// How far down a watch sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// The node itself.
    Node = 0,
    /// All below it, too.
    All = 1,
}

/// One connection of one session. Of no use any more when that connection ends.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) address: String,
    pub(super) connection: u64,
    pub(super) session: i64,
}

impl Line {
    /// The session, as the owner of nodes is told.
    pub(super) fn session(&self) -> i64 {
        self.session
    }

    /// Whether it is the same connection.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.connection == other.connection
    }

    fn ask(
        &self,
        op: i32,
        keep: usize,
        body: &dyn Fn(&mut Writer),
    ) -> impl Future<Output = Result<BytesMut, Fault>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Ask {
            connection: self.connection,
            frame: proto::request(0, op, body),
            keep,
            reply,
        };
        // Where nobody takes commands the reply is dropped with this one.
        drop(self.commands.send(command));
        let address = self.address.clone();
        async move {
            match answer.await {
                Ok(answer) => answer,
                Err(_) => Err(Fault::Lost(ended(&address))),
            }
        }
    }

    /// Makes a change.
    pub(super) async fn change(&self, change: Change<'_>) -> Result<(), Fault> {
        self.changed(change).await.map(drop)
    }

    /// Makes a change; gives what the server says of it.
    pub(super) fn changed(
        &self,
        change: Change<'_>,
    ) -> impl Future<Output = Result<BytesMut, Fault>> + Send + use<> {
        self.ask(change.op(), MAX_ANSWER_BYTES, &|body| change.write(body))
    }

    /// Makes a node; gives its status.
    pub(super) async fn create(
        &self,
        path: &str,
        data: &[u8],
        lasts: Lasts,
        access: Access,
    ) -> Result<Stat, Fault> {
        let body = self
            .changed(Change::Create(path, data, lasts, access))
            .await?;
        self.parse(&body, |reader| {
            reader.bytes()?;
            Stat::read(reader)
        })
    }

    /// Writes a node that is there; gives its new status.
    pub(super) async fn write(&self, path: &str, data: &[u8], version: i32) -> Result<Stat, Fault> {
        let body = self.changed(Change::Write(path, data, version)).await?;
        self.parse(&body, Stat::read)
    }

    /// Makes all changes or none.
    pub(super) async fn change_all(&self, changes: &[Change<'_>]) -> Result<(), Fault> {
        let body = self
            .ask(op::MULTI, MAX_ANSWER_BYTES, &|body| {
                proto::write_all(changes, body);
            })
            .await?;
        match proto::outcome(&body) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refusal)) => Err(Fault::Refused(refusal)),
            Err(malformed) => Err(self.malformed(malformed)),
        }
    }

    /// The status of a node, if it is there.
    pub(super) fn status(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<Option<Stat>, Fault>> + Send + use<> {
        let line = self.clone();
        let answer = self.look(op::EXISTS, path, MAX_ANSWER_BYTES);
        async move {
            let Some(body) = answer.await? else {
                return Ok(None);
            };
            line.parse(&body, Stat::read).map(Some)
        }
    }

    /// The data, of at most `limit` bytes, and the status of a node, if it is there.
    pub(super) fn read(
        &self,
        path: &str,
        limit: usize,
    ) -> impl Future<Output = Result<Option<(Vec<u8>, Stat)>, Fault>> + Send + use<> {
        let line = self.clone();
        let answer = self.look(op::READ, path, limit + AROUND);
        async move {
            let Some(body) = answer.await? else {
                return Ok(None);
            };
            line.parse(&body, |reader| {
                Ok((reader.bytes()?.to_vec(), Stat::read(reader)?))
            })
            .map(Some)
        }
    }

    /// The names of the nodes right below a node, if that is there.
    pub(super) fn children(
        &self,
        path: &str,
    ) -> impl Future<Output = Result<Option<Vec<String>>, Fault>> + Send + use<> {
        let line = self.clone();
        let answer = self.look(op::CHILDREN, path, MAX_CHILDREN_BYTES);
        async move {
            let Some(body) = answer.await? else {
                return Ok(None);
            };
            match Reader::new(&body).texts() {
                Ok(names) => Ok(Some(names)),
                Err(malformed) => Err(line.malformed(malformed)),
            }
        }
    }

    fn look(
        &self,
        op: i32,
        path: &str,
        keep: usize,
    ) -> impl Future<Output = Result<Option<BytesMut>, Fault>> + Send + use<> {
        let answer = self.ask(op, keep, &|body| {
            body.bytes(path.as_bytes());
            body.flag(false);
        });
        async move {
            match answer.await {
                Ok(body) => Ok(Some(body)),
                Err(Fault::Refused(code::NO_NODE)) => Ok(None),
                Err(fault) => Err(fault),
            }
        }
    }

    /// Waits until this server has seen all that the leader has: what is read then is not older than now.
    pub(super) async fn sync(&self, path: &str) -> Result<(), Fault> {
        let answer = self.ask(op::SYNC, MAX_ANSWER_BYTES, &|body| {
            body.bytes(path.as_bytes());
        });
        answer.await.map(drop)
    }

    /// The paths of all nodes at or below `path` that are made, written or deleted from now on. It ends with the
    /// connection: then anything may have been missed.
    pub(super) async fn watch(
        &self,
        path: &str,
        depth: Depth,
    ) -> Result<mpsc::UnboundedReceiver<String>, Fault> {
        let (events, receiver) = mpsc::unbounded_channel();
        let listen = Command::Listen {
            connection: self.connection,
            path: path.into(),
            events,
        };
        drop(self.commands.send(listen));
        let answer = self.ask(op::WATCH, MAX_ANSWER_BYTES, &|body| {
            body.bytes(path.as_bytes());
            body.int(depth as i32);
        });
        answer.await.map(|_| receiver)
    }

    /// Ends a watch.
    pub(super) fn unwatch(&self, path: &str) {
        const ANY: i32 = 3;
        // It ends with the connection, too; nobody waits for it.
        drop(self.ask(op::UNWATCH, MAX_ANSWER_BYTES, &|body| {
            body.bytes(path.as_bytes());
            body.int(ANY);
        }));
    }

    fn parse<T>(
        &self,
        body: &[u8],
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Malformed>,
    ) -> Result<T, Fault> {
        read(&mut Reader::new(body)).map_err(|malformed| self.malformed(malformed))
    }

    fn malformed(&self, malformed: Malformed) -> Fault {
        let message = malformed.to_string();
        Fault::Lost(Error::new(ErrorKind::Unavailable, &self.address, message))
    }
}

/// What is said when the task of the session is gone.
pub(super) fn ended(address: &str) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        address,
        "the tokio runtime that it was opened on is gone: open it again",
    )
}
