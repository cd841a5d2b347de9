//! What is asked of `ZooKeeper` and what it answers, as plain values; and the frames of an answering stream.
//!
//! The protocol is that of `zookeeper.jute` of release 3.6, which every later server speaks. Knows no socket and no time.

use bytes::{Buf as _, BytesMut};

use super::jute::{Malformed, Reader, Writer};

/// The numbers that say what a request is.
pub(super) mod op {
    pub(in crate::registry::zookeeper) const DELETE: i32 = 2;
    pub(in crate::registry::zookeeper) const EXISTS: i32 = 3;
    pub(in crate::registry::zookeeper) const READ: i32 = 4;
    pub(in crate::registry::zookeeper) const WRITE: i32 = 5;
    pub(in crate::registry::zookeeper) const SYNC: i32 = 9;
    pub(in crate::registry::zookeeper) const PING: i32 = 11;
    pub(in crate::registry::zookeeper) const CHILDREN: i32 = 12;
    pub(in crate::registry::zookeeper) const MULTI: i32 = 14;
    /// Among several changes; answered with the path alone.
    pub(in crate::registry::zookeeper) const CREATE_AMONG: i32 = 1;
    /// Alone; answered with the path and the status of the new node.
    pub(in crate::registry::zookeeper) const CREATE: i32 = 15;
    pub(in crate::registry::zookeeper) const UNWATCH: i32 = 18;
    pub(in crate::registry::zookeeper) const CREATE_CONTAINER: i32 = 19;
    pub(in crate::registry::zookeeper) const AUTH: i32 = 100;
    pub(in crate::registry::zookeeper) const WATCH: i32 = 106;
    pub(in crate::registry::zookeeper) const CLOSE: i32 = -11;
}

/// The numbers that a server refuses with.
pub(super) mod code {
    pub(in crate::registry::zookeeper) const UNIMPLEMENTED: i32 = -6;
    pub(in crate::registry::zookeeper) const NO_NODE: i32 = -101;
    pub(in crate::registry::zookeeper) const NO_AUTH: i32 = -102;
    pub(in crate::registry::zookeeper) const BAD_VERSION: i32 = -103;
    pub(in crate::registry::zookeeper) const NODE_EXISTS: i32 = -110;
    pub(in crate::registry::zookeeper) const NOT_EMPTY: i32 = -111;
    pub(in crate::registry::zookeeper) const SESSION_EXPIRED: i32 = -112;
    pub(in crate::registry::zookeeper) const INVALID_ACL: i32 = -114;
    pub(in crate::registry::zookeeper) const AUTH_FAILED: i32 = -115;
    pub(in crate::registry::zookeeper) const SESSION_MOVED: i32 = -118;
    pub(in crate::registry::zookeeper) const AUTH_REQUIRED: i32 = -124;
    pub(in crate::registry::zookeeper) const QUOTA: i32 = -125;
    pub(in crate::registry::zookeeper) const THROTTLED: i32 = -127;
}

/// The numbers of frames that answer no request of a caller.
pub(super) mod xid {
    pub(in crate::registry::zookeeper) const EVENT: i32 = -1;
    pub(in crate::registry::zookeeper) const PING: i32 = -2;
    pub(in crate::registry::zookeeper) const AUTH: i32 = -4;
}

/// How long a node lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    /// Until somebody deletes it.
    Forever,
    /// As long as the session that made it.
    Session,
    /// Until the last node below it is gone.
    WhileFilled,
}

/// Who may do what with the nodes that we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody may do everything.
    Open,
    /// Our user may do everything, everybody may read.
    Readable,
    /// Our user may do everything, nobody else anything.
    Private,
}

const READ: i32 = 1;
const ALL: i32 = 31;

impl Access {
    fn write(self, to: &mut Writer) {
        let list: &[(i32, &str, &str)] = match self {
            Self::Open => &[(ALL, "world", "anyone")],
            // `auth` stands for whoever the session has proved to be.
            Self::Readable => &[(ALL, "auth", ""), (READ, "world", "anyone")],
            Self::Private => &[(ALL, "auth", "")],
        };
        to.length(list.len());
        for (permissions, scheme, id) in list {
            to.int(*permissions);
            to.bytes(scheme.as_bytes());
            to.bytes(id.as_bytes());
        }
    }
}

/// A change, alone or one of several that happen all or not at all.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    Create(&'a str, &'a [u8], Lasts, Access),
    /// With the version that must stand there; -1 for any.
    Delete(&'a str, i32),
    Write(&'a str, &'a [u8], i32),
}

impl Change<'_> {
    pub(super) fn op(&self) -> i32 {
        match self {
            Self::Create(_, _, Lasts::WhileFilled, _) => op::CREATE_CONTAINER,
            Self::Create(..) => op::CREATE,
            Self::Delete(..) => op::DELETE,
            Self::Write(..) => op::WRITE,
        }
    }

    pub(super) fn write(&self, to: &mut Writer) {
        match *self {
            Self::Create(path, data, lasts, access) => {
                to.bytes(path.as_bytes());
                to.bytes(data);
                access.write(to);
                to.int(match lasts {
                    Lasts::Forever => 0,
                    Lasts::Session => 1,
                    Lasts::WhileFilled => 4,
                });
            }
            Self::Delete(path, version) => {
                to.bytes(path.as_bytes());
                to.int(version);
            }
            Self::Write(path, data, version) => {
                to.bytes(path.as_bytes());
                to.bytes(data);
                to.int(version);
            }
        }
    }
}

/// The body of several changes in one.
pub(super) fn write_all(changes: &[Change<'_>], to: &mut Writer) {
    for change in changes {
        to.int(match change.op() {
            op::CREATE => op::CREATE_AMONG,
            op => op,
        });
        to.flag(false);
        to.int(-1);
        change.write(to);
    }
    to.int(-1);
    to.flag(true);
    to.int(-1);
}

/// Whether several changes in one have happened: gives the refusal that hindered them.
pub(super) fn outcome(body: &[u8]) -> Result<Result<(), i32>, Malformed> {
    let mut reader = Reader::new(body);
    loop {
        let (kind, done, _) = (reader.int()?, reader.flag()?, reader.int()?);
        if done {
            return Ok(Ok(()));
        }
        match kind {
            // The others of a hindered whole are refused with 0, or -2 behind the one that hindered it.
            -1 => match reader.int()? {
                0 | -2 => {}
                refusal => return Ok(Err(refusal)),
            },
            op::CREATE_AMONG => drop(reader.bytes()?),
            op::CREATE => drop((reader.bytes()?, Stat::read(&mut reader)?)),
            op::WRITE => drop(Stat::read(&mut reader)?),
            op::DELETE => {}
            _ => return Err(Malformed),
        }
    }
}

/// What a server knows of a node beside its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stat {
    /// The change that made it.
    pub(super) created: i64,
    /// The change that wrote it last.
    pub(super) written: i64,
    /// How often it has been written.
    pub(super) version: i32,
    /// The session that it lasts as long as; 0 if it outlasts sessions.
    pub(super) owner: i64,
    /// How long its data is.
    pub(super) length: i32,
    /// How many nodes are right below it.
    pub(super) children: i32,
}

impl Stat {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (created, written) = (from.long()?, from.long()?);
        let (_created_at, _written_at) = (from.long()?, from.long()?);
        let (version, _children_version, _access_version) = (from.int()?, from.int()?, from.int()?);
        let owner = from.long()?;
        let (length, children) = (from.int()?, from.int()?);
        let _children_changed = from.long()?;
        // A container says so in the place of the owner, and nodes that run out by time do as well.
        let owner = if owner == i64::MIN || owner.cast_unsigned() >> 56 == 0xff {
            0
        } else {
            owner
        };
        Ok(Self {
            created,
            written,
            version,
            owner,
            length,
            children,
        })
    }
}

/// The first words of a connection.
pub(super) fn greeting(session: i64, secret: &[u8], timeout_ms: i32) -> BytesMut {
    let mut writer = Writer::frame();
    writer.int(0);
    // The last change that we have seen. We say none: a server that has seen less than that refuses us for ever, which is
    // what happens to all clients of an ensemble that was replaced by an empty one. `sync` does in its place.
    writer.long(0);
    writer.int(timeout_ms);
    writer.long(session);
    writer.bytes(secret);
    // A server without a majority may not serve us what may be long out of date.
    writer.flag(false);
    writer.finish()
}

/// The answer to the greeting.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Welcome {
    pub(super) timeout_ms: u32,
    /// 0 if the session that was asked for is at its end.
    pub(super) session: i64,
    pub(super) secret: Vec<u8>,
}

impl Welcome {
    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (_protocol, timeout) = (reader.int()?, reader.int()?);
        let (session, secret) = (reader.long()?, reader.bytes()?.to_vec());
        let timeout_ms = u32::try_from(timeout.max(0)).map_err(|_| Malformed)?;
        Ok(Self {
            timeout_ms,
            session: if timeout_ms == 0 { 0 } else { session },
            secret,
        })
    }
}

/// A whole request.
pub(super) fn request(xid: i32, op: i32, body: impl Fn(&mut Writer)) -> BytesMut {
    let mut writer = Writer::frame();
    writer.int(xid);
    writer.int(op);
    body(&mut writer);
    writer.finish()
}

/// Who we are, proved by a password.
pub(super) fn proof(user: &str, password: &str) -> BytesMut {
    request(xid::AUTH, op::AUTH, |body| {
        body.int(0);
        body.bytes(b"digest");
        body.bytes(format!("{user}:{password}").as_bytes());
    })
}

/// One answer, or one event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) xid: i32,
    /// 0, or why it is refused.
    pub(super) refusal: i32,
    pub(super) body: Body,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    Whole(BytesMut),
    /// More than was to be kept, and thrown away: its length.
    TooLong(usize),
}

/// Cuts a stream of bytes into frames, and keeps no more of them than wanted.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) received: BytesMut,
    /// Bytes of a frame that is thrown away.
    skip: usize,
}

/// Before every answer: its number, the newest change that the server has seen, why it is refused.
const HEADER: usize = 16;

impl Frames {
    /// The first frame of a connection, which has no header.
    pub(super) fn welcome(&mut self) -> Result<Option<Welcome>, Malformed> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        if length > 1_024 {
            return Err(Malformed);
        }
        if self.received.len() < 4 + length {
            return Ok(None);
        }
        self.received.advance(4);
        Welcome::read(&self.received.split_to(length)).map(Some)
    }

    /// The next frame, if it is there. `keep` says how long a body may be to be kept, by the frame's number.
    pub(super) fn next(
        &mut self,
        keep: impl FnOnce(i32) -> usize,
    ) -> Result<Option<Frame>, Malformed> {
        let gone = self.skip.min(self.received.len());
        self.received.advance(gone);
        self.skip -= gone;
        if self.skip > 0 {
            return Ok(None);
        }
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        if self.received.len() < 4 + HEADER {
            return Ok(None);
        }
        let length = length.checked_sub(HEADER).ok_or(Malformed)?;
        let mut header = Reader::new(&self.received[4..]);
        let (xid, _change, refusal) = (header.int()?, header.long()?, header.int()?);
        let body = if length > keep(xid) {
            self.received.advance(4 + HEADER);
            let here = length.min(self.received.len());
            self.received.advance(here);
            self.skip = length - here;
            Body::TooLong(length)
        } else if self.received.len() < 4 + HEADER + length {
            self.received
                .reserve(4 + HEADER + length - self.received.len());
            return Ok(None);
        } else {
            self.received.advance(4 + HEADER);
            Body::Whole(self.received.split_to(length))
        };
        Ok(Some(Frame { xid, refusal, body }))
    }

    fn length(&self) -> Result<Option<usize>, Malformed> {
        if self.received.len() < 4 {
            return Ok(None);
        }
        let length = Reader::new(&self.received).int()?;
        usize::try_from(length).map(Some).map_err(|_| Malformed)
    }
}

/// The path of the node that an event tells of; `None` if it tells of the session.
pub(super) fn event(body: &[u8]) -> Result<Option<String>, Malformed> {
    let mut reader = Reader::new(body);
    let (kind, _state, path) = (reader.int()?, reader.int()?, reader.text()?);
    Ok((kind > 0).then_some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(xid: i32, refusal: i32, body: &[u8]) -> Vec<u8> {
        let mut writer = Writer::frame();
        writer.int(xid);
        writer.long(99);
        writer.int(refusal);
        let mut bytes = writer.finish().to_vec();
        bytes.extend_from_slice(body);
        let length = u32::try_from(bytes.len() - 4).unwrap();
        bytes[..4].copy_from_slice(&length.to_be_bytes());
        bytes
    }

    #[test]
    fn frames_are_found_however_the_stream_is_cut_and_long_ones_are_thrown_away() {
        let mut stream = frame(1, 0, b"one");
        stream.extend(frame(2, 0, &[7; 500]));
        stream.extend(frame(3, code::NO_NODE, b""));
        for size in 1..=stream.len() {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                frames.received.extend_from_slice(piece);
                while let Some(frame) = frames.next(|_| 100).unwrap() {
                    found.push((frame.xid, frame.refusal, frame.body));
                }
                assert!(frames.received.len() < 20 + 100 + size);
            }
            let whole = |body: &[u8]| Body::Whole(BytesMut::from(body));
            let expected = [
                (1, 0, whole(b"one")),
                (2, 0, Body::TooLong(500)),
                (3, code::NO_NODE, whole(b"")),
            ];
            assert_eq!(found, expected, "pieces of {size}");
        }
    }

    #[test]
    fn frames_that_cannot_be_are_refused() {
        for bytes in [
            &[0xff, 0, 0, 0][..],
            &[0; 20],
            &[0, 0, 0, 15, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let mut frames = Frames::default();
            frames.received.extend_from_slice(bytes);
            assert_eq!(frames.next(|_| 100), Err(Malformed));
        }
        let mut frames = Frames::default();
        frames
            .received
            .extend_from_slice(b"HTTP/1.1 400 Bad Request");
        assert!(frames.welcome().is_err());
    }

    #[test]
    fn a_session_at_its_end_is_welcomed_as_none() {
        let mut body = Writer::default();
        body.int(0);
        body.int(0);
        body.long(77);
        body.bytes(&[0; 16]);
        let body = body.finish_body();
        assert_eq!(Welcome::read(&body).unwrap().session, 0);
    }

    #[test]
    fn the_refusal_that_hindered_several_changes_is_found() {
        let result = |kinds: &[i32]| {
            let mut body = Writer::default();
            for &refusal in kinds {
                body.int(-1);
                body.flag(false);
                body.int(refusal);
                body.int(refusal);
            }
            body.int(-1);
            body.flag(true);
            body.int(-1);
            outcome(&body.finish_body())
        };
        assert_eq!(
            result(&[0, code::NODE_EXISTS, -2]),
            Ok(Err(code::NODE_EXISTS))
        );
        assert_eq!(result(&[]), Ok(Ok(())));
        assert_eq!(outcome(b"\0"), Err(Malformed));
    }

    #[test]
    fn only_real_sessions_own_nodes() {
        let owner = |owner: i64| {
            let mut body = Writer::default();
            (0..4).for_each(|_| body.long(1));
            (0..3).for_each(|_| body.int(2));
            body.long(owner);
            body.int(3);
            body.int(4);
            body.long(5);
            let bytes = body.finish_body();
            Stat::read(&mut Reader::new(&bytes)).unwrap().owner
        };
        assert_eq!(owner(0x0100_0000_0000_0007), 0x0100_0000_0000_0007);
        assert_eq!(owner(i64::MIN), 0);
        assert_eq!(owner(-1), 0);
        assert_eq!(owner(0), 0);
    }
}
